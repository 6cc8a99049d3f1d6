"""The framing of event files: records with masked checksums, one after another (TFRecord)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_HEAD = struct.Struct("<QI")
_TAIL = struct.Struct("<I")
_POLYNOMIAL = 0x82F63B78  # of CRC-32C, reflected
_MASK = 0xA282EAD8
_LARGEST = 2 << 30  # what a protocol buffer may have


class Record(NamedTuple):
    """A whole record.

    Attributes:
        content: its bytes.
        checksum: what they are said to amount to; see `is_intact`.
        end: the offset in the file behind it.
    """

    content: bytes
    checksum: int
    end: int


def iter_records(file: BinaryIO) -> Iterator[Record]:
    """Read records from where a file stands, until its end or what is no whole record.

    A file that is still written, or whose writer was killed, ends within a record; of one that is
    damaged nothing behind the damage can be found again. Checksums of contents are left to whoever
    needs the content: they cost more than all else.
    """
    end = file.tell()
    while True:
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size:
            return
        length, checksum = _HEAD.unpack(head)
        if length > _LARGEST or masked_crc32c(head[:8]) != checksum:
            return
        content = file.read(length)
        tail = file.read(_TAIL.size)
        if len(content) < length or len(tail) < _TAIL.size:
            return
        end += _HEAD.size + length + _TAIL.size
        yield Record(content, _TAIL.unpack(tail)[0], end)


def is_intact(record: Record) -> bool:
    """Tell whether the content is what was written."""
    return masked_crc32c(record.content) == record.checksum


def masked_crc32c(data: bytes) -> int:
    """Compute the checksum that records carry: CRC-32C, rotated and moved."""
    crc = 0xFFFFFFFF
    table = _TABLE
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + _MASK) & 0xFFFFFFFF


def _make_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_TABLE = _make_table()
