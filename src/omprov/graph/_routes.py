"""Lightest routes: a search for near versions, a sweep over the junctions for far ones.

By dense numbers; see ``docs/design/graph-index.md``. Sums of weights are exact up to the rounding
of floating-point addition.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf
from typing import TYPE_CHECKING, NamedTuple

from ._sweeps import Approach, Departure

if TYPE_CHECKING:
    from collections.abc import Callable

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

    def distance(
        self,
        newer: int,
        older: int,
        reach: Callable[[int, int], bool],
        *,
        budget: int | None = None,
    ) -> float | None:
        """Return the distance from `newer` to `older`, which it reaches.

        Args:
            newer: where routes start.
            older: where they end.
            reach: the index's reach function.
            budget: return None when more junctions than this would have to be settled.
        """
        junctions = self._junctions
        foot = junctions.below[newer]
        if foot == junctions.below[older]:
            return junctions.chain(newer, older)
        limit = self._limit(newer, older) if budget is None else budget
        found = self._search(newer, older, reach, limit)
        if found is not None:
            return found.distance
        if budget is not None:
            return None
        return junctions.depth[newer] + self._approach(newer, older).distance(foot)

    def distances(
        self, newer: int, older: list[int], reach: Callable[[int, int], bool]
    ) -> list[float]:
        """Return the distances from one version to many that it reaches, in one sweep."""
        below = self._junctions.below
        far = [w for w in older if below[w] != below[newer]]
        departure = None
        if len(far) > 1 and not self._index.lists.upward:
            departure = Departure(self._index, self._weights, self._junctions, newer, min(far))
        return [
            self.distance(newer, w, reach) or 0.0
            if departure is None or below[w] == below[newer]
            else departure.distance(w)
            for w in older
        ]

    def route(self, newer: int, older: int, reach: Callable[[int, int], bool]) -> list[int]:
        """List the versions of a lightest route from `newer` to `older`, which it reaches."""
        junctions = self._junctions
        steps: list[tuple[int, int]] = []
        if junctions.below[newer] != junctions.below[older]:
            found = self._search(newer, older, reach, self._limit(newer, older))
            steps = self._far_steps(newer, older, reach) if found is None else found.steps
        route: list[int] = []
        for junction, parent in steps:
            route += junctions.chain_route(newer, junction)
            newer = parent
        return route + junctions.chain_route(newer, older)

    def _limit(self, newer: int, older: int) -> int:
        """Return how many junctions to settle before a sweep is the better way."""
        if self._index.lists.upward:
            return len(self._index)
        return min(_LEAST_SETTLED + (newer - older) // _SPAN_PER_SETTLED, _MOST_SETTLED)

    def _approach(self, newer: int, older: int) -> Approach:
        return Approach(self._index, self._weights, self._junctions, newer, older)

    def _far_steps(
        self, newer: int, older: int, reach: Callable[[int, int], bool]
    ) -> list[tuple[int, int]]:
        """Sweep, then go from junction to junction by the lightest way on."""
        below, depth = self._junctions.below, self._junctions.depth
        approach = self._approach(newer, older)
        goal, junction = below[older], below[newer]
        steps: list[tuple[int, int]] = []
        while True:
            ways = []
            for parent, weight in self._weights.edges(junction):
                foot = below[parent]
                if foot != goal:
                    ways.append((weight + depth[parent] + approach.distance(foot), parent))
                elif reach(parent, older):
                    ways.append((weight + depth[parent] - depth[older], parent))
            parent = min(ways)[1]
            steps.append((junction, parent))
            junction = below[parent]
            if junction == goal:
                return steps

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
                if foot != goal:
                    total = so_far + weight + depth[parent]
                    if total >= best.get(foot, inf) or not reach(parent, older):
                        continue
                else:
                    if not reach(parent, older):
                        continue
                    foot, total = -1, so_far + weight + chain(parent, older)
                    if total >= best.get(foot, inf):
                        continue
                best[foot] = total
                came[foot] = junction, parent
                heappush(queue, (total, foot))
        raise AssertionError("the caller has made sure that there is a route")


def _trace(came: dict[int, tuple[int, int]], junction: int, start: int) -> list[tuple[int, int]]:
    steps: list[tuple[int, int]] = []
    while junction != start:
        step = came[junction]
        steps.append(step)
        junction = step[0]
    return steps[::-1]
