"""Chains: what a version with a single parent hangs on, and at what distance.

A *junction* is a version with several parents or none. From any other version there is only one way
down, to the next junction; a route has a choice only at junctions.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ._edge_weights import EdgeWeights
    from ._interval_index import IntervalIndex

_SHORT = 32
"""Chains of at most so many steps are summed step by step, free of rounding by subtraction."""


class Junctions:
    """The chains of a version graph.

    Attributes:
        below: version → the junction at the foot of its chain; a junction is its own.
        depth: version → sum of the weights from it down to that junction.
    """

    __slots__ = ("_weights", "below", "depth")

    def __init__(self, weights: EdgeWeights) -> None:
        self._weights = weights
        self.below = array("i")
        self.depth = array("d")

    def append(self, parents: Sequence[int], weights: Sequence[float]) -> None:
        """Add the next version."""
        if len(parents) == 1:
            self.below.append(self.below[parents[0]])
            self.depth.append(self.depth[parents[0]] + weights[0])
        else:
            self.below.append(len(self.below))
            self.depth.append(0.0)

    def build(self, order: Iterable[int]) -> None:
        """Find all chains anew.

        Args:
            order: all versions, parents before their children.
        """
        lists = self._weights.lists
        below, depth = list(range(len(lists))), [0.0] * len(lists)
        offsets, parents, weights = (
            values.tolist() for values in self._weights.rows(0, len(lists))
        )
        for version in order:
            start = offsets[version]
            if offsets[version + 1] - start == 1:
                parent = parents[start]
                below[version] = below[parent]
                depth[version] = depth[parent] + weights[start]
        self.below, self.depth = array("i", below), array("d", depth)

    def edge_changed(self, newer: int, index: IntervalIndex) -> None:
        """Take in an edge of `newer` that was added, or whose weight has changed."""
        edges = list(self._weights.edges(newer))
        foot, depth = newer, 0.0
        if len(edges) == 1:
            parent, weight = edges[0]
            foot, depth = self.below[parent], self.depth[parent] + weight
        old_foot, old_depth = self.below[newer], self.depth[newer]
        if (foot, depth) == (old_foot, old_depth):
            return
        below = np.frombuffer(self.below, np.int32)
        hanging = np.flatnonzero(below == old_foot)
        hanging = hanging[index.reaching(hanging, newer)]
        below[hanging] = foot
        depths = np.frombuffer(self.depth, np.float64)
        depths[hanging] = np.maximum(depths[hanging] + (depth - old_depth), 0.0)  # rounding
        self.depth[newer] = depth

    def chain(self, newer: int, older: int) -> float:
        """Return the distance between two versions of one chain.

        Args:
            newer: a version.
            older: a version that `newer` reaches, with the same junction below.
        """
        if older == self.below[older]:
            return self.depth[newer]
        offsets, parents = self._weights.lists.offsets, self._weights.lists.flat
        version, total = newer, 0.0
        for _ in range(_SHORT):
            if version == older:
                return total
            if version in self._weights.lists.late:
                break
            place = offsets[version]
            total += self._weights.flat[place]
            version = parents[place]
        return max(self.depth[newer] - self.depth[older], 0.0)

    def chain_route(self, newer: int, older: int) -> list[int]:
        """List the versions from `newer` down to `older`, both included, on one chain."""
        lists = self._weights.lists
        offsets, parents, late = lists.offsets, lists.flat, lists.late
        version = newer
        route = [version]
        while version != older:
            version = late[version][0] if version in late else parents[offsets[version]]
            route.append(version)
        return route
