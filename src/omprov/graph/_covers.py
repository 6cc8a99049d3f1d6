"""The cover relation among groups (their Hasse diagram), and the extremes of a set of groups."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pyroaring import BitMap


class Covers:
    """For every group its lower covers with their weights, and its upper covers.

    A weight that is still to be computed is NaN here.
    """

    def __init__(self) -> None:
        self.lower: list[array[int]] = []
        self.upper: list[array[int]] = []
        self._weights: list[array[float]] = []

    def append(self) -> None:
        """Add a group without covers."""
        self.lower.append(array("I"))
        self.upper.append(array("I"))
        self._weights.append(array("d"))

    def link(self, upper: int, lower: int, weight: float | None) -> None:
        """Let `upper` cover `lower`."""
        self.lower[upper].append(lower)
        self._weights[upper].append(math.nan if weight is None else weight)
        self.upper[lower].append(upper)

    def unlink(self, upper: int, lower: int) -> None:
        """Take away a cover that is there."""
        place = self.lower[upper].index(lower)
        del self.lower[upper][place]
        del self._weights[upper][place]
        self.upper[lower].remove(upper)

    def has(self, upper: int, lower: int) -> bool:
        """Tell whether `upper` covers `lower`."""
        return lower in self.lower[upper]

    def weight(self, upper: int, lower: int) -> float | None:
        """Return the weight of a cover, None while it is still to be computed."""
        weight = self._weights[upper][self.lower[upper].index(lower)]
        return None if math.isnan(weight) else weight

    def set_weight(self, upper: int, lower: int, weight: float | None) -> None:
        """Store the weight of a cover."""
        place = self.lower[upper].index(lower)
        self._weights[upper][place] = math.nan if weight is None else weight

    def iter_lower(self, upper: int) -> Iterator[tuple[int, float | None]]:
        """Give the lower covers of a group with their weights."""
        for lower, weight in zip(self.lower[upper], self._weights[upper], strict=True):
            yield lower, None if math.isnan(weight) else weight


def extremes(
    groups: BitMap,
    outward: Sequence[array[int]],
    start: Callable[[BitMap], int],
    without: Callable[[BitMap, int], BitMap],
    *,
    few: int,
    peels: int,
) -> list[int]:
    """Give the maximal (or minimal) groups of a set.

    The set must be closed: whatever lies outward of a member and inward of another is a member.
    With `outward` the upper covers this gives the maximal groups, with the lower ones the minimal
    ones. Where some covers are missing from `outward` it gives more, but never fewer.

    Args:
        groups: the set; it is not changed.
        outward: the covers to climb along.
        start: picks where to climb from; best is a group near the outer end.
        without: the set less all that stands inward of a group, itself included.
        few: sets up to this size are looked at group by group.
        peels: after so many groups found, the rest is looked at group by group.
    """
    found: list[int] = []
    rest = groups
    while rest:
        if len(rest) <= few or len(found) >= peels:
            members = set(rest)
            found.extend(group for group in members if members.isdisjoint(outward[group]))
            break
        outermost = _climb(start(rest), rest, outward)
        found.append(outermost)
        rest = without(rest, outermost)
    return found


def _climb(group: int, members: BitMap, outward: Sequence[array[int]]) -> int:
    """Follow `outward` within `members` as far as it goes."""
    while True:
        for further in outward[group]:
            if further in members:
                group = further
                break
        else:
            return group
