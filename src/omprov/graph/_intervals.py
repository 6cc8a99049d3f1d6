"""Sets of integers as flat ascending lists of half-open intervals: ``lo, hi, lo, hi, …``.

Only functions on such lists; which numbers they hold and whose they are is not known here.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHORT = 64
"""Below this many boundaries in all, plain Python merges faster than NumPy."""


def union(left: array[int], right: array[int]) -> array[int]:
    """Return the union of two interval lists.

    Intervals that touch are joined. The result may be one of the arguments itself: copy it before
    changing it.
    """
    if not left:
        return right
    if not right:
        return left
    if left[-1] < right[0]:
        return left + right
    if len(left) + len(right) < _SHORT:
        return _union_short(left, right)
    return _union_long(left, right)


def _union_short(left: array[int], right: array[int]) -> array[int]:
    result = array("i")
    i = j = 0
    start = end = -1
    while i < len(left) or j < len(right):
        if j >= len(right) or (i < len(left) and left[i] <= right[j]):
            low, high = left[i], left[i + 1]
            i += 2
        else:
            low, high = right[j], right[j + 1]
            j += 2
        if low > end:
            if end >= 0:
                result.append(start)
                result.append(end)
            start, end = low, high
        elif high > end:
            end = high
    result.append(start)
    result.append(end)
    return result


def _union_long(left: array[int], right: array[int]) -> array[int]:
    a, b = np.frombuffer(left, np.int32), np.frombuffer(right, np.int32)
    starts = np.concatenate((a[0::2], b[0::2]))
    ends = np.concatenate((a[1::2], b[1::2]))
    order = np.argsort(starts, kind="stable")
    starts = starts[order]
    ends = np.maximum.accumulate(ends[order])
    opens = starts[1:] > ends[:-1]
    result = np.empty(2 * (int(opens.sum()) + 1), np.int32)
    result[0] = starts[0]
    result[2::2] = starts[1:][opens]
    result[1:-1:2] = ends[:-1][opens]
    result[-1] = ends[-1]
    return array("i", result.tobytes())


def contains(intervals: array[int], x: int) -> bool:
    """Tell whether `x` lies in one of the intervals."""
    return bisect_right(intervals, x) & 1 == 1


def close_gaps(intervals: array[int], length: int) -> array[int]:
    """Join the intervals with the smallest gaps between them until `length` boundaries are left.

    Returns:
        a superset of `intervals`, of at most ``max(length, 2)`` boundaries.
    """
    keep = max(length // 2 - 1, 0)
    if len(intervals) // 2 - 1 <= keep:
        return intervals
    flat = np.frombuffer(intervals, np.int32)
    inner = flat[1:-1].reshape(-1, 2)
    widths = inner[:, 1] - inner[:, 0]
    widest = np.sort(np.argsort(widths, kind="stable")[len(widths) - keep :])
    result = np.concatenate((flat[:1], inner[widest].ravel(), flat[-1:]))
    return array("i", result.astype(np.int32).tobytes())


def from_mask(mask: NDArray[np.bool_]) -> array[int]:
    """Return the intervals of the positions at which `mask` is true."""
    padded = np.zeros(len(mask) + 2, np.int8)
    padded[1:-1] = mask
    return array("i", np.flatnonzero(np.diff(padded)).astype(np.int32).tobytes())


def fill_mask(mask: NDArray[np.bool_], intervals: array[int]) -> None:
    """Set `mask` to true at every position that lies in one of the intervals."""
    for i in range(0, len(intervals), 2):
        mask[intervals[i] : intervals[i + 1]] = True


def contains_each(
    flat: NDArray[np.int32],
    starts: NDArray[np.int32],
    ends: NDArray[np.int32],
    xs: NDArray[np.int32] | int,
) -> NDArray[np.bool_]:
    """Tell for each i whether ``xs[i]`` lies in the interval list ``flat[starts[i]:ends[i]]``.

    All lists are bisected in step, without a branch per list. No list may be empty.

    Args:
        flat: the lists, one behind the other.
        starts: where each list begins.
        ends: where each list ends.
        xs: one number for each list, or one for all.
    """
    position = starts.copy()
    length = ends - starts
    while True:
        half = length >> 1
        if not half.any():
            break
        below = flat[position + half - 1] <= xs
        position += np.where(below, half, 0)
        length = np.where(below, length - half, half)
    position += flat[position] <= xs
    return ((position - starts) & 1).astype(np.bool_)
