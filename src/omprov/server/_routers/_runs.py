"""Runs: recording them at once or bit by bit, finding them, their curves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Query
from starlette.responses import Response

from omprov.errors import InvalidInput, NotFound
from omprov.records import Role, Run, RunId, RunStatus
from omprov.repository import MetricPoint, RunUpdate
from omprov.server._access import Access, Asking, is_id
from omprov.server._answers import answer, answer_one
from omprov.server._idempotency import Key, create
from omprov.server._named import named_versions, outputs, points, stored, stored_or_none
from omprov.server._paging import Cursor, Limit, make_cursor, page, read_cursor
from omprov.server._schemas._records import ref
from omprov.server._schemas._requests import LateFacts, NewRun, RunChange, TagChange, TaggedRuns
from omprov.server._visible import visible_run

from ._declaring import array_of, changes, gives, gives_one, lists, make_router, makes

if TYPE_CHECKING:
    from omprov.records import Version
    from omprov.repository import Repository

router = make_router("runs")
_Some = Annotated[str | None, Query(min_length=1, max_length=600)]


@router.post("/projects/{project}/runs", **makes(Run))
def record_run(asking: Asking, project: str, body: NewRun, key: Key = None) -> Response:
    """Record a run that is over: its inputs, its outputs, and what they inherit."""
    repository = asking.in_project(project, Role.EDITOR)
    used = named_versions(asking, body.inputs, project)
    made = outputs(asking, repository, body.outputs, project)

    def make(on: Repository) -> Run:
        run = on.record_run(
            inputs=used,
            outputs=made,
            name=body.name,
            status=body.status,
            started=body.started,
            ended=body.ended,
            params=body.params,
            metrics=body.metrics,
            points=points(body.points),
            environment=body.environment,
            command=body.command,
            exit_status=body.exit_status,
            message=body.message,
            source=body.source,
            tags=body.tags,
        )
        return visible_run(asking, run)

    return create(asking, repository, key, body, make)


@router.get("/projects/{project}/runs", **lists(Run))
def list_runs(
    asking: Asking,
    project: str,
    status: RunStatus | None = None,
    name: Annotated[str | None, Query(max_length=500)] = None,
    using: Annotated[_Some, Query(description="Only those that used this version.")] = None,
    making: Annotated[_Some, Query(description="Only those that made this version.")] = None,
    parent: Annotated[_Some, Query(description="Only those that this run began.")] = None,
    before: Annotated[_Some, Query(description="Only those recorded before this run.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the runs of a project, the last recorded first."""
    repository = asking.in_project(project, Role.VIEWER)
    after = read_cursor(cursor, str)
    last = before if after is None else after[0]
    if last is not None:
        asking.run(last, Role.VIEWER, project=project)

    def version(named: str | None) -> Version | None:
        if named is None:
            return None
        return asking.version(named, Role.VIEWER, project=project, removed=True)

    found = repository.list_runs(
        status=status,
        name=name,
        using=version(using),
        making=version(making),
        parent=None if parent is None else RunId(parent),
        limit=limit + 1,
        before=None if last is None else RunId(last),
    )
    shown = page(found, limit, lambda one: make_cursor(one.id))
    shown["items"] = [visible_run(asking, one) for one in shown["items"]]
    return answer(asking.request, shown)


@router.get("/projects/{project}/run", **gives_one(Run))
def get_run(
    asking: Asking, project: str, id: Annotated[str, Query(min_length=1, max_length=100)]
) -> Response:
    """Find a run of a project by its id, the beginning of its id, or of its last part."""
    repository = asking.in_project(project, Role.VIEWER)
    if is_id(id):
        return answer_one(asking.request, _found(asking, id))
    found = repository.find_runs(id)
    if not found:
        raise NotFound("run", id, hint="`omprov runs` lists them.")
    if len(found) > 1:
        names = ", ".join(run.id for run in found[:3])
        raise InvalidInput(f"{len(found)} runs begin with {id!r}: {names}; write more of it")
    return answer_one(asking.request, visible_run(asking, found[0]))


@router.patch("/projects/{project}/runs/{id}", **changes(ref(Run)))
def update_run(asking: Asking, project: str, id: str, body: RunChange, key: Key = None) -> Response:
    """Record what became known of a run that is going on; with `begin` it may be new.

    `journals` makes it count once: where a journal was recorded up to another position, nothing
    is changed (409).
    """
    repository = asking.in_project(project, Role.EDITOR)
    run = _to_update(asking, project, id, begins=body.begin is not None)
    files = None if body.files is None else stored_or_none(repository, body.files)
    update = RunUpdate(
        begin=None if body.begin is None else body.begin.record(),
        inputs=named_versions(asking, body.inputs, project),
        params=body.params,
        points=points(body.points),
        tags=body.tags,
        source=body.source,
        command=body.command,
        environment=body.environment,
        outputs=outputs(asking, repository, body.outputs, project),
        files=files,
        trees={name: stored(repository, digest).digest for name, digest in body.trees.items()},
        end=None if body.end is None else body.end.record(),
        journals=body.journals,
    )

    def make(on: Repository) -> Run:
        return visible_run(asking, on.update_run(run, update))

    return create(asking, repository, key, body, make, status=200)


def _to_update(asking: Access, project: str, id: str, *, begins: bool) -> RunId:
    """Return the id of a run of the project, or of one that begins there."""
    if not is_id(id):
        raise InvalidInput(f"{id[:80]!r} is no id of a run: it takes a UUID")
    found = asking.repository.project_of_run(RunId(id))
    if found != project and not (found is None and begins):
        raise NotFound("run", id, hint="`omprov runs` lists them.")
    return RunId(id)


@router.get("/runs/{id}", **gives_one(Run))
def get_run_by_id(asking: Asking, id: str) -> Response:
    """Return a run."""
    return answer_one(asking.request, _found(asking, id))


@router.get("/runs/{id}/metrics/{name:path}", **gives(array_of(MetricPoint)))
def metric_points(asking: Asking, id: str, name: str) -> Response:
    """Return the curve of a metric, by step; empty where the run has none."""
    asking.project_of_run(id, Role.VIEWER)
    return answer(asking.request, asking.repository.metric_points(RunId(id), name))


@router.get(
    "/runs/{id}/journal-positions",
    **gives({"type": "object", "additionalProperties": {"type": "integer"}}),
)
def journal_positions(asking: Asking, id: str) -> Response:
    """Return how much of each of the run's journals was recorded."""
    asking.project_of_run(id, Role.VIEWER)
    return answer(asking.request, asking.repository.journal_positions(RunId(id)))


@router.post("/runs/{id}/facts", **changes(ref(Run)))
def add_to_run(asking: Asking, id: str, body: LateFacts, key: Key = None) -> Response:
    """Add points of metrics and other facts to a run that is recorded."""
    repository = asking.in_project(asking.project_of_run(id, Role.EDITOR), Role.EDITOR)

    def make(on: Repository) -> Run:
        changed = on.add_to_run(
            id,
            points=points(body.points),
            params=body.params,
            status=body.status,
            ended=body.ended,
            source=body.source,
            tags=body.tags,
        )
        return visible_run(asking, changed)

    return create(asking, repository, key, body, make, status=200)


@router.patch("/runs/{id}/tags", **changes(ref(Run)))
def set_run_tags(asking: Asking, id: str, body: TagChange) -> Response:
    """Set tags of a run; null takes one away."""
    run = asking.run(id, Role.EDITOR)
    changed = asking.repository.set_run_tags(run.id, body.root)
    return answer(asking.request, visible_run(asking, changed))


@router.post(
    "/projects/{project}/tagged-runs",
    **changes({"type": "object", "additionalProperties": ref(Run)}),
)
def find_tagged_runs(asking: Asking, project: str, body: TaggedRuns) -> Response:
    """Find, for each of these values that a tag has, the latest such run. Changes nothing."""
    repository = asking.in_project(project, Role.VIEWER)
    found = repository.find_tagged_runs(body.name, body.values)
    shown = {value: visible_run(asking, run) for value, run in found.items()}
    return answer(asking.request, shown)


def _found(asking: Access, id: str) -> Run:
    return visible_run(asking, asking.run(id, Role.VIEWER))
