"""Projects, and what is in them by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Query
from starlette.responses import Response

from omprov.records import Asset, Kind, Project, Role, Version, parse_digest
from omprov.server._access import Asking
from omprov.server._answers import answer, answer_one
from omprov.server._idempotency import Key, create
from omprov.server._named import named_asset
from omprov.server._paging import Cursor, Limit, make_cursor, page, read_cursor
from omprov.server._schemas._requests import NewAsset, NewProject

from ._declaring import array_of, gives, gives_one, lists, make_router, makes

if TYPE_CHECKING:
    from omprov.repository import Repository

router = make_router("projects")
Reference = Annotated[
    str,
    Query(
        min_length=1,
        max_length=600,
        description="As people write it; the project of the path is that of a reference without.",
        examples=["dataset/digits:v3"],
    ),
]


@router.get("/projects", **lists(Project))
def list_projects(asking: Asking, limit: Limit = 100, cursor: Cursor = None) -> Response:
    """List the projects that you see, by name."""
    after = read_cursor(cursor, str)
    found = [one for one in asking.list_projects() if after is None or one.name > after[0]]
    return answer(asking.request, page(found, limit, lambda one: make_cursor(one.name)))


@router.post("/projects", **makes(Project))
def add_project(asking: Asking, body: NewProject, key: Key = None) -> Response:
    """Make a project. Takes an owner of the server."""
    asking.check_server_owner()
    return create(asking, asking.repository, key, body, lambda on: on.add_project(body.name))


@router.get("/projects/{project}/assets", **lists(Asset))
def list_assets(
    asking: Asking,
    project: str,
    kind: Kind | None = None,
    *,
    removed: bool = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the assets of a project, by kind and name."""
    repository = asking.in_project(project, Role.VIEWER)
    found = repository.list_assets(project=project, kind=kind, removed=removed)
    after = read_cursor(cursor, str, str)
    if after is not None:
        found = [one for one in found if [one.name.kind.value, one.name.name] > after]
    shown = page(found, limit, lambda one: make_cursor(one.name.kind.value, one.name.name))
    return answer(asking.request, shown)


@router.post("/projects/{project}/assets", **makes(Asset))
def add_asset(asking: Asking, project: str, body: NewAsset, key: Key = None) -> Response:
    """Make an asset with no version yet."""
    repository = asking.in_project(project, Role.EDITOR)
    name = named_asset(asking, body.name, project)

    def make(on: Repository) -> Asset:
        return on.add_asset(
            name,
            description=body.description,
            policy=None if body.policy is None else body.policy.record(),
            measure=body.measure,
        )

    return create(asking, repository, key, body, make)


@router.get("/projects/{project}/asset", **gives_one(Asset))
def get_asset(asking: Asking, project: str, reference: Reference) -> Response:
    """Find an asset by its reference; the selector is not looked at."""
    return answer_one(asking.request, asking.asset(reference, Role.VIEWER, project=project))


@router.get("/projects/{project}/version", **gives_one(Version))
def get_version(
    asking: Asking, project: str, reference: Reference, *, removed: bool = False
) -> Response:
    """Find a version by its reference; without a selector, the latest."""
    found = asking.version(reference, Role.VIEWER, project=project, removed=removed)
    return answer_one(asking.request, found)


@router.get("/projects/{project}/holders", **gives(array_of(Version)))
def find_holders(
    asking: Asking,
    project: str,
    digest: Annotated[str, Query(pattern=r"^(b3:)?[0-9a-fA-F]{64}$")],
) -> Response:
    """List the versions of a project that hold a content, newest first."""
    repository = asking.in_project(project, Role.VIEWER)
    return answer(asking.request, repository.find_holders(parse_digest(digest)))


@router.get("/projects/{project}/newest", **gives(array_of(Version)))
def newest_of_kind(asking: Asking, project: str, kind: Kind, limit: Limit = 100) -> Response:
    """List the newest versions of all assets of a kind."""
    repository = asking.in_project(project, Role.VIEWER)
    return answer(asking.request, repository.newest_of_kind(kind, limit=limit))
