"""Logged models: what ``log_model`` makes, registered or not."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from omprov.catalog.mlflow import LOGGED_MODELS, Criteria, Ordering

from ._artifact_paths import artifact_path
from ._call import Endpoint, checked_text
from ._errors import invalid, missing
from ._experiments import ensure_default, experiment_number, get_experiment, labels
from ._filters import parse_filter, parse_order
from ._pages import page
from ._recording import model_folder, model_version
from ._runs import run_of
from ._shapes import logged_model_json, model_root

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.catalog.mlflow import LoggedModel, MlflowReads

    from ._call import Call

_MOST = 100
_STATUSES = ("PENDING", "READY", "UPLOAD_FAILED")


def get_logged_model(reader: MlflowReads, call: Call, id: str) -> LoggedModel:
    """Return a logged model by its id.

    Raises:
        Refused: there is none.
    """
    found = reader.find_logged_model(call.project, id)
    if found is None:
        raise missing(f"Logged model with ID '{id}' not found.")
    return found


def _create(call: Call) -> dict[str, Any]:
    ensure_default(call)
    name = call.find_text("name") or f"model-{secrets.token_hex(4)}"
    if any(sign in name for sign in "/:.%\"'"):
        raise invalid(
            f"Invalid model name ({name!r}) provided. Model name must be a non-empty string and "
            "cannot contain the following characters: ('/', ':', '.', '%', '\"', \"'\")"
        )
    run = call.find_text("source_run_id")
    params = labels(call.items("params"))
    tags = labels(call.items("tags"))
    with call.repository.writing_mlflow() as writer:
        experiment = get_experiment(writer, call, call.find_text("experiment_id") or "0")
        made = writer.add_logged_model(
            call.project,
            experiment.number,
            id=f"m-{secrets.token_hex(16)}",
            name=name,
            model_type=call.find_text("model_type") or "",
            run=run_of(writer, call, run).id if run else None,
            params=params,
            tags=tags,
        )
    return {"model": logged_model_json(made)}


def _get(call: Call) -> dict[str, Any]:
    with call.repository.reading_mlflow() as reader:
        return {"model": logged_model_json(get_logged_model(reader, call, call.text("model_id")))}


def _finalize(call: Call) -> dict[str, Any]:
    status = call.text("status").removeprefix("LOGGED_MODEL_")
    if status not in _STATUSES:
        raise invalid(f"Invalid model status: {status!r}. Expected one of {list(_STATUSES)}.")
    id = call.text("model_id")  # noqa: A001 the field's name
    with call.repository.writing_mlflow() as writer:
        known = get_logged_model(writer, call, id)
        writer.set_logged_model(known, status=status)
    if status == "READY" and known.run is None:  # no run's end will record it
        model_version(call.repository, id)
    return _get(call)


def _delete(call: Call) -> dict[str, Any]:
    with call.repository.writing_mlflow() as writer:
        known = get_logged_model(writer, call, call.text("model_id"))
        writer.set_logged_model(known, stage="deleted")
    return {}


def _set_tags(call: Call) -> dict[str, Any]:
    tags = labels(call.items("tags"))
    with call.repository.writing_mlflow() as writer:
        known = get_logged_model(writer, call, call.text("model_id"))
        writer.set_logged_model_tags(known, tags)
    return _get(call)


def _delete_tag(call: Call) -> dict[str, Any]:
    key = call.text("tag_key")
    with call.repository.writing_mlflow() as writer:
        known = get_logged_model(writer, call, call.text("model_id"))
        if key not in known.tags:
            raise missing(f"No tag with key {key!r} found for model with ID {known.id!r}.")
        writer.set_logged_model_tags(known, {key: None})
    return {}


def _log_params(call: Call) -> dict[str, Any]:
    params = labels(call.items("params"))
    with call.repository.writing_mlflow() as writer:
        known = get_logged_model(writer, call, call.text("model_id"))
        writer.set_logged_model_params(known, params)
    return {}


def _search(call: Call) -> dict[str, Any]:
    numbers = [experiment_number(one) for one in call.texts("experiment_ids")]
    orders, wanted = call.items("order_by"), call.items("datasets")
    if len(orders) > _MOST or len(wanted) > _MOST:
        raise invalid(f"A search takes at most {_MOST} keys of an order, and datasets.")
    orderings = tuple(_ordering(one) for one in orders)
    datasets = tuple(
        (checked_text(one.get("dataset_name", ""), "dataset_name"), _digest(one)) for one in wanted
    )
    if any(not name for name, _ in datasets):
        raise invalid("`dataset_name` in the `datasets` clause must be specified.")
    criteria = Criteria(parse_filter(call.find_text("filter"), LOGGED_MODELS), orderings, datasets)
    with call.repository.reading_mlflow() as reader:
        found, more = page(
            call,
            lambda limit, offset: reader.search_logged_models(
                call.project, numbers, criteria, limit=limit, offset=offset
            ),
            usual=100,
            most=50_000,
        )
    return {"models": [logged_model_json(one) for one in found], **more}


def _ordering(item: Mapping[str, Any]) -> Ordering:
    (found,) = parse_order([checked_text(item.get("field_name", ""), "field_name")], LOGGED_MODELS)
    if found.entity not in {"attribute", "metric"}:
        raise invalid(
            f"Invalid order by field name: {item['field_name']}. Only metrics are supported."
        )
    dataset = checked_text(item.get("dataset_name") or "", "dataset_name")
    return Ordering(
        found.entity, found.key, item.get("ascending") is not False, (dataset, _digest(item))
    )


def _digest(item: Mapping[str, Any]) -> str:
    return checked_text(item.get("dataset_digest") or "", "dataset_digest")


def _directories(call: Call) -> dict[str, Any]:
    with call.repository.reading_mlflow() as reader:
        known = get_logged_model(reader, call, call.text("model_id"))
        root = model_folder(known)
        inner = artifact_path(call.find_text("artifact_directory_path") or "")
        folders, files = reader.list_artifacts(call.project, f"{root}/{inner}" if inner else root)
    start = f"{inner}/" if inner else ""
    listed = [{"path": start + name, "is_dir": True} for name in folders]
    listed += [
        {"path": start + file.name, "is_dir": False, "file_size": file.size} for file in files
    ]
    return {"root_uri": model_root(known), "files": listed}


ENDPOINTS = (
    Endpoint("POST", "2.0/mlflow/logged-models", _create),
    Endpoint("POST", "2.0/mlflow/logged-models/search", _search, writes=False),
    Endpoint("GET", "2.0/mlflow/logged-models/{model_id}", _get, writes=False),
    Endpoint("PATCH", "2.0/mlflow/logged-models/{model_id}", _finalize),
    Endpoint("DELETE", "2.0/mlflow/logged-models/{model_id}", _delete),
    Endpoint("PATCH", "2.0/mlflow/logged-models/{model_id}/tags", _set_tags),
    Endpoint("DELETE", "2.0/mlflow/logged-models/{model_id}/tags/{tag_key}", _delete_tag),
    Endpoint("POST", "2.0/mlflow/logged-models/{model_id}/params", _log_params),
    Endpoint(
        "GET",
        "2.0/mlflow/logged-models/{model_id}/artifacts/directories",
        _directories,
        writes=False,
    ),
)
