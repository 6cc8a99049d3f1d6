"""The bytes of a journal: records that say how long they are and whether they are whole.

A record is its length, the CRC-32 of its payload (both 32 bits, little-endian) and the payload. The
first byte of the payload says what it is: `JSON`, then one JSON array of a kind and its data; or
`POINT`, then a point of a metric: the number of its name in this file, step, time and value. A file
that was cut off in the middle of a record, as a crash leaves it, ends with the last whole one.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"omprov journal 1\n"
"""How every journal begins."""
JSON = 1
POINT = 2

_HEAD = struct.Struct("<II")
_POINT = struct.Struct("<BIqdd")
_LARGEST = 1 << 30

pack_head = _HEAD.pack
pack_point = _POINT.pack


class Record(NamedTuple):
    """One record.

    Attributes:
        kind: what it is about; ``point`` for a point of a metric.
        data: JSON data; of a point (number of the name, step, time, value).
        end: where in the file it ends.
    """

    kind: str
    data: Any
    end: int


def frame(payload: bytes) -> bytes:
    """Return a record with this payload."""
    return pack_head(len(payload), zlib.crc32(payload)) + payload


def encode(kind: str, data: Any) -> bytes:
    """Return a record of JSON data.

    Raises:
        TypeError, ValueError: it is none.
    """
    text = json.dumps([kind, data], ensure_ascii=False, separators=(",", ":"))
    return frame(b"\x01" + text.encode("utf-8", "surrogatepass"))


def iter_records(data: bytes, at: int = 0) -> Iterator[Record]:
    """Read whole records; end where one is cut off or damaged.

    Args:
        data: a part of a journal that begins with a record.
        at: where in the file it begins.
    """
    place = 0
    while place + _HEAD.size <= len(data):
        length, checksum = _HEAD.unpack_from(data, place)
        place += _HEAD.size
        payload = data[place : place + length]
        if not 0 < length <= _LARGEST or len(payload) < length or zlib.crc32(payload) != checksum:
            return
        place += length
        record = _decode(payload, at + place)
        if record is None:
            return
        yield record


def _decode(payload: bytes, end: int) -> Record | None:
    if payload[0] == POINT and len(payload) == _POINT.size:
        return Record("point", _POINT.unpack(payload)[1:], end)
    if payload[0] != JSON:
        return None
    try:
        kind, data = json.loads(payload[1:].decode("utf-8", "surrogatepass"))
    except ValueError:
        return None
    return Record(kind, data, end)
