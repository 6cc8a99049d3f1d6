"""Tensors of one number, as event files hold them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from ._wire import BadMessage, iter_fields, number, submessage

if TYPE_CHECKING:
    from ._wire import FieldValue

_FORMATS = {  # the type's number → format of its elements
    1: "f",
    2: "d",
    3: "i",
    4: "B",
    5: "h",
    6: "b",
    9: "q",
    10: "?",
    17: "H",
    19: "e",
    22: "I",
    23: "Q",
}
_BFLOAT16 = 14
_HALVES = (14, 19)  # their numbers stand as bit patterns
_DTYPE, _CONTENT = 1, 4
_FLOATS, _DOUBLES, _HALF_BITS = 5, 6, 13
_INTEGERS = frozenset({7, 10, 11, 16, 17})  # int, int64, bool, uint32 and uint64


def scalar_of(tensor: bytes) -> float | None:
    """Return the number of a tensor that has just one; ``None`` of any other.

    Raises:
        BadMessage: the bytes are no tensor.
    """
    dtype = 0
    values: list[float] = []
    for field, value in iter_fields(tensor):
        if field == _DTYPE:
            dtype = number(value)
        elif field == _CONTENT:
            values += _content(dtype, submessage(value))
        elif field == _FLOATS:
            values += _fixed("<f", value)
        elif field == _DOUBLES:
            values += _fixed("<d", value)
        elif field == _HALF_BITS:
            values += [_half(dtype, bits) for bits in _varints(value)]
        elif field in _INTEGERS:
            values += _varints(value)
    return values[0] if len(values) == 1 else None


def _content(dtype: int, raw: bytes) -> list[float]:
    if dtype == _BFLOAT16:
        return [_half(dtype, bits) for (bits,) in struct.iter_unpack("<H", raw[: len(raw) & ~1])]
    layout = _FORMATS.get(dtype)
    if layout is None:
        return []
    if len(raw) % struct.calcsize(f"<{layout}"):
        raise BadMessage("a tensor ends within a number")
    return [float(found) for (found,) in struct.iter_unpack(f"<{layout}", raw)]


def _fixed(layout: str, value: FieldValue) -> list[float]:
    """Read numbers of a fixed size, packed or alone."""
    size = struct.calcsize(layout)
    raw = value if isinstance(value, bytes) else value.to_bytes(8, "little")[:size]
    if len(raw) % size:
        raise BadMessage("a tensor ends within a number")
    return [found for (found,) in struct.iter_unpack(layout, raw)]


def _varints(value: FieldValue) -> list[int]:
    """Read numbers of a variable size, packed or alone."""
    if not isinstance(value, bytes):
        return [number(value)]
    found, at, start = [], 0, 0
    for at, byte in enumerate(value, 1):
        if byte < 0x80:
            found.append(_unsigned(value[start:at]))
            start = at
    if start != at:
        raise BadMessage("a number does not end")
    return [number(one) for one in found]


def _unsigned(raw: bytes) -> int:
    return sum((byte & 0x7F) << 7 * place for place, byte in enumerate(raw)) & 0xFFFFFFFFFFFFFFFF


def _half(dtype: int, bits: int) -> float:
    if dtype in _HALVES and 0 <= bits < 1 << 16:
        if dtype == _BFLOAT16:
            return float(struct.unpack("<f", struct.pack("<I", bits << 16))[0])
        return float(struct.unpack("<e", struct.pack("<H", bits))[0])
    return float(bits)
