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

from fastapi import Body, Header
from fastapi import Path as PathParameter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from omprov.content import parse_key, show_key
from omprov.errors import NotAllowed, NotFound
from omprov.records import Role
from omprov.server._access import Access, Asking
from omprov.server._answers import answer
from omprov.server._problems import Refused

from ._declaring import changes, gives, make_router

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    from omprov.content import Reachable, StoredTree
    from omprov.records import Digest
    from omprov.repository import Repository

router = make_router("content")
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


def _binary_of(
    description: str, declare: Callable[[dict[str, Any]], dict[str, Any]] = gives
) -> dict[str, Any]:
    """Declare a route that answers with bytes."""
    declared = declare(_PACK)
    content = {"application/octet-stream": {"schema": _PACK}}
    declared["responses"][200] = {"description": description, "content": content}
    return declared


PackBody = Annotated[bytes, Body(media_type="application/octet-stream")]
PackName = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{64}$")]
_Range = Annotated[str | None, Header(description="One range of bytes.")]


@router.post("/content/missing", **changes(_OBJECTS))
def find_missing(asking: Asking, body: Objects) -> Response:
    """Say which objects the server lacks; whatever it has, it has with all that they name.

    Changes nothing. What is not missing stays for at least a day, for a version to name it.
    """
    _check_editor(asking)
    keys = [parse_key(text) for text in body.objects]
    lacking = asking.repository.content.lacking(keys)
    missing = [show_key(key) for key in dict.fromkeys(keys) if key in lacking]
    return answer(asking.request, {"objects": missing})


@router.put(
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


@router.post("/versions/{id}/objects", **_binary_of("A pack with the first of them.", changes))
def get_objects(asking: Asking, id: str, body: Objects) -> Response:
    """Give a pack with the first of some objects of a version, as many as go into it."""
    return _objects(asking, _content_of_version(asking, id), body)


@router.post("/runs/{id}/objects/{name}", **_binary_of("A pack with the first of them.", changes))
def get_run_objects(asking: Asking, id: str, name: str, body: Objects) -> Response:
    """Give a pack with the first of some objects of a tree that a run left."""
    return _objects(asking, _content_of_run(asking, id, name), body)


@router.get("/versions/{id}/files/{path:path}", **_binary_of("The file, or a part."))
def get_file(asking: Asking, id: str, path: str, range: _Range = None) -> Response:
    """Give a file of a version, or the range of it that is asked for; symlinks are followed."""
    return _file(asking, _content_of_version(asking, id), path, range)


@router.get("/runs/{id}/files/{name}/{path:path}", **_binary_of("The file, or a part."))
def get_run_file(asking: Asking, id: str, name: str, path: str, range: _Range = None) -> Response:
    """Give a file of a tree that a run left, or the range of it that is asked for."""
    return _file(asking, _content_of_run(asking, id, name), path, range)


def _content_of_version(asking: Access, id: str) -> Digest:
    version = asking.version_by_id(id, Role.VIEWER, removed=True)
    if version.digest is None:
        raise NotFound("content", version, hint="Only the fact was recorded.")
    return version.digest


def _content_of_run(asking: Access, id: str, name: str) -> Digest:
    run = asking.run(id, Role.VIEWER)
    if name not in run.files:
        raise NotFound("tree of the run", name, run.files)
    return run.files[name]


def _check_editor(asking: Access) -> None:
    """Raise `NotAllowed` unless they may record something somewhere."""
    if asking.is_server_owner:
        return  # in a repository that is becoming a copy there may be no project yet
    roles = (asking.role_in(project.name) for project in asking.list_projects())
    if not any(role is not None and role.allows(Role.EDITOR) for role in roles):
        raise NotAllowed("sending content takes the role editor in a project")


def _objects(asking: Access, root: Digest, body: Objects) -> Response:
    keys = [parse_key(text) for text in body.objects]
    needed = _known.of(asking.repository, root)
    foreign = next((key for key in keys if key not in needed), None)
    if foreign is not None:
        raise NotFound("object", show_key(foreign), hint="This content does not need it.")
    data = asking.repository.content.parcel_of(keys)
    return Response(data, media_type="application/octet-stream", headers=_COMMON)


class _Known:
    """Which objects the trees need that were read of late. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._trees: OrderedDict[Digest, Reachable] = OrderedDict()

    def of(self, repository: Repository, root: Digest) -> Reachable:
        """Return what a tree needs; a digest means the same for ever."""
        with self._lock:
            found = self._trees.get(root)
            if found is not None:
                self._trees.move_to_end(root)
                return found
        found = repository.content.reachable(root)
        with self._lock:
            self._trees[root] = found
            while sum(map(len, self._trees.values())) > _REACHABLE_KEPT and len(self._trees) > 1:
                self._trees.popitem(last=False)
        return found


_known = _Known()
_COMMON = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}


def _file(asking: Access, root: Digest, path: str, wanted: str | None) -> Response:
    tree = asking.repository.content.tree(root)
    inner = tree.follow(path)
    leaf = tree.get(inner)
    headers = {
        **_COMMON,
        "ETag": f'"{leaf.digest}"',
        "Accept-Ranges": "bytes",
        "Content-Disposition": f"attachment; filename*=UTF-8''{_file_name(inner)}",
    }
    if asking.request.headers.get("if-none-match", "") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if asking.request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
        wanted = None
    span = None if wanted is None else _span(wanted, leaf.size)
    start, end = span or (0, leaf.size)
    headers["Content-Length"] = str(end - start)
    if span is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{leaf.size}"
    return StreamingResponse(
        _pieces(tree, inner, start, end),
        206 if span is not None else 200,
        headers,
        media_type="application/octet-stream",
    )


def _file_name(path: str) -> str:
    return quote(path.rpartition("/")[2].encode(errors="surrogateescape"), safe="")


def _span(wanted: str, size: int) -> tuple[int, int] | None:
    """Return the part of a file that a Range header asks for; ``None`` where it asks for several.

    Raises:
        Refused: the file has no such part.
    """
    found = _RANGE.fullmatch(wanted.strip())
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found[1][:20], found[2][:20]
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if start >= end:
        raise Refused(416, f"the file has {size} bytes: there is no range {wanted[:60]}")
    return start, end


def _pieces(tree: StoredTree, path: str, start: int, end: int) -> Iterator[bytes]:
    file: BinaryIO = tree.open(path)
    with file:
        file.seek(start)
        while start < end:
            piece = file.read(min(_PIECE, end - start))
            if not piece:
                return
            start += len(piece)
            yield piece
