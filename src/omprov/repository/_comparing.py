"""Comparing the stored edges of an output asset with those that inference finds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import omprov.graph

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omprov.graph import GraphChange
    from omprov.records import Edge, VersionKey

ROUNDING = 1e-9
"""Weights that differ by no more than this, relatively, are one sum taken in two orders."""


def compare_edges(
    stored: Iterable[Edge[VersionKey]], found: Iterable[Edge[VersionKey]]
) -> GraphChange[VersionKey]:
    """Return what has to change in `stored` to make it `found`.

    A weight that is stored as put off is among the ``reweighted``.
    """
    old = {(edge.newer, edge.older): edge for edge in stored}
    new = {(edge.newer, edge.older): edge for edge in found}
    return omprov.graph.GraphChange(
        added=[edge for ends, edge in new.items() if ends not in old],
        removed=[edge for ends, edge in old.items() if ends not in new],
        reweighted=[
            edge
            for ends, edge in new.items()
            if ends in old and not _is_same(old[ends].weight, edge.weight)
        ],
    )


def _is_same(stored: float | None, found: float | None) -> bool:
    if stored is None or found is None:
        return stored is found
    return math.isclose(stored, found, rel_tol=ROUNDING, abs_tol=ROUNDING)
