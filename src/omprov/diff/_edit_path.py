"""A longest common subsequence by Myers' search from both ends, for sequences that differ little.

E. W. Myers, "An O(ND) Difference Algorithm and Its Variations", Algorithmica 1 (1986), section 4b:
linear space, time by the square of the number of differences. Among equally long matches it takes
the one that GNU ``diff`` tends to take, so that deleted, inserted and changed words come out as
``wdiff`` has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence


def match_little(
    old: Sequence[Hashable], new: Sequence[Hashable]
) -> Iterator[tuple[int, int, int]]:
    """Yield blocks ``(i, j, length)``, in no order: ``old[i:i+length]`` is ``new[j:j+length]``.

    Together they are a longest common subsequence.
    """
    search = _Search(old, new)
    boxes = [(0, len(old), 0, len(new))]
    while boxes:
        x0, x1, y0, y1 = boxes.pop()
        start, end = x0, x1
        while x0 < x1 and y0 < y1 and old[x0] == new[y0]:
            x0 += 1
            y0 += 1
        while x0 < x1 and y0 < y1 and old[x1 - 1] == new[y1 - 1]:
            x1 -= 1
            y1 -= 1
        if x0 > start:
            yield start, y0 - (x0 - start), x0 - start
        if x1 < end:
            yield x1, y1, end - x1
        if x0 < x1 and y0 < y1:
            x, y = search.meeting_point(x0, x1, y0, y1)
            boxes += (x0, x, y0, y), (x, x1, y, y1)


class _Frontier:
    """Per diagonal ``x - y``, the furthest x that a number of differences reaches.

    Every step costs one difference more and reaches one diagonal further on either side, where the
    box has one.
    """

    def __init__(self, diagonals: int, zero: int, unreached: int) -> None:
        self.furthest = [unreached] * diagonals
        self.zero = zero  # where diagonal 0 stands in the list
        self.low = self.high = 0
        self._unreached = unreached

    def start(self, diagonal: int, x: int) -> None:
        self.low = self.high = diagonal
        self.furthest[self.zero + diagonal] = x

    def widen(self, least: int, most: int) -> range:
        """Return the diagonals of the next step, highest first."""
        if self.low > least:
            self.low -= 1
            self.furthest[self.zero + self.low - 1] = self._unreached
        else:
            self.low += 1
        if self.high < most:
            self.high += 1
            self.furthest[self.zero + self.high + 1] = self._unreached
        else:
            self.high -= 1
        return range(self.high, self.low - 1, -2)


class _Search:
    """Two frontiers that run towards each other, allocated once for all boxes."""

    def __init__(self, old: Sequence[Hashable], new: Sequence[Hashable]) -> None:
        self._old, self._new = old, new
        diagonals, zero = len(old) + len(new) + 5, len(new) + 2
        self._ahead = _Frontier(diagonals, zero, -1)
        self._behind = _Frontier(diagonals, zero, len(old) + 1)

    def meeting_point(self, x0: int, x1: int, y0: int, y1: int) -> tuple[int, int]:
        """Return a point that a shortest path from ``(x0, y0)`` to ``(x1, y1)`` goes through.

        The box is empty on neither side, and neither its first nor its last words match.
        """
        ahead, behind = self._ahead, self._behind
        least, most = x0 - y1, x1 - y0
        ahead.start(x0 - y0, x0)
        behind.start(x1 - y1, x1)
        odd = (ahead.low - behind.low) % 2 == 1
        while True:
            diagonals = ahead.widen(least, most)
            meeting = self._step_ahead(diagonals, x1, y1, watch=odd)
            if meeting is None:
                diagonals = behind.widen(least, most)
                meeting = self._step_behind(diagonals, x0, y0, watch=not odd)
            if meeting is not None:
                return meeting

    def _step_ahead(
        self, diagonals: range, x1: int, y1: int, *, watch: bool
    ) -> tuple[int, int] | None:
        old, new = self._old, self._new
        furthest, zero = self._ahead.furthest, self._ahead.zero
        facing, low, high = self._behind.furthest, self._behind.low, self._behind.high
        for diagonal in diagonals:
            below, above = furthest[zero + diagonal - 1], furthest[zero + diagonal + 1]
            x = above if below < above else below + 1
            y = x - diagonal
            while x < x1 and y < y1 and old[x] == new[y]:
                x += 1
                y += 1
            furthest[zero + diagonal] = x
            if watch and low <= diagonal <= high and facing[zero + diagonal] <= x:
                return x, y
        return None

    def _step_behind(
        self, diagonals: range, x0: int, y0: int, *, watch: bool
    ) -> tuple[int, int] | None:
        old, new = self._old, self._new
        furthest, zero = self._behind.furthest, self._behind.zero
        facing, low, high = self._ahead.furthest, self._ahead.low, self._ahead.high
        for diagonal in diagonals:
            below, above = furthest[zero + diagonal - 1], furthest[zero + diagonal + 1]
            x = below if below < above else above - 1
            y = x - diagonal
            while x > x0 and y > y0 and old[x - 1] == new[y - 1]:
                x -= 1
                y -= 1
            furthest[zero + diagonal] = x
            if watch and low <= diagonal <= high and x <= facing[zero + diagonal]:
                return x, y
        return None
