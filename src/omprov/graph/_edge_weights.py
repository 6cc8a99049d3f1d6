"""The weights of the edges, beside the parents of the versions."""

from __future__ import annotations

from array import array
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ._parent_lists import ParentLists


class EdgeWeights:
    """The weight of every edge in `ParentLists`.

    Attributes:
        lists: the edges.
        flat: weights of the edges in ``lists.flat``, in the same places.
        late: (newer, older) → weight of the edges in ``lists.late``.
    """

    __slots__ = ("flat", "late", "lists")

    def __init__(self, lists: ParentLists) -> None:
        self.lists = lists
        self.flat = array("d")
        self.late: dict[tuple[int, int], float] = {}

    def edges(self, newer: int) -> Iterable[tuple[int, float]]:
        """Iterate over the parents of `newer`, each with the weight of the edge to it."""
        lists = self.lists
        start, end = lists.offsets[newer], lists.offsets[newer + 1]
        own = zip(lists.flat[start:end], self.flat[start:end], strict=True)
        if newer not in lists.late:
            return own
        return chain(own, ((older, self.late[newer, older]) for older in lists.late[newer]))

    def find(self, newer: int, older: int) -> float | None:
        """Return the weight of the edge, or None where there is none."""
        return next((weight for parent, weight in self.edges(newer) if parent == older), None)

    def replace(self, newer: int, older: int, weight: float) -> None:
        """Give the existing edge another weight."""
        if (newer, older) in self.late:
            self.late[newer, older] = weight
            return
        start, end = self.lists.offsets[newer], self.lists.offsets[newer + 1]
        self.flat[self.lists.flat.index(older, start, end)] = weight

    def rows(
        self, start: int, end: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
        """Return the edges of versions `start` to `end` - 1, late ones included.

        Returns:
            offsets (end - start + 1) from zero; the parents and the weights they point into. These
            may be views, which must not outlive the next write.
        """
        lists = self.lists
        offsets, parents = lists.rows(start, end)
        first, last = lists.offsets[start], lists.offsets[end]
        weights = np.frombuffer(self.flat, np.float64)[first:last]
        late = [v for v in sorted(lists.late) if start <= v < end]
        if late:
            own = np.array(lists.offsets[start : end + 1], np.int64) - first
            counts = [len(lists.late[v]) for v in late]
            places = np.repeat(own[[v - start + 1 for v in late]], counts)
            more = [self.late[v, parent] for v in late for parent in lists.late[v]]
            weights = np.insert(weights, places, more)
        return offsets, parents, weights
