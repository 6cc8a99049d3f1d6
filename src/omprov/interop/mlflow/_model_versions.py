"""Versions of registered models: each is a version of the asset, of the same number."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from omprov.catalog.mlflow import MODEL_VERSIONS, Criteria
from omprov.content import TreeSummary
from omprov.repository import Output

from ._artifact_paths import artifact_path
from ._call import Endpoint, said_json
from ._errors import invalid
from ._experiments import labels
from ._filters import parse_filter, parse_order
from ._logged_models import get_logged_model
from ._pages import page
from ._recording import model_version, record_run, tree_below
from ._registry import get_registered, get_registered_version, stage_of, version_number
from ._shapes import hex_of, model_version_json, run_id_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.catalog.mlflow import RegisteredModel
    from omprov.records import RunId, Version

    from ._call import Call

REGISTERED_AS = "mlflow.modelVersions"
"""The tag of a logged model in which clients look for the names it is registered under."""

_MODEL = re.compile(r"models:/(m-[0-9a-f]{32})/?")
_VERSION = re.compile(r"models:/([^/]+)/(\d+)/?")
_HERE = re.compile(r"(?:mlflow-artifacts:|https?:).*?/(?:mlflow-artifacts/artifacts/)?(\d+/.*)")


def _create(call: Call) -> dict[str, Any]:
    source = call.text("source")
    tags = labels(call.items("tags"))
    with call.repository.reading_mlflow() as reader:
        registered = get_registered(reader, call, call.text("name"))
    model = call.find_text("model_id") or _logged_in(source)
    content, run = _content(call, source, model)
    run = run or _known_run(call)
    made = _added(call, registered, content, run, source)
    with call.repository.writing_mlflow() as writer:
        taken = writer.registered_keys([version.key for version in made])
        version = next(version for version in made if version.key not in taken)
        writer.add_registered_version(
            registered,
            version.key,
            source=source,
            run=call.find_text("run_id") or (hex_of(run) if run else ""),
            run_link=call.find_text("run_link") or "",
            model=model,
            description=call.find_text("description") or "",
        )
        if tags:
            writer.set_tags(version.id, tags)
        known = writer.find_logged_model(call.project, model) if model else None
        if known is not None:
            said = said_json(known.tags.get(REGISTERED_AS, "[]"), None)
            names = [
                *(said if isinstance(said, list) else []),
                {"name": registered.name, "version": version.number},
            ]
            writer.set_logged_model_tags(known, {REGISTERED_AS: json.dumps(names)})
        found = writer.find_registered_version(call.project, registered.name, version.number)
    assert found is not None, "the version was just written"
    return {"model_version": model_version_json(found)}


def _logged_in(source: str) -> str:
    match = _MODEL.fullmatch(source) or re.search(r"/models/(m-[0-9a-f]{32})/artifacts", source)
    return match[1] if match else ""


def _content(call: Call, source: str, model: str) -> tuple[TreeSummary | None, RunId | None]:
    """Return what a source holds, as far as it is here, and the run that made it."""
    if model:
        with call.repository.reading_mlflow() as reader:
            known = get_logged_model(reader, call, model)
        version = model_version(call.repository, model)
        if version is not None:
            return _of(version), known.run
        return None, known.run
    copied = _VERSION.fullmatch(source)
    if copied is not None:
        with call.repository.reading_mlflow() as reader:
            original = reader.find_registered_version(
                call.project, copied[1], version_number(copied[2])
            )
        if original is None:
            raise invalid(f"Model version source {source!r} does not exist.")
        return _of(original.version), original.version.run
    here = _HERE.fullmatch(source)
    if here is None:
        return None, None
    return tree_below(call.repository, artifact_path(here[1])), None


def _of(version: Version) -> TreeSummary | None:
    if version.digest is None:
        return None
    return TreeSummary(version.digest, version.size, version.files)


def _known_run(call: Call) -> RunId | None:
    text = call.find_text("run_id")
    if not text:
        return None
    with call.repository.reading_mlflow() as reader:
        found = reader.find_tracked_run(call.project, run_id_of(text))
    return None if found is None else found.id


def _added(
    call: Call,
    registered: RegisteredModel,
    content: TreeSummary | None,
    run: RunId | None,
    source: str,
) -> list[Version]:
    """Add the next version of the asset: as an output of its run, where that is known.

    Returns:
        The new one; and others that the run made of the asset with the same content, perhaps at the
        same time. One that is not registered yet is as good as the other.
    """
    asset = registered.asset.name
    message = f"registered from {source}"
    if run is not None:
        output = Output(asset, content, message)
        made = record_run(call.repository, run, more={f"model.{asset.name}": output})
        digest = None if content is None else content.digest
        alike = [one for one in made.outputs.values() if (one.asset, one.digest) == (asset, digest)]
        return sorted(alike, key=lambda version: version.key)
    with call.repository.reading_mlflow() as reader:
        newest = reader.list_versions(asset, limit=1)
    added = call.repository.add_version(
        asset, content, message=message, inherits=newest, source={"mlflow": {"source": source}}
    )
    return [added.version]


def _get(call: Call) -> dict[str, Any]:
    with call.repository.reading_mlflow() as reader:
        return {"model_version": model_version_json(get_registered_version(reader, call))}


def _search(call: Call) -> dict[str, Any]:
    criteria = Criteria(
        parse_filter(call.find_text("filter"), MODEL_VERSIONS),
        parse_order(call.texts("order_by"), MODEL_VERSIONS),
    )
    with call.repository.reading_mlflow() as reader:
        found, more = page(
            call,
            lambda limit, offset: reader.search_registered_versions(
                call.project, criteria, limit=limit, offset=offset
            ),
            usual=10_000,
            most=200_000,
        )
    return {"model_versions": [model_version_json(one) for one in found], **more}


def _uri(call: Call) -> dict[str, Any]:
    with call.repository.reading_mlflow() as reader:
        known = get_registered_version(reader, call)
        seen = set()
        while (copied := _VERSION.fullmatch(known.source)) and known.source not in seen:
            seen.add(known.source)
            found = reader.find_registered_version(call.project, copied[1], int(copied[2]))
            if found is None:
                break
            known = found
    return {"artifact_uri": known.source}


def _update(call: Call) -> dict[str, Any]:
    with call.repository.writing_mlflow() as writer:
        known = get_registered_version(writer, call)
        writer.set_registered_version(known, description=call.find_text("description") or "")
    return _get(call)


def _move(call: Call) -> dict[str, Any]:
    stage = stage_of(call.text("stage"))
    others = call.arguments.get("archive_existing_versions") in {True, "true", "True"}
    if others and stage not in {"Staging", "Production"}:
        raise invalid(
            "Model version transition cannot archive existing model versions because "
            f"'{stage}' is not an Active stage. Valid stages are Staging, Production"
        )
    with call.repository.writing_mlflow() as writer:
        known = get_registered_version(writer, call)
        if others:
            for other in writer.staged_versions(call.project, known.model_name, stage):
                if other.version.key != known.version.key:
                    writer.set_registered_version(other, stage="Archived")
        writer.set_registered_version(known, stage=stage)
    return _get(call)


def _delete(call: Call) -> dict[str, Any]:
    with call.repository.reading_mlflow() as reader:
        known = get_registered_version(reader, call)
    call.repository.remove_version(known.version)
    return {}


def _set_tag(call: Call) -> dict[str, Any]:
    tags = labels([{"key": call.text("key"), "value": call.find_text("value") or ""}])
    return _tagged(call, tags)


def _delete_tag(call: Call) -> dict[str, Any]:
    return _tagged(call, {call.text("key"): None})


def _tagged(call: Call, tags: Mapping[str, str | None]) -> dict[str, Any]:
    with call.repository.writing_mlflow() as writer:
        known = get_registered_version(writer, call)
        writer.set_tags(known.version.id, tags)
        writer.set_registered_version(known)
    return {}


ENDPOINTS = (
    Endpoint("POST", "2.0/mlflow/model-versions/create", _create),
    Endpoint("GET", "2.0/mlflow/model-versions/get", _get, writes=False),
    Endpoint("GET", "2.0/mlflow/model-versions/search", _search, writes=False),
    Endpoint("GET", "2.0/mlflow/model-versions/get-download-uri", _uri, writes=False),
    Endpoint("PATCH", "2.0/mlflow/model-versions/update", _update),
    Endpoint("POST", "2.0/mlflow/model-versions/transition-stage", _move),
    Endpoint("DELETE", "2.0/mlflow/model-versions/delete", _delete),
    Endpoint("POST", "2.0/mlflow/model-versions/set-tag", _set_tag),
    Endpoint("DELETE", "2.0/mlflow/model-versions/delete-tag", _delete_tag),
)
