"""Curves of bounded length: where there are too many points, two become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PEAKS = ("memory", "processes")
"""Last words of names whose highest value counts where points are joined; of others the mean."""


class Series:
    """Points in time, each with values by name; at most `most` of them, equally dense all over.

    Args:
        most: how many points at most; even.
    """

    def __init__(self, most: int) -> None:
        self._most = max(2, most // 2 * 2)
        self._every = 1
        self._times: list[float] = []
        self._points: list[dict[str, float]] = []
        self._waiting: list[tuple[float, dict[str, float]]] = []

    def add(self, time: float, values: Mapping[str, float]) -> None:
        """Add a point; times grow."""
        self._waiting.append((time, dict(values)))
        if len(self._waiting) == self._every:
            self._flush()
            if len(self._points) > self._most:
                self._halve()

    def finish(self) -> tuple[list[float], dict[str, list[float | None]]]:
        """Return the times, and each name's values at them; ``None`` where it has none."""
        self._flush()
        names = dict.fromkeys(name for point in self._points for name in point)
        return [*self._times], {name: [point.get(name) for point in self._points] for name in names}

    def _flush(self) -> None:
        if self._waiting:
            self._times.append(self._waiting[-1][0])
            self._points.append(_join([point for _, point in self._waiting]))
            self._waiting.clear()

    def _halve(self) -> None:
        """Join points two by two; what is left over waits for the next."""
        points = list(zip(self._times, self._points, strict=True))
        if len(points) % 2:
            self._waiting.append(points.pop())
        pairs = zip(points[::2], points[1::2], strict=True)
        self._times, self._points = [], []
        for (_, first), (time, second) in pairs:
            self._times.append(time)
            self._points.append(_join([first, second]))
        self._every *= 2


def _join(points: list[dict[str, float]]) -> dict[str, float]:
    if len(points) == 1:
        return points[0]
    joined = {}
    for name in dict.fromkeys(name for point in points for name in point):
        values = [point[name] for point in points if name in point]
        joined[name] = max(values) if name.endswith(PEAKS) else sum(values) / len(values)
    return joined
