"""The numbers of tensors: names of their types as safetensors has them, and bytes as numbers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[Any]

_PLAIN = {
    "BOOL": "u1",
    "U8": "u1",
    "I8": "i1",
    "U16": "u2",
    "I16": "i2",
    "U32": "u4",
    "I32": "i4",
    "U64": "u8",
    "I64": "i8",
    "F16": "f2",
    "F32": "f4",
    "F64": "f8",
    "C64": "f4",  # a complex number counts as its two parts
    "C128": "f8",
}
_SMALL = {  # exponent bits, mantissa bits, bias, which bit patterns are no numbers
    "F8_E4M3": (4, 3, 7, "last"),
    "F8_E5M2": (5, 2, 15, "ieee"),
    "F8_E4M3FNUZ": (4, 3, 8, "minus zero"),
    "F8_E5M2FNUZ": (5, 2, 16, "minus zero"),
}
_SIZES = {"BF16": 2, "C64": 8, "C128": 16, "F8_E8M0": 1, **dict.fromkeys(_SMALL, 1)}


def item_size(dtype: str) -> int | None:
    """Return the bytes of one number; ``None`` for a type that is not known."""
    if dtype in _SIZES:
        return _SIZES[dtype]
    return np.dtype(_PLAIN[dtype]).itemsize if dtype in _PLAIN else None


def name_of(dtype: np.dtype[Any]) -> str:
    """Return the name of a NumPy type; one that is no number keeps NumPy's own."""
    name = {"b": "BOOL", "u": "U", "i": "I", "f": "F", "c": "C"}.get(dtype.kind)
    if name is None or dtype.itemsize > (16 if name == "C" else 8):
        return str(dtype.descr if dtype.names else dtype.newbyteorder("<").str)
    return name if name == "BOOL" else f"{name}{8 * dtype.itemsize}"


def as_numbers(dtype: str, content: bytes, *, big_endian: bool = False) -> Numbers:
    """Read bytes as numbers: 64-bit integers as they are, all others as 64-bit floats."""
    order = ">" if big_endian else "<"
    if dtype == "BF16":
        halves = np.frombuffer(content, order + "u2").astype(np.uint32)
        return _widened((halves << np.uint32(16)).view(np.float32))
    if dtype in _SMALL or dtype == "F8_E8M0":
        return np.take(_small_floats(dtype), np.frombuffer(content, np.uint8))
    numbers = np.frombuffer(content, order + _PLAIN[dtype])
    whole = numbers.dtype.kind in "ui" and numbers.dtype.itemsize == 8
    return numbers.astype(numbers.dtype.newbyteorder("=")) if whole else _widened(numbers)


def _widened(numbers: Numbers) -> Numbers:
    with np.errstate(invalid="ignore"):  # there are NaNs that ask to be told of
        return numbers.astype(np.float64)


@cache
def _small_floats(dtype: str) -> NDArray[np.float64]:
    """Return the value of each of the 256 bit patterns."""
    patterns = np.arange(256)
    if dtype == "F8_E8M0":
        return np.concatenate([np.ldexp(1.0, patterns[:255] - 127), [np.nan]])
    exponent_bits, mantissa_bits, bias, special = _SMALL[dtype]
    sign = np.where(patterns & 128, -1.0, 1.0)
    exponent = (patterns >> mantissa_bits) & ((1 << exponent_bits) - 1)
    mantissa = patterns & ((1 << mantissa_bits) - 1)
    fraction = mantissa / (1 << mantissa_bits) + (exponent > 0)
    values: NDArray[np.float64] = sign * np.ldexp(fraction, np.maximum(exponent, 1) - bias)
    if special == "minus zero":
        values[128] = np.nan
    elif special == "last":
        values[(patterns & 127) == 127] = np.nan
    else:
        highest = exponent == (1 << exponent_bits) - 1
        values = np.where(highest, np.where(mantissa > 0, np.nan, sign * np.inf), values)
    return values
