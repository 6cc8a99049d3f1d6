"""The wire format of protocol buffers, as far as event files need it: fields by number."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

    FieldValue: TypeAlias = "int | bytes"
    """A number as it stands (fixed ones little-endian, as unsigned), or the bytes of what has a
    length."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class BadMessage(ValueError):
    """Bytes that are no message."""


def iter_fields(message: bytes) -> Iterator[tuple[int, FieldValue]]:
    """Read the fields of a message in order: number and value.

    Raises:
        BadMessage: they are none.
    """
    at, size = 0, len(message)
    while at < size:
        key, at = _varint(message, at)
        sort = key & 7
        if sort == _VARINT:
            value: FieldValue
            value, at = _varint(message, at)
        elif sort == _BYTES:
            length, at = _varint(message, at)
            value, at = message[at : at + length], at + length
        elif sort in (_FIXED64, _FIXED32):
            length = 8 if sort == _FIXED64 else 4
            value, at = int.from_bytes(message[at : at + length], "little"), at + length
        else:
            raise BadMessage(f"field {key >> 3} has the unknown type {sort}")
        if at > size:
            raise BadMessage(f"field {key >> 3} ends behind the message")
        yield key >> 3, value


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise BadMessage("a number does not end")
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
        shift += 7


def submessage(value: FieldValue) -> bytes:
    """Return the bytes of a field that must have some.

    Raises:
        BadMessage: it is a number.
    """
    if not isinstance(value, bytes):
        raise BadMessage("a number stands where a message has to be")
    return value


def text(value: FieldValue) -> str:
    """Return the text of a field."""
    return submessage(value).decode("utf-8", "replace")


def number(value: FieldValue) -> int:
    """Return the signed number of a field.

    Raises:
        BadMessage: it is none.
    """
    if isinstance(value, bytes):
        raise BadMessage("bytes stand where a number has to be")
    return value - (1 << 64) if value >> 63 else value


def double(value: FieldValue) -> float:
    """Return the 64-bit floating-point number of a field."""
    return float(struct.unpack("<d", _raw(value, 8))[0])


def single(value: FieldValue) -> float:
    """Return the 32-bit floating-point number of a field."""
    return float(struct.unpack("<f", _raw(value, 4))[0])


def _raw(value: FieldValue, size: int) -> bytes:
    if isinstance(value, bytes) or value >> 8 * size:
        raise BadMessage(f"what is not {size} bytes stands where a number has to be")
    return value.to_bytes(size, "little")
