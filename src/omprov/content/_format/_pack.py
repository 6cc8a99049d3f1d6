"""Packs: files of up to 64 MiB that hold many objects and list them at their end.

Layout and reading. `_writer` makes packs. A pack is written once and named by its BLAKE3.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, NamedTuple

import zstandard
from blake3 import blake3

from omprov.errors import Damaged, SchemaMismatch

from ._objects import Key, ObjectType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

FORMAT = 1
HEADER = struct.Struct("<8sI4x")
HEADER_MAGIC = b"OMPACK\r\n"
_RECORD = struct.Struct("<32sQIIBB2x")
_TRAILER = struct.Struct("<QII32s8s")
_TRAILER_MAGIC = b"OMFOOT\r\n"
_TRAILER_CHECKED = 16
TRAILER_SIZE = _TRAILER.size

STORED, ZSTANDARD = 0, 1
"""How an object's bytes lie in a pack."""


class Packed(NamedTuple):
    """Where an object lies in its pack.

    Attributes:
        stored: bytes in the pack.
        raw: bytes once decompressed.
        compression: `STORED` or `ZSTANDARD`.
    """

    digest: bytes
    offset: int
    stored: int
    raw: int
    type: int
    compression: int

    @property
    def key(self) -> Key:
        """How the object is found."""
        return Key(ObjectType(self.type), self.digest)


def encode_header() -> bytes:
    """Return the first bytes of every pack."""
    return HEADER.pack(HEADER_MAGIC, FORMAT)


def encode_footer(objects: Iterable[Packed], offset: int) -> bytes:
    """Return the last bytes of a pack whose objects end at `offset`: records, then the trailer."""
    records = [_RECORD.pack(*packed) for packed in objects]
    footer = b"".join(records)
    head = struct.pack("<QII", offset, len(records), FORMAT)
    return footer + head + blake3(footer + head).digest() + _TRAILER_MAGIC


def read_footer(descriptor: int, name: str) -> list[Packed]:
    """Read which objects an open pack holds; see `parse_footer`."""
    return _unpacked(read_records(descriptor, name))


def read_records(descriptor: int, name: str) -> bytes:
    """Read an open pack's records as they lie; see `parse_footer`."""
    size = os.fstat(descriptor).st_size
    return _parse_records(lambda offset, length: os.pread(descriptor, length, offset), size, name)


def parse_footer(read: Callable[[int, int], bytes], size: int, name: str) -> list[Packed]:
    """Read which objects a pack holds. Its header does not matter: the trailer says the same.

    Args:
        read: gives the pack's bytes from an offset on, so many.
        size: of the pack.
        name: of the pack, for messages.

    Raises:
        Damaged: the footer is not what was written.
        SchemaMismatch: a newer release wrote this pack.
    """
    return _unpacked(_parse_records(read, size, name))


def _unpacked(records: bytes) -> list[Packed]:
    return [Packed._make(record) for record in _RECORD.iter_unpack(records)]


def _parse_records(read: Callable[[int, int], bytes], size: int, name: str) -> bytes:
    start = size - _TRAILER.size
    trailer = read(max(start, 0), _TRAILER.size)
    if start < HEADER.size or len(trailer) != _TRAILER.size:
        raise Damaged(f"pack {name} is cut short")
    offset, count, version, checksum, magic = _TRAILER.unpack(trailer)
    if magic != _TRAILER_MAGIC or offset + count * _RECORD.size != start:
        raise Damaged(f"pack {name} has no trailer: it is cut short or overwritten")
    footer = read(offset, start - offset)
    if blake3(footer + trailer[:_TRAILER_CHECKED]).digest() != checksum:
        raise Damaged(f"pack {name} has a damaged footer")
    if version > FORMAT:
        raise SchemaMismatch(
            f"pack {name} has layout {version}; this release reads up to {FORMAT}. Upgrade omprov."
        )
    return footer


def footer_count(tail: bytes) -> int:
    """Return how many objects there are, as the last bytes of a pack say.

    Args:
        tail: at least `TRAILER_SIZE` bytes; what they say is not verified.
    """
    return int(_TRAILER.unpack(tail[-_TRAILER.size :])[1])


def footer_size(tail: bytes) -> int:
    """Return how many bytes records and trailer take; see `footer_count`."""
    return footer_count(tail) * _RECORD.size + _TRAILER.size


def unpack(packed: Packed, stored: bytes, name: str) -> bytes:
    """Decompress an object's stored bytes, without checking their digest.

    Raises:
        Damaged: they are too few or do not decompress.
    """
    if len(stored) != packed.stored:
        raise Damaged(f"pack {name} is cut short: {packed.key} is incomplete")
    if packed.compression == STORED:
        return stored
    try:
        return zstandard.ZstdDecompressor().decompress(stored, max_output_size=packed.raw)
    except zstandard.ZstdError as error:
        raise Damaged(f"{packed.key} in pack {name} does not decompress") from error
