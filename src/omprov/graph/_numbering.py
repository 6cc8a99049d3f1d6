"""The order in which versions are numbered: finishing orders of depth-first searches.

A good numbering puts the ancestors of a version into few runs of consecutive numbers. See
``docs/design/graph-index.md``.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from omprov.errors import CycleError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


class ParentOrder(IntEnum):
    """Which parent the search follows first. None is best for every history."""

    FIRST = 0
    """As given: the main line before what was merged into it."""
    LAST = 1
    """The reverse: what was merged before the line it was merged into."""
    NEWEST = 2
    """By arrival, newest first; the best one where fixes are merged upwards."""
    OLDEST = 3
    """By arrival, oldest first."""


class ParentTable:
    """The parents of the versions ``base``, ``base + 1``, … as plain lists, ready for a search.

    Parents older than `base` are left out: they are numbered already.
    """

    __slots__ = ("_flat", "_offsets", "_starts", "size")

    def __init__(self, offsets: NDArray[np.int64], flat: NDArray[np.int32], base: int) -> None:
        inside = flat >= base
        self._offsets = np.concatenate(([0], np.cumsum(inside)))[offsets]
        self._flat = flat[inside] - base
        self.size = len(offsets) - 1
        self._starts: list[int] | None = None

    def finishing_order(self, order: ParentOrder) -> list[int]:
        """Return all versions (from 0), parents before children, as a search finishes them."""
        flat = arrange(self._offsets, self._flat, order).tolist()
        return _search(self._offsets.tolist(), flat, self._tips())

    def _tips(self) -> list[int]:
        """List the versions that nothing inherits, the one with the longest history first."""
        starts = self._starts
        if starts is None:
            offsets, flat = self._offsets.tolist(), self._flat.tolist()
            rows = np.repeat(np.arange(self.size), np.diff(self._offsets))
            if (self._flat >= rows).any():
                topological = _search(offsets, flat, range(self.size))
                _check_acyclic(topological, rows, self._flat)
            else:
                topological = list(range(self.size))
            levels = _levels(offsets, flat, topological)
            is_tip = np.ones(self.size, np.bool_)
            is_tip[self._flat] = False
            tips = np.flatnonzero(is_tip)
            starts = tips[np.argsort(-np.array(levels)[tips], kind="stable")].tolist()
            self._starts = starts
        return starts


def arrange(
    offsets: NDArray[np.int64], flat: NDArray[np.int32], order: ParentOrder
) -> NDArray[np.int32]:
    """Return `flat` with each row's parents in the order asked for."""
    counts = np.diff(offsets)
    if order is ParentOrder.FIRST or len(flat) == 0 or counts.max() < 2:
        return flat
    rows = np.repeat(np.arange(len(counts)), counts)
    keys: NDArray[np.integer]
    match order:
        case ParentOrder.LAST:
            keys = -np.arange(len(flat))
        case ParentOrder.NEWEST:
            keys = -flat
        case ParentOrder.OLDEST:
            keys = flat
    arranged: NDArray[np.int32] = flat[np.lexsort((keys, rows))]
    return arranged


def _search(offsets: list[int], parents: list[int], starts: Iterable[int]) -> list[int]:
    cursor = offsets[:-1]
    entered = bytearray(len(cursor))
    finished: list[int] = []
    for start in starts:
        if entered[start]:
            continue
        entered[start] = 1
        path = [start]
        while path:
            version = path[-1]
            i, end = cursor[version], offsets[version + 1]
            while i < end and entered[parents[i]]:
                i += 1
            if i < end:
                cursor[version] = i + 1
                parent = parents[i]
                entered[parent] = 1
                path.append(parent)
            else:
                finished.append(version)
                path.pop()
    return finished


def _levels(offsets: list[int], parents: list[int], topological: Iterable[int]) -> list[int]:
    """Return the number of steps of the longest route down from each version."""
    levels = [0] * (len(offsets) - 1)
    for version in topological:
        level = 0
        for i in range(offsets[version], offsets[version + 1]):
            above = levels[parents[i]] + 1
            if above > level:  # noqa: PLR1730  max() costs a third of the whole loop
                level = above
        levels[version] = level
    return levels


def _check_acyclic(order: list[int], rows: NDArray[np.int64], flat: NDArray[np.int32]) -> None:
    position = np.empty(len(order), np.int64)
    position[order] = np.arange(len(order))
    wrong = np.flatnonzero(position[flat] >= position[rows])
    if len(wrong):
        newer, older = int(rows[wrong[0]]), int(flat[wrong[0]])
        raise CycleError([newer, *_route(rows, flat, older, newer)])


def _route(rows: NDArray[np.int64], flat: NDArray[np.int32], start: int, goal: int) -> list[int]:
    """Return some route from `start` to `goal`, breadth first; there is one."""
    parents: dict[int, list[int]] = {}
    for row, parent in zip(rows.tolist(), flat.tolist(), strict=True):
        parents.setdefault(row, []).append(parent)
    came_from = {start: start}
    queue = [start]
    for version in queue:
        for parent in parents.get(version, ()):
            if parent not in came_from:
                came_from[parent] = version
                queue.append(parent)
    route = [goal]
    while route[-1] != start:
        route.append(came_from[route[-1]])
    return route[::-1]
