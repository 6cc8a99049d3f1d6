"""Lightest routes: a search for near versions, one sweep over the junctions for far ones.

By dense numbers; see ``docs/design/graph-index.md``. Sums of weights are exact up to the rounding
of floating-point addition.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from ._edge_weights import EdgeWeights
    from ._interval_index import IntervalIndex
    from ._junctions import Junctions

_LEAST_SETTLED = 32
_MOST_SETTLED = 512
_SPAN_PER_SETTLED = 80
"""A sweep over so many versions costs as much as a search that settles one junction."""


class Found(NamedTuple):
    """A lightest route.

    Attributes:
        distance: the sum of its weights.
        steps: the edges (junction, parent) where it leaves a junction, the newest first.
    """

    distance: float
    steps: list[tuple[int, int]]


class Sweep(NamedTuple):
    """The distances of junctions from one version. Versions count from `base` where not said.

    Attributes:
        base: the oldest version of the sweep.
        start: the junction it began at, as a version.
        best: the distance of each junction, inf where there is none yet or it is no junction.
        came: the junction before it on the lightest route.
        sources: the junctions swept, once for each pair of their edges.
        entered: the parents that those pairs lead to, as versions; shape (2, pairs).
        feet: the junctions below `entered`.
        weights: of the edges.
    """

    base: int
    start: int
    best: list[float]
    came: list[int]
    sources: NDArray[np.int64]
    entered: NDArray[np.int32]
    feet: NDArray[np.int32]
    weights: NDArray[np.float64]


class Routes:
    """Lightest routes in one version graph; keeps no state of its own.

    Args:
        index: tells what reaches what.
        weights: of the edges.
        junctions: of the same versions.
    """

    __slots__ = ("_index", "_junctions", "_weights")

    def __init__(self, index: IntervalIndex, weights: EdgeWeights, junctions: Junctions) -> None:
        self._index = index
        self._weights = weights
        self._junctions = junctions

    def find(
        self,
        newer: int,
        older: int,
        reach: Callable[[int, int], bool],
        *,
        budget: int | None = None,
    ) -> Found | None:
        """Find a lightest route.

        Args:
            newer: where it starts.
            older: where it ends; `newer` reaches it.
            reach: the index's reach function.
            budget: give up when more junctions than this would have to be settled.

        Returns:
            the route, or None where the budget was too small.
        """
        junctions = self._junctions
        if junctions.below[newer] == junctions.below[older]:
            return Found(junctions.chain(newer, older), [])
        if budget is not None:
            return self._search(newer, older, reach, budget)
        if self._index.lists.upward:
            return self._search(newer, older, reach, len(self._index))
        limit = min(_LEAST_SETTLED + (newer - older) // _SPAN_PER_SETTLED, _MOST_SETTLED)
        found = self._search(newer, older, reach, limit)
        if found is None:
            sweep = self._sweep(newer, older, only_towards=older)
            found = self._route_to(sweep, older, reach)
        return found

    def distances(
        self, newer: int, older: list[int], reach: Callable[[int, int], bool]
    ) -> list[float]:
        """Return the distances from one version to many that it reaches, in one sweep."""
        junctions = self._junctions
        foot = junctions.below[newer]
        far = [w for w in older if junctions.below[w] != foot]
        if self._index.lists.upward or not far:
            found = [self.find(newer, w, reach) for w in older]
            return [route.distance for route in found if route is not None]
        sweep = self._sweep(newer, min(far))
        return [
            junctions.chain(newer, w)
            if junctions.below[w] == foot
            else self._last_step(sweep, w, reach)[0]
            for w in older
        ]

    def expand(self, newer: int, older: int, found: Found) -> list[int]:
        """List all versions of a route, both ends included."""
        route: list[int] = []
        start = newer
        for junction, parent in found.steps:
            route += self._junctions.chain_route(start, junction)
            start = parent
        return route + self._junctions.chain_route(start, older)

    def _search(
        self, newer: int, older: int, reach: Callable[[int, int], bool], budget: int
    ) -> Found | None:
        """Search by Dijkstra's algorithm from junction to junction, only where `older` is reached.

        Returns:
            the route, or None past the budget.
        """
        below, depth = self._junctions.below, self._junctions.depth
        chain, edges = self._junctions.chain, self._weights.edges
        goal = below[older]
        start = below[newer]
        best = {start: depth[newer]}
        came: dict[int, tuple[int, int]] = {}
        settled: set[int] = set()
        queue = [(depth[newer], start)]
        while queue:
            so_far, junction = heappop(queue)
            if junction < 0:
                return Found(so_far, _trace(came, -1, start))
            if junction in settled:
                continue
            if len(settled) >= budget:
                return None
            settled.add(junction)
            for parent, weight in edges(junction):
                foot = below[parent]
                if not reach(parent, older):
                    continue
                if foot == goal:
                    foot, total = -1, so_far + weight + chain(parent, older)
                else:
                    total = so_far + weight + depth[parent]
                if total < best.get(foot, inf):
                    best[foot] = total
                    came[foot] = junction, parent
                    heappush(queue, (total, foot))
        raise AssertionError("the caller has made sure that there is a route")

    def _sweep(self, newer: int, oldest: int, *, only_towards: int | None = None) -> Sweep:
        """Relax all edges of junctions from that of `newer` down to `oldest`, newest first.

        Every parent is older by number than its child here, so that a junction's distance is final
        when its turn comes.
        """
        junctions = self._junctions
        start = junctions.below[newer]
        base = junctions.below[oldest]
        offsets, parents, weights = self._weights.rows(base, start + 1)
        counts = np.diff(offsets)
        merges = np.flatnonzero(counts > 1)
        merges = merges[self._index.reached(newer, merges + base)]
        if only_towards is not None:
            merges = merges[self._index.reaching(merges + base, only_towards)]
        sources, places = _pairs_of_edges(merges[::-1], offsets, counts)
        entered = parents[places]
        feet = np.frombuffer(junctions.below, np.int32)[entered] - base
        lengths = weights[places] + np.frombuffer(junctions.depth, np.float64)[entered]
        best, came = _relax(
            start - base,
            junctions.depth[newer],
            sources.tolist(),
            np.maximum(feet, -1).tolist(),
            lengths.tolist(),
        )
        return Sweep(base, start, best, came, sources, entered, feet, weights[places])

    def _route_to(self, sweep: Sweep, older: int, reach: Callable[[int, int], bool]) -> Found:
        """Read the lightest route to a version that is reached and lies on another chain."""
        base, came = sweep.base, sweep.came
        distance, junction, parent = self._last_step(sweep, older, reach)
        steps = [(junction, parent)]
        while junction != sweep.start:
            above = came[junction - base] + base
            steps.append((above, self._parent_towards(above, junction)))
            junction = above
        return Found(distance, steps[::-1])

    def _last_step(
        self, sweep: Sweep, older: int, reach: Callable[[int, int], bool]
    ) -> tuple[float, int, int]:
        """Choose the edge by which the lightest route enters the chain of `older`.

        Returns:
            the distance of `older`, the junction that the edge leaves, and its parent.
        """
        result = inf, -1, -1
        foot = self._junctions.below[older] - sweep.base
        for column, row in zip(*np.nonzero(sweep.feet == foot), strict=True):
            source = int(sweep.sources[row])
            parent = int(sweep.entered[column, row])
            if sweep.best[source] < inf and reach(parent, older):
                total = sweep.best[source] + float(sweep.weights[column, row])
                total += self._junctions.chain(parent, older)
                result = min(result, (total, source + sweep.base, parent))
        return result

    def _parent_towards(self, junction: int, foot: int) -> int:
        """Return the parent by which the lightest step from `junction` to `foot` goes."""
        below, depth = self._junctions.below, self._junctions.depth
        return min(
            (weight + depth[parent], parent)
            for parent, weight in self._weights.edges(junction)
            if below[parent] == foot
        )[1]


def _pairs_of_edges(
    merges: NDArray[np.int64], offsets: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the edges of `merges` two by two; the last of an odd number is listed twice.

    Returns:
        for each pair the merge it belongs to, in the order given; the places of both edges,
        shape (2, pairs).
    """
    pairs = (counts[merges] + 1) // 2
    sources = np.repeat(merges, pairs)
    rank = np.arange(len(sources)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    first = offsets[sources] + 2 * rank
    second = np.minimum(first + 1, offsets[sources + 1] - 1)
    return sources, np.stack((first, second))


def _relax(
    start: int,
    distance: float,
    sources: list[int],
    targets: list[list[int]],
    lengths: list[list[float]],
) -> tuple[list[float], list[int]]:
    """Relax pairs of edges in the order given.

    Returns:
        the distance of each junction (inf where there is none), and where the lightest route to it
        came from. The last place of both is a bin for edges that lead out of the range.
    """
    best = [inf] * (start + 2)
    came = [-1] * (start + 2)
    best[start] = distance
    for source, left, right, to_left, to_right in zip(sources, *targets, *lengths, strict=True):
        so_far = best[source]
        total = so_far + to_left
        if total < best[left]:
            best[left] = total
            came[left] = source
        total = so_far + to_right
        if total < best[right]:
            best[right] = total
            came[right] = source
    return best, came


def _trace(came: dict[int, tuple[int, int]], junction: int, start: int) -> list[tuple[int, int]]:
    steps: list[tuple[int, int]] = []
    while junction != start:
        step = came[junction]
        steps.append(step)
        junction = step[0]
    return steps[::-1]
