"""Lightest routes along the stored edges of an inferred graph, for display."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from ._chains import inherits
from ._stored_edges import iter_lower_edges

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._version_table import VersionTable


def lightest_cover_route(
    table: VersionTable, newer: int, older: int, weight_of: Callable[[int, int], float]
) -> list[int] | None:
    """Return the versions along a route of least weight from `newer` to `older`, if there is one.

    Args:
        table: the graph.
        newer: where the route starts.
        older: where it ends.
        weight_of: computes the weight of a stored edge that was put off.
    """
    if not inherits(table, newer, older):
        return None
    came_from: dict[int, int] = {}
    settled: set[int] = set()
    waiting: list[tuple[float, int, int]] = [(0.0, newer, newer)]
    while waiting:
        total, version, before = heapq.heappop(waiting)
        if version in settled:
            continue
        settled.add(version)
        came_from[version] = before
        if version == older:
            return _walk_back(came_from, newer, older)
        for _, lower, weight in iter_lower_edges(table, version):
            if lower not in settled and inherits(table, lower, older):
                step = weight_of(version, lower) if weight is None else weight
                heapq.heappush(waiting, (total + step, lower, version))
    return None


def _walk_back(came_from: dict[int, int], newer: int, older: int) -> list[int]:
    route = [older]
    while route[-1] != newer:
        route.append(came_from[route[-1]])
    return route[::-1]
