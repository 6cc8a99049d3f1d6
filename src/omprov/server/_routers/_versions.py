"""Versions: recording them, reading them, what they inherit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from fastapi import Query
from starlette.responses import Response

from omprov.records import Inherits, Role, Version
from omprov.repository import AUTO, Added, Lineage, Route
from omprov.server._access import Access, Asking
from omprov.server._answers import answer, answer_one
from omprov.server._idempotency import Key, create
from omprov.server._named import named_asset, named_version, stored, stored_or_none
from omprov.server._schemas._records import ref
from omprov.server._schemas._requests import NewChild, NewVersion, TagChange
from omprov.server._visible import visible_edges, visible_lineage, visible_route

from ._declaring import array_of, changes, gives, gives_one, make_router, makes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omprov.repository import Repository
    from omprov.repository._door import AnyVersion
    from omprov.server._schemas._requests import VersionNamed

router = make_router("versions")
_MAYBE_ROUTE = {"anyOf": [ref(Route), {"type": "null"}]}


@router.post("/projects/{project}/versions", **makes(Added))
def add_version(asking: Asking, project: str, body: NewVersion, key: Key = None) -> Response:
    """Record the state of an asset, whose content was uploaded; make the asset if it is not there.

    Where nothing is new, `created` is false and the version that is there is answered.
    """
    repository = asking.in_project(project, Role.EDITOR)
    asset = named_asset(asking, body.asset, project)
    home = getattr(asset, "project", None) or project
    inherits = _parents(asking, body.inherits, home)
    held = None if body.held is None else asking.version_by_id(body.held, Role.VIEWER, removed=True)
    content = stored_or_none(repository, body)

    def make(on: Repository) -> Added:
        return on.add_stored_version(
            asset,
            content,
            held=held,
            message=body.message,
            inherits=inherits,
            source=body.source,
        )

    return create(asking, repository, key, body, make)


def _parents(
    asking: Access, named: Literal["auto"] | list[str | VersionNamed], project: str
) -> Sequence[AnyVersion] | Literal["auto"]:
    """Return versions that whoever asks sees; ``v3`` alone is one of the very asset."""
    if isinstance(named, str):
        return AUTO
    return [
        one
        if isinstance(one, str) and one[:1] == "v" and one[1:].isdecimal()
        else named_version(asking, one, project)
        for one in named
    ]


@router.get("/versions/{id}", **gives_one(Version))
def get_version_by_id(asking: Asking, id: str) -> Response:
    """Return a version, be it removed."""
    return answer_one(asking.request, _found(asking, id))


@router.delete("/versions/{id}", **changes(ref(Version)))
def remove_version(asking: Asking, id: str) -> Response:
    """Remove a version; its tombstone stays in every graph and lineage."""
    version = asking.version_by_id(id, Role.EDITOR)
    return answer(asking.request, asking.repository.remove_version(version))


@router.post("/versions/{id}/children", **makes(Added))
def add_child(asking: Asking, id: str, body: NewChild, key: Key = None) -> Response:
    """Record a state that was made from a version, once."""
    parent = asking.version_by_id(id, Role.EDITOR)
    repository = asking.in_project(parent.asset.project, Role.EDITOR)
    content = stored(repository, body.digest)

    def make(on: Repository) -> Added:
        return on.add_child(parent, content, message=body.message, source=body.source)

    return create(asking, repository, key, body, make)


@router.patch("/versions/{id}/tags", **changes(ref(Version)))
def set_tags(asking: Asking, id: str, body: TagChange) -> Response:
    """Set tags of a version; null takes one away."""
    version = asking.version_by_id(id, Role.EDITOR)
    return answer(asking.request, asking.repository.set_tags(version, body.root))


@router.get("/versions/{id}/inherits", **gives(array_of(Inherits)))
def inherits(asking: Asking, id: str) -> Response:
    """List what a version inherits directly, lightest first, with reasons."""
    found = asking.repository.inherits(_found(asking, id))
    return answer(asking.request, visible_edges(asking, found))


@router.get("/versions/{id}/inherited-by", **gives(array_of(Inherits)))
def inherited_by(asking: Asking, id: str) -> Response:
    """List what inherits a version directly, lightest first, with reasons."""
    found = asking.repository.inherited_by(_found(asking, id))
    return answer(asking.request, visible_edges(asking, found))


@router.get("/versions/{id}/lineage", **gives(ref(Lineage)))
def lineage(
    asking: Asking,
    id: str,
    direction: Literal["up", "down"] = "up",
    depth: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
    *,
    inherits: bool = False,
) -> Response:
    """Walk to what a version came from (`up`), or to what came of it (`down`).

    `cut` says that there is more: beyond `depth`, or in projects that you do not see.
    """
    root = _found(asking, id)
    found = asking.repository.lineage(root, direction, depth=depth, inherits=inherits)
    return answer(asking.request, visible_lineage(asking, found))


@router.get("/versions/{id}/route", **gives(_MAYBE_ROUTE))
def lightest_route(asking: Asking, id: str, to: str) -> Response:
    """Return the lightest route to an older version; null where there is none."""
    newer, older = _found(asking, id), _found(asking, to)
    found = asking.repository.lightest_route(newer, older)
    return answer(asking.request, found and visible_route(asking, found))


def _found(asking: Access, id: str) -> Version:
    return asking.version_by_id(id, Role.VIEWER, removed=True)
