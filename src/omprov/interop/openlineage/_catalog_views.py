"""What the catalog holds, by the names that OpenLineage has for it.

What no event brought has names, too: the name space of a project's own assets and runs is
``omprov://PROJECT``, and an asset in it is called ``kind/name``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.errors import NotFound
from omprov.records import AssetName, Kind

from ._known import SOURCE
from ._names import Named, asset_name, named_by

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from omprov.records import Asset, Run, RunId
    from omprov.repository import Repository

DATA_KINDS = (Kind.DATASET, Kind.MODEL, Kind.SUMMARY, Kind.FILE)
"""What OpenLineage would call datasets."""
RECENT_RUNS = 1_000
"""Among so many runs names of jobs and events are looked for."""


def own_namespace(project: str) -> str:
    """Return the name space of what OMProv itself recorded in a project."""
    return f"omprov://{project}"


def name_of(repository: Repository, asset: Asset) -> Named:
    """Return what OpenLineage calls an asset."""
    known = named_by(asset.name.name)
    if known is not None:
        return known
    newest = repository.list_versions(asset.name, limit=1)
    said = newest[0].source.get(SOURCE) if newest else None
    if isinstance(said, dict) and "namespace" in said:
        return Named(said["namespace"], said["name"])
    return own_name(asset.name)


def own_name(name: AssetName) -> Named:
    """Return what OpenLineage calls an asset of which no event told."""
    return Named(own_namespace(name.project), f"{name.kind}/{name.name}")


def job_of(run: Run) -> Named:
    """Return what OpenLineage calls the job of a run."""
    said = run.source.get(SOURCE)
    if isinstance(said, dict) and "job" in said:
        return Named(*said["job"])
    return Named(own_namespace(run.project), run.name)


def dataset_assets(repository: Repository) -> list[Asset]:
    """Return the assets of the project that are data."""
    return [
        asset
        for asset in repository.list_assets(project=repository.project)
        if asset.name.kind in DATA_KINDS
    ]


def find_asset(repository: Repository, named: Named) -> Asset:
    """Return the asset that OpenLineage calls so.

    Raises:
        NotFound: there is none.
    """
    if named.namespace == own_namespace(repository.project):
        kind, _, name = named.name.partition("/")
        if kind in DATA_KINDS and name:
            return repository.get_asset(AssetName(repository.project, Kind(kind), name))
    for kind in DATA_KINDS:
        wanted = AssetName(repository.project, kind, asset_name(named))
        found = [
            one
            for one in repository.list_assets(project=repository.project, kind=kind)
            if one.name == wanted
        ]
        if found:
            return found[0]
    raise NotFound("dataset", f"{named.namespace}:{named.name}")


def job_names(repository: Repository) -> dict[Named, datetime]:
    """Return the jobs with the time since when they are known: those that events told of, and
    those of the newest runs of OMProv's own.
    """
    jobs: dict[Named, datetime] = {}
    for asset in repository.list_assets(project=repository.project, kind=Kind.ALGORITHM):
        named = name_of(repository, asset)
        if named.namespace != own_namespace(repository.project):
            jobs[named] = asset.created
    for run in repository.list_runs(limit=RECENT_RUNS):
        job = job_of(run)
        jobs[job] = min(jobs.get(job, run.started), run.started)
    return jobs


def find_job_runs(repository: Repository, job: Named, *, limit: int | None) -> list[Run]:
    """Return the runs of a job, newest first."""
    found: list[Run] = []
    before: RunId | None = None
    while True:
        page = repository.list_runs(name=job.name, limit=100, before=before)
        found += [run for run in page if job_of(run) == job]
        if len(page) < 100 or (limit is not None and len(found) >= limit):
            return found[:limit]
        before = page[-1].id


def run_by_id(repository: Repository, id: RunId) -> Run:
    """Return a run of the project.

    Raises:
        NotFound: there is none.
    """
    run = repository.find_run(id)
    if run is None or run.project != repository.project:
        raise NotFound("run", id)
    return run


def runs_with_events(repository: Repository) -> Iterator[Run]:
    """Give the newest runs that events told of."""
    for run in repository.list_runs(limit=RECENT_RUNS):
        if SOURCE in run.files:
            yield run
