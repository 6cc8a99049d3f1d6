"""Bitmaps of groups, to and from arrays of numbers."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import numpy as np
from pyroaring import BitMap

if TYPE_CHECKING:
    from numpy.typing import NDArray


def bitmap_of(numbers: NDArray[Any]) -> BitMap:
    """Collect non-negative numbers into a bitmap."""
    return BitMap(array("I", np.ascontiguousarray(numbers, np.uint32).tobytes()))


def numbers_in(bitmap: BitMap) -> NDArray[np.int64]:
    """Give the numbers of a bitmap, ascending."""
    return np.array(bitmap.to_array(), np.int64)


def view(numbers: array[int]) -> NDArray[np.int32]:
    """Look at an ``array('i')`` as NumPy does.

    The array cannot grow while the view is alive: use it within one expression, or copy.
    """
    return np.frombuffer(numbers, np.int32)
