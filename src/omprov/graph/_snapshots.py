"""The byte layout of stored graph states: named sections behind a checksum.

::

    offset  size  what
    0       4     b"OMPG"
    4       4     CRC-32 of everything from offset 8 on
    8       4     length h of the header
    12      h     header: JSON {"kind", "layout", "byteorder", "facts", "sections": {name: length}}
    12 + h        the sections, one behind the other, in the order of the header

Integers are little-endian. What the sections mean is the business of whoever packs them.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from typing import TYPE_CHECKING, Any

from omprov.errors import Damaged, SchemaMismatch

if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping
_MAGIC = b"OMPG"
_PREFIX = struct.Struct("<4sII")


def pack(
    kind: str,
    layout: int,
    facts: Mapping[str, Any],
    sections: Mapping[str, bytes | bytearray | array[Any]],
) -> bytes:
    """Put facts and sections into one blob.

    Args:
        kind: what sort of state it is.
        layout: version of the meaning of facts and sections.
        facts: JSON data.
        sections: name → bytes, or array, whose items are stored as they lie in memory.
    """
    parts = [memoryview(section).cast("B") for section in sections.values()]
    header = json.dumps(
        {
            "kind": kind,
            "layout": layout,
            "byteorder": sys.byteorder,
            "facts": facts,
            "sections": dict(zip(sections, map(len, parts), strict=True)),
        }
    ).encode()
    checksum = zlib.crc32(header, zlib.crc32(struct.pack("<I", len(header))))
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    return b"".join([_PREFIX.pack(_MAGIC, checksum, len(header)), header, *parts])


def unpack(
    kind: str, layout: int, blob: bytes | memoryview
) -> tuple[dict[str, Any], dict[str, memoryview]]:
    """Take apart what `pack` made.

    Returns:
        the facts, and the sections as views into `blob`.

    Raises:
        Damaged: the bytes are not what was packed.
        SchemaMismatch: another kind or layout, or the byte order of another machine. Build the
            state anew from the edges then.
    """
    view = memoryview(blob)
    if len(view) < _PREFIX.size:
        raise Damaged(f"a stored {kind} is cut off: {len(view)} bytes; build it anew")
    magic, checksum, length = _PREFIX.unpack_from(view)
    if magic != _MAGIC or zlib.crc32(view[8:]) != checksum:
        raise Damaged(f"the checksum of a stored {kind} is wrong; build it anew from the edges")
    start = _PREFIX.size + length
    header = json.loads(bytes(view[_PREFIX.size : start]))
    found = (header["kind"], header["layout"], header["byteorder"])
    if found != (kind, layout, sys.byteorder):
        raise SchemaMismatch(
            f"a stored {found[0]} (layout {found[1]}, {found[2]}-endian) is not a {kind} of "
            f"layout {layout}, {sys.byteorder}-endian; build it anew from the edges"
        )
    sections = {}
    for name, size in header["sections"].items():
        sections[name] = view[start : start + size]
        start += size
    return header["facts"], sections
