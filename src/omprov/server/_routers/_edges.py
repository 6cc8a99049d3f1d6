"""Edges between versions: declaring them, and how they are measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Query
from starlette.responses import Response

from omprov.records import Difference, Inherits, Role
from omprov.server._access import Asking
from omprov.server._answers import answer, nothing
from omprov.server._idempotency import Key, create
from omprov.server._schemas._records import ref
from omprov.server._schemas._requests import EdgeEnds, NewEdge

from ._declaring import array_of, changes, gives, make_router, makes

if TYPE_CHECKING:
    from omprov.repository import Repository

router = make_router("edges")
Measure = Annotated[str | None, Query(max_length=200, examples=["files"])]


@router.get("/diff", **gives(ref(Difference)))
def diff(asking: Asking, older: str, newer: str, measure: Measure = None) -> Response:
    """Measure by how much a version differs from another one of its kind, with evidence."""
    old, new = asking.version_by_id(older, Role.VIEWER), asking.version_by_id(newer, Role.VIEWER)
    return answer(asking.request, asking.repository.diff(old, new, measure=measure))


@router.get("/diff/finer", **gives(array_of(Difference)))
def finer_diff(
    asking: Asking,
    older: str,
    newer: str,
    besides: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Say more of the files that changed: rows of tables, records, cells, tensors."""
    old, new = asking.version_by_id(older, Role.VIEWER), asking.version_by_id(newer, Role.VIEWER)
    return answer(asking.request, asking.repository.finer_diff(old, new, besides=besides))


@router.post("/edges", **makes(Inherits))
def add_edge(asking: Asking, body: NewEdge, key: Key = None) -> Response:
    """Declare that an existing version inherits another one."""
    newer = asking.version_by_id(body.newer, Role.EDITOR)
    older = asking.version_by_id(body.older, Role.VIEWER)
    repository = asking.in_project(newer.asset.project, Role.EDITOR)

    def make(on: Repository) -> Inherits:
        return on.add_edge(newer, older, weight=body.weight)

    return create(asking, repository, key, body, make)


@router.delete("/edges", **changes(None))
def remove_edge(asking: Asking, body: EdgeEnds) -> Response:
    """Take a declared edge away, and infer anew what rested on it. Takes an owner."""
    newer = asking.version_by_id(body.newer, Role.OWNER, removed=True)
    older = asking.version_by_id(body.older, Role.VIEWER, removed=True)
    asking.repository.remove_edge(newer, older)
    return nothing()
