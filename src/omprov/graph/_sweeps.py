"""Distances between far versions: one pass over all junctions that lie between them.

A parent is older by number than its child here (no late edge leads to a newer version), so that a
pass in the order of the numbers meets every edge once and is exact.
"""

from __future__ import annotations

from array import array
from math import inf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._edge_weights import EdgeWeights
    from ._interval_index import IntervalIndex
    from ._junctions import Junctions

_GOAL, _NOWHERE, _FIRST = 0, 1, 2
"""The places before the first row: a distance of zero, one of infinity."""


class EdgeRows(NamedTuple):
    """The edges of junctions, one row for each edge but the first of a junction.

    Attributes:
        junction: whose edge it is, ascending.
        opens: whether the row is the first of its junction.
        parents: where the junction's first edge, and the row's own one, lead; shape (2, rows).
        weights: of the same edges.
    """

    junction: NDArray[np.int64]
    opens: NDArray[np.bool_]
    parents: NDArray[np.int32]
    weights: NDArray[np.float64]


def edge_rows(
    index: IntervalIndex,
    weights: EdgeWeights,
    start: int,
    oldest: int,
    *,
    goal: int | None = None,
) -> EdgeRows:
    """Collect the edges of the junctions with several parents that `start` reaches.

    Args:
        index: tells what reaches what.
        weights: of the edges.
        start: a junction.
        oldest: no older junction is wanted.
        goal: only junctions that reach it are wanted.
    """
    offsets, parents, values = weights.rows(oldest, start + 1)
    counts = np.diff(offsets)
    merges = np.flatnonzero(counts > 1)
    merges = merges[index.reached(start, merges + oldest)]
    if goal is not None:
        merges = merges[index.reaching(merges + oldest, goal)]
    rows = counts[merges] - 1
    merge = np.repeat(merges, rows)
    rank = np.arange(len(merge)) - np.repeat(np.cumsum(rows) - rows, rows)
    first = offsets[merge]
    places = np.stack((first, first + rank + 1))
    return EdgeRows(merge + oldest, rank == 0, parents[places], values[places])


class Approach:
    """The distances of all junctions between two versions to the older of them.

    Args:
        index: tells what reaches what.
        weights: of the edges.
        junctions: of the same versions.
        newer: a version.
        older: a version that `newer` reaches, on another chain.
    """

    __slots__ = ("_distances", "_junctions", "_oldest", "_places", "older")

    def __init__(
        self,
        index: IntervalIndex,
        weights: EdgeWeights,
        junctions: Junctions,
        newer: int,
        older: int,
    ) -> None:
        self.older = older
        self._junctions = junctions
        self._oldest = oldest = junctions.below[older]
        start = junctions.below[newer]
        rows = edge_rows(index, weights, start, oldest, goal=older)
        count = len(rows.junction)
        self._places = np.full(start - oldest + 1, _NOWHERE, np.int32)
        # of several rows of a junction the last assignment, that of its last row, stays
        self._places[rows.junction - oldest] = np.arange(_FIRST, _FIRST + count)
        feet = np.frombuffer(junctions.below, np.int32)[rows.parents] - oldest
        lengths = rows.weights + np.frombuffer(junctions.depth, np.float64)[rows.parents]
        targets = self._places[np.maximum(feet, 0)]
        targets[feet < 0] = _NOWHERE
        enters = feet == 0
        enters[enters] = index.reaching(rows.parents[enters], older)
        targets[enters] = _GOAL
        lengths[enters] = np.maximum(lengths[enters] - junctions.depth[older], 0.0)
        again = np.flatnonzero(~rows.opens)
        targets[0, again] = again + (_FIRST - 1)
        lengths[0, again] = 0.0
        left, right = (array("i", column.tobytes()) for column in targets)
        to_left, to_right = (array("d", column.tobytes()) for column in lengths)
        self._distances = _lightest(left, right, to_left, to_right)

    def distance(self, junction: int) -> float:
        """Return the distance of a junction that is reached by `newer`; infinite if none."""
        place = junction - self._oldest
        return self._distances[self._places[place]] if place >= 0 else inf


def _lightest(
    left: array[int], right: array[int], to_left: array[float], to_right: array[float]
) -> list[float]:
    """Return for each row the lighter of its two ways, behind the places `_GOAL`, `_NOWHERE`.

    Arrays make a number at a time; lists made beforehand took a third longer in all.
    """
    distances = [0.0, inf]
    append = distances.append
    for one, other, to_one, to_other in zip(left, right, to_left, to_right, strict=True):
        total = to_one + distances[one]
        rival = to_other + distances[other]
        append(total if total < rival else rival)  # noqa: FURB136  min() is far slower
    return distances


class Departure:
    """The distances from one version to the junctions below it, down to a certain one.

    Args:
        index: tells what reaches what.
        weights: of the edges.
        junctions: of the same versions.
        newer: a version.
        oldest: no older version will be asked for.
    """

    __slots__ = ("_distances", "_feet", "_index", "_junctions", "_oldest", "_rows")

    def __init__(
        self,
        index: IntervalIndex,
        weights: EdgeWeights,
        junctions: Junctions,
        newer: int,
        oldest: int,
    ) -> None:
        self._index = index
        self._junctions = junctions
        self._oldest = oldest = junctions.below[oldest]
        start = junctions.below[newer]
        self._rows = rows = edge_rows(index, weights, start, oldest)
        below = np.frombuffer(junctions.below, np.int32)
        self._feet = below[rows.parents] - oldest
        lengths = rows.weights + np.frombuffer(junctions.depth, np.float64)[rows.parents]
        self._distances = [inf] * (start - oldest + 2)  # the last place takes what leads out
        self._distances[start - oldest] = junctions.depth[newer]
        self._relax(lengths)

    def _relax(self, lengths: NDArray[np.float64]) -> None:
        distances = self._distances
        columns = (
            (self._rows.junction - self._oldest)[::-1].tolist(),
            *np.maximum(self._feet, -1)[:, ::-1].tolist(),
            *lengths[:, ::-1].tolist(),
        )
        for junction, left, right, to_left, to_right in zip(*columns, strict=True):
            so_far = distances[junction]
            total = so_far + to_left
            if total < distances[left]:  # noqa: PLR1730  min() costs half of the whole loop
                distances[left] = total
            total = so_far + to_right
            if total < distances[right]:  # noqa: PLR1730  same
                distances[right] = total

    def distance(self, older: int) -> float:
        """Return the distance of a version that `newer` reaches on another chain."""
        foot = self._junctions.below[older] - self._oldest
        side, row = np.nonzero(self._feet == foot)
        parents = self._rows.parents[side, row]
        enters = self._index.reaching(parents, older)
        side, row, parents = side[enters], row[enters], parents[enters]
        result = inf
        for junction, parent, weight in zip(
            self._rows.junction[row].tolist(),
            parents.tolist(),
            self._rows.weights[side, row].tolist(),
            strict=True,
        ):
            so_far = self._distances[junction - self._oldest]
            result = min(result, so_far + (weight + self._junctions.chain(parent, older)))
        return result
