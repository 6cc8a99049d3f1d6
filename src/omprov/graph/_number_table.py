"""The versions that occur in a role, sorted by their numbers in the interval index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._bitmaps import view

if TYPE_CHECKING:
    from array import array

    from numpy.typing import NDArray

    from ._interval_index import IntervalIndex
    from ._tuning import Tuning


class NumberTable:
    """Finds the codes whose numbers lie in given intervals.

    A *code* is the place of a version in the order in which versions first occurred in the role.
    The table is sorted anew when numbers have changed or too many codes are new; `covered` tells
    how many codes it holds.
    """

    def __init__(self, tuning: Tuning) -> None:
        self.covered = 0
        self._tuning = tuning
        self._revision = -1
        self._numbers = np.zeros(0, np.int32)
        self._codes = np.zeros(0, np.int32)

    def refresh(self, versions: array[int], index: IntervalIndex) -> None:
        """Bring the table up to date for `versions`, code → version."""
        fresh = len(versions) - self.covered
        allowed = self._tuning.fresh_versions + self._tuning.fresh_share * self.covered
        if self._revision == index.revision and fresh <= allowed:
            return
        numbers = view(index.numbers)[view(versions)]
        order = np.argsort(numbers, kind="stable")
        self._numbers = numbers[order]
        self._codes = order.astype(np.int32)
        self._revision = index.revision
        self.covered = len(versions)

    def count(self, boundaries: NDArray[np.int32]) -> int:
        """Count the codes in half-open intervals ``lo, hi, lo, hi, …``."""
        places = np.searchsorted(self._numbers, boundaries)
        return int((places[1::2] - places[0::2]).sum())

    def codes_in(self, boundaries: NDArray[np.int32]) -> NDArray[np.int32]:
        """Give the codes in half-open intervals ``lo, hi, lo, hi, …``."""
        places = np.searchsorted(self._numbers, boundaries)
        starts, sizes = places[0::2], places[1::2] - places[0::2]
        if len(starts) == 1:
            return self._codes[starts[0] : starts[0] + sizes[0]]
        starts, sizes = starts[sizes > 0], sizes[sizes > 0]
        total = int(sizes.sum())
        if not total:
            return self._codes[:0]
        before = np.cumsum(sizes) - sizes
        return self._codes[np.repeat(starts - before, sizes) + np.arange(total)]


def symmetric_difference(one: array[int], other: array[int]) -> NDArray[np.int32]:
    """Give the intervals that lie in one of two interval lists but not in both.

    A boundary that both lists have cancels; those that are left, sorted, bound the difference.
    """
    boundaries = np.concatenate((view(one), view(other)))
    boundaries.sort()
    if len(boundaries) < 2:
        return boundaries
    same = boundaries[1:] == boundaries[:-1]
    single = np.ones(len(boundaries), np.bool_)
    single[1:][same] = False
    single[:-1][same] = False
    return boundaries[single]
