"""Records in the shapes that Marquez gives them."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from omprov.errors import NotFound
from omprov.records import RunStatus, Version

from ._catalog_views import find_job_runs, job_names, job_of, name_of, own_name
from ._known import SOURCE, Known

if TYPE_CHECKING:
    from datetime import datetime

    from omprov.records import Asset, Run
    from omprov.repository import Repository

    from ._names import Named

_STATES = {
    RunStatus.RUNNING: "RUNNING",
    RunStatus.SUCCEEDED: "COMPLETED",
    RunStatus.FAILED: "FAILED",
    RunStatus.KILLED: "ABORTED",
}
LATEST_RUNS = 10
"""So many runs of a job say what it reads and writes."""


def namespace(name: str, created: datetime) -> dict[str, Any]:
    """Show a name space."""
    return {
        "name": name,
        "createdAt": _time(created),
        "updatedAt": _time(created),
        "ownerName": "anonymous",
        "description": "",
        "isHidden": False,
    }


def dataset(repository: Repository, asset: Asset) -> dict[str, Any]:
    """Show a dataset as its newest version leaves it."""
    newest = repository.list_versions(asset.name, limit=1)
    return _dataset(repository, asset, newest[0] if newest else None)


def _dataset(repository: Repository, asset: Asset, version: Version | None) -> dict[str, Any]:
    named = name_of(repository, asset)
    facets = {} if version is None else _said(version).get("facets", {})
    changed = _time(asset.created if version is None else version.created)
    change = facets.get("lifecycleStateChange")
    return {
        "id": _id(named),
        "type": "DB_TABLE",
        "name": named.name,
        "physicalName": named.name,
        "createdAt": _time(asset.created),
        "updatedAt": changed,
        "namespace": named.namespace,
        "sourceName": _text(facets, "dataSource", "name") or named.namespace,
        "fields": _fields(facets.get("schema")),
        "tags": [],
        "lastModifiedAt": changed,
        "lastLifecycleState": (
            change.get("lifecycleStateChange") if isinstance(change, dict) else None
        ),
        "description": _text(facets, "documentation", "description") or asset.description,
        "currentVersion": None if version is None else version.id,
        "facets": facets,
        "deleted": asset.removed is not None,
    }


def dataset_version(repository: Repository, asset: Asset, version: Version) -> dict[str, Any]:
    """Show one version of a dataset."""
    maker = None if version.run is None else repository.find_run(version.run)
    made_by = run(maker) if maker is not None and maker.project == repository.project else None
    return {
        **_dataset(repository, asset, version),
        "version": version.id,
        "datasetVersion": label_of(version),
        "createdAt": _time(version.created),
        "createdByRun": made_by,
    }


def label_of(version: Version) -> str:
    """Return what events call a version, or its number."""
    label = _said(version).get("version")
    return f"v{version.number}" if label is None else str(label)


def job(repository: Repository, named: Named) -> dict[str, Any]:
    """Show a job as its latest runs leave it.

    Raises:
        NotFound: there is none.
    """
    runs = find_job_runs(repository, named, limit=LATEST_RUNS)
    since = job_names(repository).get(named) if not runs else min(run.started for run in runs)
    if since is None:
        raise NotFound("job", named.name)
    latest = runs[0] if runs else None
    facets = {} if latest is None else facets_of(latest, "job")
    inputs, outputs = ends_of(repository, runs)
    return {
        "id": _id(named),
        "type": _text(facets, "jobType", "processingType") or "BATCH",
        "name": named.name,
        "simpleName": named.name.rpartition(".")[2],
        "parentJobName": None,
        "createdAt": _time(since),
        "updatedAt": _time(since if latest is None else latest.ended or latest.started),
        "namespace": named.namespace,
        "inputs": [_id(one) for one in inputs],
        "outputs": [_id(one) for one in outputs],
        "location": _text(facets, "sourceCodeLocation", "url"),
        "description": _text(facets, "documentation", "description"),
        "latestRun": None if latest is None else run(latest),
        "latestRuns": [run(one) for one in runs],
        "facets": facets,
        "tags": [],
        "labels": [],
    }


def ends_of(repository: Repository, runs: list[Run]) -> tuple[list[Named], list[Named]]:
    """Return the datasets that runs used and made."""
    used: set[Named] = set()
    made: set[Named] = set()
    for one in runs:
        known = Known.of_run(one)
        if known is not None:
            used |= known.inputs.keys()
            made |= known.outputs.keys()
            continue
        for side, versions in ((used, one.inputs), (made, one.outputs)):
            side |= {version_name(repository, version) for version in _data(versions)}
    return sorted(used), sorted(made)


def version_name(repository: Repository, version: Version) -> Named:
    """Return what OpenLineage calls the dataset of a version; of another project's, its reference.

    That a run used it is part of the run. What was said of it is for those who see that project.
    """
    if version.asset.project != repository.project:
        return own_name(version.asset)
    return name_of(repository, repository.get_asset(version.asset))


def run(one: Run) -> dict[str, Any]:
    """Show a run."""
    ended = one.ended
    return {
        "id": one.id,
        "createdAt": _time(one.started),
        "updatedAt": _time(ended or one.started),
        "nominalStartTime": _text(facets_of(one, "run"), "nominalTime", "nominalStartTime"),
        "nominalEndTime": _text(facets_of(one, "run"), "nominalTime", "nominalEndTime"),
        "state": _STATES[one.status],
        "startedAt": _time(one.started),
        "endedAt": None if ended is None else _time(ended),
        "durationMs": (
            None if ended is None else round((ended - one.started).total_seconds() * 1000)
        ),
        "args": {},
        "jobVersion": {**_id(job_of(one)), "version": _code(one)},
        "inputDatasetVersions": [_used(one, version) for version in _data(one.inputs)],
        "outputDatasetVersions": [_used(one, version) for version in _data(one.outputs)],
        "facets": facets_of(one, "run"),
    }


def _data(versions: Any) -> list[Version]:
    return [
        one for role, one in versions.items() if role not in {"algorithm", "environment", "params"}
    ]


def _code(one: Run) -> str | None:
    code = one.inputs.get("algorithm")
    return None if code is None else code.id


def _used(one: Run, version: Version) -> dict[str, Any]:
    said = _said(version) if version.asset.project == one.project else {}
    own = own_name(version.asset)
    named = {
        "namespace": said.get("namespace", own.namespace),
        "name": said.get("name", own.name),
    }
    return {"datasetVersionId": {**named, "version": version.id}, "facets": said.get("facets", {})}


def facets_of(one: Run, part: str) -> dict[str, Any]:
    """Return the facets of a run or of its job."""
    known = Known.of_run(one)
    return {} if known is None else known.facets_of(part)


def result(kind: str, named: Named, updated: datetime) -> dict[str, Any]:
    """Show what a search found."""
    return {
        "name": named.name,
        "updatedAt": _time(updated),
        "namespace": named.namespace,
        "nodeId": node_id(kind, named),
        "type": kind,
    }


def node_id(kind: str, named: Named) -> str:
    """Return how a node of a lineage is called."""
    return f"{kind.lower()}:{named.namespace}:{named.name}"


def _said(version: Version) -> dict[str, Any]:
    said = version.source.get(SOURCE)
    return said if isinstance(said, dict) else {}


def _id(named: Named) -> dict[str, str]:
    return {"namespace": named.namespace, "name": named.name}


def _text(facets: dict[str, Any], facet: str, part: str) -> str | None:
    found = facets.get(facet)
    text = found.get(part) if isinstance(found, dict) else None
    return text if isinstance(text, str) else None


def _fields(schema: Any) -> list[dict[str, Any]]:
    fields = schema.get("fields") if isinstance(schema, dict) else None
    return [
        {
            "name": one.get("name"),
            "type": one.get("type"),
            "tags": [],
            "description": one.get("description"),
        }
        for one in fields or []
        if isinstance(one, dict)
    ]


def _time(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
