"""Bodies of requests: whole, unpacked, and of a size that does no harm."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any, NoReturn

from omprov.errors import InvalidInput
from omprov.records import check_depth

if TYPE_CHECKING:
    from starlette.requests import Request

LARGEST = 32 * 1024 * 1024
"""Bytes of a body, unpacked."""


class TooLarge(InvalidInput):
    """A body larger than what is taken."""

    http_status = 413


async def read_json(request: Request) -> Any:
    """Read a body as JSON, gzip or not.

    Raises:
        TooLarge: it is larger than `LARGEST`, packed or unpacked.
        InvalidInput: it is no JSON.
    """
    from starlette.concurrency import run_in_threadpool  # an extra; `_routes` names it

    packed = request.headers.get("content-encoding", "identity").lower()
    if packed not in {"identity", "gzip", ""}:
        raise InvalidInput(f"Content-Encoding {packed!r} is not taken: send it plain, or as gzip")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            raise TooLarge(f"the body is larger than {LARGEST} bytes: send fewer events at once")
    return await run_in_threadpool(_read, bytes(body), packed)


def _read(body: bytes, packed: str) -> Any:
    found = _parsed(_unpacked(body) if packed == "gzip" else body)
    check_depth(found)
    return found


def _unpacked(body: bytes) -> bytes:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        found = unpacker.decompress(body, LARGEST + 1)
    except zlib.error as error:
        raise InvalidInput(f"the body is no gzip: {error}") from error
    if len(found) > LARGEST:
        raise TooLarge(f"the body is larger than {LARGEST} bytes, unpacked")
    if not unpacker.eof:
        raise InvalidInput("the body ends in the middle of its gzip stream")
    return found


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body is no JSON: {error}") from error


def _refuse(constant: str) -> NoReturn:
    raise InvalidInput(f"{constant} is no JSON")
