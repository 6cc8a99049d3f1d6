"""Answers to reads, in the shapes of Marquez: which question a path is, and what it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omprov.errors import InvalidInput, NotFound
from omprov.records import RunId

from . import _marquez
from ._catalog_views import (
    dataset_assets,
    find_asset,
    find_job_runs,
    job_names,
    name_of,
    run_by_id,
    runs_with_events,
)
from ._events import parse_time
from ._evidence import iter_events
from ._lineage import lineage_graph
from ._names import Named

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omprov.repository import Repository

_LIMIT = 100
_MOST = 1_000


def answer(
    repository: Repository, parts: Sequence[str], options: Mapping[str, str]
) -> dict[str, Any]:
    """Answer a read.

    Args:
        repository: where to look.
        parts: of the path after ``/api/v1``.
        options: of the query.

    Raises:
        NotFound: there is no such thing, or no such question.
        InvalidInput: an option is none.
    """
    match list(parts):
        case ["namespaces"]:
            return _page("namespaces", _namespaces(repository), options)
        case ["namespaces", namespace]:
            return _namespace(repository, namespace)
        case ["namespaces", namespace, "datasets"]:
            return _datasets(repository, namespace, options)
        case ["namespaces", namespace, "datasets", name]:
            return _marquez.dataset(repository, find_asset(repository, Named(namespace, name)))
        case ["namespaces", namespace, "datasets", name, "versions"]:
            return _versions(repository, Named(namespace, name), options)
        case ["namespaces", namespace, "datasets", name, "versions", version]:
            return _version(repository, Named(namespace, name), version)
        case ["jobs"]:
            return _jobs(repository, None, options)
        case ["namespaces", namespace, "jobs"]:
            return _jobs(repository, namespace, options)
        case ["namespaces", namespace, "jobs", name]:
            return _marquez.job(repository, Named(namespace, name))
        case ["namespaces", namespace, "jobs", name, "runs"]:
            return _runs(repository, Named(namespace, name), options)
        case ["jobs", "runs", id_]:
            return _marquez.run(run_by_id(repository, RunId(id_)))
        case ["jobs", "runs", id_, "facets"]:
            return _facets(repository, RunId(id_), options)
        case ["lineage"]:
            return lineage_graph(
                repository, _given(options, "nodeId"), _number(options, "depth", 20)
            )
        case ["events", "lineage"]:
            return _events(repository, options)
        case ["search"]:
            return _search(repository, options)
        case _:
            raise NotFound("read", "/".join(parts))


def _given(options: Mapping[str, str], name: str) -> str:
    if not options.get(name):
        raise InvalidInput(f"{name} is missing")
    return options[name]


def _number(options: Mapping[str, str], name: str, otherwise: int) -> int:
    text = options.get(name)
    if not text:
        return otherwise
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        raise InvalidInput(f"{name}={text!r:.40} has to be a number")
    return int(text)


def _page(key: str, items: list[Any], options: Mapping[str, str]) -> dict[str, Any]:
    start = _number(options, "offset", 0)
    limit = min(_number(options, "limit", _LIMIT), _MOST)
    return {key: items[start : start + limit], "totalCount": len(items)}


def _namespaces(repository: Repository) -> list[dict[str, Any]]:
    first: dict[str, Any] = {}
    for asset in dataset_assets(repository):
        named = name_of(repository, asset)
        first.setdefault(named.namespace, asset.created)
    for job, created in job_names(repository).items():
        first.setdefault(job.namespace, created)
    return [_marquez.namespace(name, first[name]) for name in sorted(first)]


def _namespace(repository: Repository, name: str) -> dict[str, Any]:
    for found in _namespaces(repository):
        if found["name"] == name:
            return found
    raise NotFound("namespace", name)


def _datasets(repository: Repository, namespace: str, options: Mapping[str, str]) -> dict[str, Any]:
    assets = [
        asset
        for asset in dataset_assets(repository)
        if name_of(repository, asset).namespace == namespace
    ]
    page = _page("datasets", assets, options)
    return {**page, "datasets": [_marquez.dataset(repository, one) for one in page["datasets"]]}


def _versions(repository: Repository, named: Named, options: Mapping[str, str]) -> dict[str, Any]:
    asset = find_asset(repository, named)
    page = _page("versions", repository.list_versions(asset.name), options)
    shown = [_marquez.dataset_version(repository, asset, one) for one in page["versions"]]
    return {**page, "versions": shown}


def _version(repository: Repository, named: Named, version: str) -> dict[str, Any]:
    asset = find_asset(repository, named)
    for found in repository.list_versions(asset.name):
        if version in {found.id, _marquez.label_of(found)}:
            return _marquez.dataset_version(repository, asset, found)
    raise NotFound("version", version)


def _jobs(
    repository: Repository, namespace: str | None, options: Mapping[str, str]
) -> dict[str, Any]:
    jobs = [job for job in sorted(job_names(repository)) if namespace in {None, job.namespace}]
    page = _page("jobs", jobs, options)
    return {**page, "jobs": [_marquez.job(repository, one) for one in page["jobs"]]}


def _runs(repository: Repository, job: Named, options: Mapping[str, str]) -> dict[str, Any]:
    runs = find_job_runs(repository, job, limit=None)
    if not runs and job not in job_names(repository):
        raise NotFound("job", job.name)
    page = _page("runs", runs, options)
    return {**page, "runs": [_marquez.run(one) for one in page["runs"]]}


def _facets(repository: Repository, id: RunId, options: Mapping[str, str]) -> dict[str, Any]:
    part = options.get("type", "run").lower()
    if part not in {"run", "job"}:
        raise InvalidInput(f"type={part!r:.40}: it is run or job")
    run = run_by_id(repository, id)
    return {"runId": run.id, "facets": _marquez.facets_of(run, part)}


def _events(repository: Repository, options: Mapping[str, str]) -> dict[str, Any]:
    after = parse_time(options["after"]) if options.get("after") else None
    before = parse_time(options["before"]) if options.get("before") else None
    found = []
    for run in runs_with_events(repository):
        for event in iter_events(repository.content, run):
            time = parse_time(event["eventTime"])
            if (after is None or time >= after) and (before is None or time < before):
                found.append((time, event))
    found.sort(key=lambda pair: pair[0], reverse=options.get("sortDirection", "desc") != "asc")
    return _page("events", [event for _, event in found], options)


def _search(repository: Repository, options: Mapping[str, str]) -> dict[str, Any]:
    words = _given(options, "q").lower()
    wanted = options.get("filter", "").upper()
    found = []
    if wanted in {"", "DATASET"}:
        found += [
            _marquez.result("DATASET", name_of(repository, asset), asset.created)
            for asset in dataset_assets(repository)
        ]
    if wanted in {"", "JOB"}:
        found += [
            _marquez.result("JOB", job, created) for job, created in job_names(repository).items()
        ]
    results = [one for one in found if words in one["name"].lower()]
    by_time = options.get("sort", "").upper() == "UPDATE_AT"
    results.sort(key=lambda one: one["updatedAt" if by_time else "name"], reverse=by_time)
    limit = min(_number(options, "limit", 10), _MOST)
    return {"totalCount": len(results), "results": results[:limit]}
