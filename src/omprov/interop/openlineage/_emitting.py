"""From a run of ours to the events that tell of it; pure, but for `emission_of`, which gathers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC
from importlib.metadata import version as version_of
from typing import TYPE_CHECKING, Any

from omprov.records import RunStatus

from ._catalog_views import DATA_KINDS
from ._own_facets import PRODUCER, RUN_FACET, SCHEMA, VERSION_FACET, Ancestor, OwnVersion

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from omprov.records import Run, Version, VersionId
    from omprov.repository import Repository

SPEC = "https://openlineage.io/spec"
_EVENT = f"{SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_DEPTH = 64
"""How far back a version's declared ancestors are told."""
_TYPES = {
    RunStatus.SUCCEEDED: "COMPLETE",
    RunStatus.FAILED: "FAIL",
    RunStatus.KILLED: "ABORT",
}


@dataclass(frozen=True, slots=True)
class Emission:
    """A run with what its events need beside it.

    Attributes:
        namespace: the name space of its job and of the assets of its project.
        parent_name: of the run that began it, where that is recorded.
        ancestors: of each uploaded version that it used: declared edges, and whether there are
            more.
    """

    run: Run
    namespace: str
    parent_name: str | None = None
    ancestors: Mapping[VersionId, tuple[tuple[Ancestor, ...], bool]] = field(default_factory=dict)


def emission_of(repository: Repository, run: Run, namespace: str) -> Emission:
    """Gather what the events of a run need.

    Args:
        repository: where the run is recorded.
        run: which.
        namespace: of the repository; the project's name is added.
    """
    parent = None if run.parent is None else repository.find_run(run.parent)
    uploaded = [version for version in run.inputs.values() if version.run is None]
    return Emission(
        run,
        f"{namespace}/{run.project}",
        None if parent is None else parent.name,
        {version.id: _ancestors(repository, version) for version in uploaded},
    )


def _ancestors(repository: Repository, version: Version) -> tuple[tuple[Ancestor, ...], bool]:
    lineage = repository.lineage(version, "up", depth=_DEPTH, inherits=True)
    edges = []
    for link in lineage.links:
        newer, older = link.source, link.target
        if link.kind != "inherits" or not (_is_uploaded(newer) and _is_uploaded(older)):
            continue
        if newer.asset.project != older.asset.project:  # type: ignore[union-attr]
            continue
        weight = 1.0 if link.weight is None else link.weight
        edges.append(Ancestor(_name_of(newer), _name_of(older), weight))
    return tuple(edges), lineage.cut


def _is_uploaded(end: Any) -> bool:
    return hasattr(end, "asset") and end.run is None


def _name_of(version: Any) -> tuple[str, int]:
    return version.asset.name, version.number


def events_of(emission: Emission) -> list[dict[str, Any]]:
    """Return the events of a run: START, and how it ended, if it has.

    The same run gives events of the same ids, types and times, so receivers can tell what they have
    been told before.
    """
    run = emission.run
    events = [_event(emission, "START", run.started)]
    if run.status in _TYPES:
        events.append(_event(emission, _TYPES[run.status], run.ended or run.started))
    return events


def _event(emission: Emission, type_: str, time: datetime) -> dict[str, Any]:
    run = emission.run
    has_ended = type_ != "START"
    return {
        "eventType": type_,
        "eventTime": _time(time),
        "run": {"runId": run.id, "facets": _run_facets(emission, type_)},
        "job": {
            "namespace": emission.namespace,
            "name": run.name,
            "facets": _job_facets(run),
        },
        "inputs": [
            _input(emission, role, version)
            for role, version in run.inputs.items()
            if version.asset.kind in DATA_KINDS
        ],
        "outputs": [
            _output(emission, role, version)
            for role, version in (run.outputs.items() if has_ended else ())
        ],
        "producer": PRODUCER,
        "schemaURL": _EVENT,
    }


def _run_facets(emission: Emission, type_: str) -> dict[str, Any]:
    run = emission.run
    release = version_of("omprov")
    facets = {
        "processing_engine": _facet(
            "1-1-1/ProcessingEngineRunFacet",
            name="omprov",
            version=release,
            openlineageAdapterVersion=release,
        ),
        RUN_FACET: _own_run(emission),
    }
    if run.parent is not None:
        facets["parent"] = _facet(
            "1-2-0/ParentRunFacet",
            run={"runId": run.parent},
            job={"namespace": emission.namespace, "name": emission.parent_name or "run"},
        )
    if type_ in {"FAIL", "ABORT"}:
        status = "" if run.exit_status is None else f"exit status {run.exit_status}"
        facets["errorMessage"] = _facet(
            "1-0-1/ErrorMessageRunFacet",
            message=run.message or status or str(run.status),
            programmingLanguage="python",
        )
    return facets


def _own_run(emission: Emission) -> dict[str, Any]:
    run = emission.run
    return {
        "_producer": PRODUCER,
        "_schemaURL": f"{SCHEMA}#{RUN_FACET}",
        "project": run.project,
        "settings": {
            role: _own_version(emission, role, version).to_json()
            for role, version in run.inputs.items()
            if version.asset.kind not in DATA_KINDS
        },
        "params": _strict(run.params),
        "metrics": _strict(run.metrics),
        "tags": dict(run.tags),
        "command": list(run.command),
    }


def _job_facets(run: Run) -> dict[str, Any]:
    facets = {
        "jobType": _facet(
            "2-0-4/JobTypeJobFacet", processingType="BATCH", integration="OMPROV", jobType="RUN"
        )
    }
    for version in run.inputs.values():
        git = version.source.get("git")
        if version.asset.kind == "algorithm" and isinstance(git, dict):
            location = _location(git, run)
            if location is not None:
                facets["sourceCodeLocation"] = location
    return facets


def _location(git: Mapping[str, Any], run: Run) -> dict[str, Any] | None:
    """Return where the code lies, if its history has an address."""
    said = run.source.get("git")
    more = said if isinstance(said, dict) else {}
    url = git.get("url") or git.get("remote") or more.get("remote") or more.get("url")
    if not isinstance(url, str) or not url:
        return None
    known = {"version": git.get("commit"), "branch": git.get("branch"), "path": git.get("path")}
    told = {name: value for name, value in known.items() if isinstance(value, str) and value}
    return _facet("1-1-0/SourceCodeLocationJobFacet", type="git", url=url, repoUrl=url, **told)


def _input(emission: Emission, role: str, version: Version) -> dict[str, Any]:
    return {
        **_dataset(emission, role, version),
        "inputFacets": {
            "inputStatistics": _facet(
                "1-0-0/InputStatisticsInputDatasetFacet",
                size=version.size,
                fileCount=version.files,
            )
        },
    }


def _output(emission: Emission, role: str, version: Version) -> dict[str, Any]:
    return {
        **_dataset(emission, role, version),
        "outputFacets": {
            "outputStatistics": _facet(
                "1-0-2/OutputStatisticsOutputDatasetFacet",
                size=version.size,
                fileCount=version.files,
            )
        },
    }


def _dataset(emission: Emission, role: str, version: Version) -> dict[str, Any]:
    own = _own_version(emission, role, version)
    return {
        "namespace": emission.namespace,
        "name": f"{own.kind}/{own.name}",
        "facets": {
            "version": _facet("1-0-1/DatasetVersionDatasetFacet", datasetVersion=own.label),
            VERSION_FACET: {
                "_producer": PRODUCER,
                "_schemaURL": f"{SCHEMA}#{VERSION_FACET}",
                **own.to_json(),
            },
        },
    }


def _own_version(emission: Emission, role: str, version: Version) -> OwnVersion:
    ancestors, is_cut = emission.ancestors.get(version.id, ((), False))
    return OwnVersion(
        kind=version.asset.kind,
        name=version.asset.name,
        number=version.number,
        id=version.id,
        role=role,
        digest=version.digest,
        ancestors=ancestors,
        cut=is_cut,
    )


def _facet(schema: str, **parts: Any) -> dict[str, Any]:
    name = schema.rpartition("/")[2]
    url = f"{SPEC}/facets/{schema}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": url, **parts}


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _strict(value: Any) -> Any:
    """Write numbers that JSON lacks as text."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {str(key): _strict(item) for key, item in value.items()}
        case list() | tuple():
            return [_strict(item) for item in value]
        case _:
            return value
