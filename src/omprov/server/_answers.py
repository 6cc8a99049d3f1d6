"""Answers: JSON of records, with an ETag where it is of one thing, packed where that helps."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import zstandard
from blake3 import blake3
from starlette.responses import Response

from ._encoding import to_json

if TYPE_CHECKING:
    from starlette.requests import Request

PACK_FROM = 1_000
"""Bytes; less is not worth packing."""


def answer(
    request: Request, value: Any, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Answer with records."""
    return answer_bytes(request, to_json(value), status=status, headers=headers)


def answer_one(request: Request, value: Any) -> Response:
    """Answer with one thing; nothing of it where the client has it already (its ETag says so)."""
    body = to_json(value)
    tag = f'W/"{blake3(body).hexdigest()[:32]}"'
    headers = {"ETag": tag}
    if _has(request.headers.get("if-none-match", ""), tag):
        return Response(status_code=304, headers={**headers, **_COMMON})
    return answer_bytes(request, body, headers=headers)


def nothing() -> Response:
    """Answer that it is done."""
    return Response(status_code=204)


def answer_bytes(
    request: Request, body: bytes, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """Answer with JSON that is written already."""
    every = {**_COMMON, **(headers or {})}
    if len(body) >= PACK_FROM:
        taken = request.headers.get("accept-encoding", "")
        if "zstd" in taken:
            body = zstandard.ZstdCompressor(level=1).compress(body)
            every["Content-Encoding"] = "zstd"
        elif "gzip" in taken:
            body = gzip.compress(body, compresslevel=1)
            every["Content-Encoding"] = "gzip"
    return Response(body, status, every, media_type="application/json")


_COMMON = {"Cache-Control": "private, no-cache", "Vary": "Accept-Encoding, Authorization, Cookie"}


def _has(wanted: str, tag: str) -> bool:
    """Say whether If-None-Match names a tag; weak ones and strong ones are the same to it."""
    bare = tag.removeprefix("W/")
    return wanted.strip() == "*" or any(
        one.strip().removeprefix("W/") == bare for one in wanted.split(",")
    )
