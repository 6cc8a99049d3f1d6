"""Copying the whole repository: from here, and to here; for owners of the server alone."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Annotated

from fastapi import Body, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from omprov.catalog import CopyState, read_line
from omprov.content import parse_key
from omprov.errors import Conflict
from omprov.records import show_digest
from omprov.server._access import Asking
from omprov.server._answers import answer, nothing

from ._content import Objects
from ._declaring import changes, gives, make_router

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omprov.repository import Repository

router = make_router("copies")
_NDJSON = "application/x-ndjson"
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_STATE = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("catalog", "layout", "stamp"), _TEXT),
        **dict.fromkeys(("position", "audit", "rows"), _COUNT),
    },
}
_TREES = {"type": "array", "items": {"type": "string", "pattern": "^b3:[0-9a-f]{64}$"}}
_ROWS = changes(_TEXT)
_ROWS["responses"][200] = {
    "description": "A line for some rows of one table, in an order in which they can be added; at "
    "the end the line `{}`.",
    "content": {_NDJSON: {"schema": _TEXT}},
}
_PACK = changes(_TEXT)
_PACK["responses"][200] = {
    "description": "A pack with the first of them.",
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
_Place = Annotated[str, Query(max_length=8000, description="What came last; empty for all.")]
_Rows = Annotated[bytes, Body(media_type="application/octet-stream")]
_Number = Annotated[int, Field(ge=0, lt=2**62)]


class State(BaseModel):
    """The state of a repository that is copied."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    catalog: str = Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
    layout: str = Field(max_length=20)
    position: _Number
    audit: _Number
    rows: _Number
    stamp: str = Field(max_length=64)


@router.get(
    "/copy",
    **gives(
        {
            "type": "object",
            "properties": {"state": _STATE, "needed": _TREES, "spare": _TREES},
        }
    ),
)
def get_copy_state(asking: Asking) -> Response:
    """Say what a copy made now would be of, and which contents it needs."""
    asking.check_server_owner()
    with asking.repository.copied() as view:
        contents = view.contents()
        said = {
            "state": view.state,
            "needed": [show_digest(one) for one in contents.needed],
            "spare": [show_digest(one) for one in contents.spare],
        }
    return answer(asking.request, said)


@router.get("/copy/rows", **_ROWS)
def get_copied_rows(
    asking: Asking, stamp: Annotated[str, Query(max_length=64)], after: _Place = ""
) -> Response:
    """Give all rows, people left out, as long as nothing was recorded since the stamp."""
    asking.check_server_owner()
    lines = _lines(asking.repository, stamp, after)
    first = next(lines)
    headers = {"Cache-Control": "no-store"}
    return StreamingResponse(chain([first], lines), media_type=_NDJSON, headers=headers)


@router.post("/copy/objects", **_PACK)
def get_copied_objects(asking: Asking, body: Objects) -> Response:
    """Give a pack with the first of some objects, whatever needs them, as many as go into it."""
    asking.check_server_owner()
    data = asking.repository.content.parcel_of([parse_key(text) for text in body.objects])
    return Response(data, media_type="application/octet-stream")


@router.post("/copy", **changes({"type": "object", "properties": {"after": _TEXT}}))
def begin_copy(asking: Asking, body: State) -> Response:
    """Begin to become a copy, or go on with one; only of what is new. Users stay.

    Answers what came last.
    """
    asking.check_server_owner()
    after = asking.repository.begin_copy(CopyState(**body.model_dump()))
    return answer(asking.request, {"after": after})


@router.post("/copy/rows", **changes(None))
def add_copied_rows(asking: Asking, body: _Rows, after: _Place = "") -> Response:
    """Add a line of rows; the same line again changes nothing. Send their contents before."""
    asking.check_server_owner()
    asking.repository.add_copied(read_line(body), after)
    return nothing()


@router.post("/copy/end", **changes(None))
def end_copy(asking: Asking) -> Response:
    """Count as the whole repository from now on."""
    asking.check_server_owner()
    asking.repository.end_copy()
    return nothing()


def _lines(repository: Repository, stamp: str, after: str) -> Iterator[bytes]:
    with repository.copied() as view:
        if view.state.stamp != stamp:
            raise Conflict("the repository has moved on since: ask anew what to copy")
        rows = view.rows(after)
        for some in rows:
            yield some.line().encode() + b"\n"
    yield b"{}\n"
