"""The content of versions and runs: taken in by packs, given out by objects, by files and ranges.

What somebody may read is what a version or run needs that they see; whose digest it has besides
is nothing that they learn here.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Body, Header
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from omprov.content import parse_key, show_key
from omprov.errors import NotAllowed, NotFound
from omprov.records import Role
from omprov.server._access import Access, Asking
from omprov.server._answers import answer, nothing
from omprov.server._problems import Refused

from ._declaring import changes, gives

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from omprov.content import Reachable, StoredTree
    from omprov.records import Digest
    from omprov.repository import Repository

content_router = APIRouter(tags=["content"])
_ASKED_AT_ONCE = 10_000
_REACHABLE_KEPT = 4_000_000
"""So many objects of trees that were read of late are known by heart, in eight bytes each."""
_PIECE = 1 << 20
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_PACK = {"type": "string", "format": "binary", "description": "A pack: `docs/format.md`."}
_OBJECT = {"type": "string", "examples": ["tree:" + "5f" * 32]}
_OBJECTS = {
    "type": "object",
    "properties": {"objects": {"type": "array", "items": _OBJECT}},
    "required": ["objects"],
    "additionalProperties": False,
}


class Objects(BaseModel):
    """Some objects of the content store: type and digest of each."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    objects: list[Annotated[str, Field(max_length=80)]] = Field(
        max_length=_ASKED_AT_ONCE, examples=[["tree:" + "5f" * 32]]
    )


PackBody = Annotated[bytes, Body(media_type="application/octet-stream")]
PackName = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@content_router.post("/content/missing", **changes(_OBJECTS))
def find_missing(asking: Asking, body: Objects) -> Response:
    """Say which objects the server lacks; whatever it has, it has with all that they name.

    Changes nothing. What is not missing stays for at least a day, for a version to name it.
    """
    _check_editor(asking)
    keys = [parse_key(text) for text in body.objects]
    lacking = asking.repository.content.lacking(keys)
    missing = [show_key(key) for key in dict.fromkeys(keys) if key in lacking]
    return answer(asking.request, {"objects": missing})


@content_router.put(
    "/content/packs/{name}",
    **changes({"type": "object", "properties": {"objects": {"type": "integer"}}}),
)
def put_pack(asking: Asking, name: PackName, body: PackBody) -> Response:
    """Take in a pack of at most some 16 MB; it counts once every object in it was verified.

    What its objects name has to be in it, or here already. Sending one again changes nothing.
    Answers how many objects were new.
    """
    _check_editor(asking)
    return answer(asking.request, {"objects": asking.repository.content.take_in(name, body)})


@content_router.post("/versions/{id}/objects", **_binary_of("A pack with the first of them."))
def get_objects(asking: Asking, id: str, body: Objects) -> Response:
    """Give a pack with the first of some objects of a version, as many as go into it."""
    return _objects(asking, _content_of_version(asking, id), body)


@content_router.post("/runs/{id}/objects/{name}", **_binary_of("A pack with the first of them."))
def get_run_objects(asking: Asking, id: str, name: str, body: Objects) -> Response:
    """Give a pack with the first of some objects of a tree that a run left."""
    return _objects(asking, _content_of_run(asking, id, name), body)
