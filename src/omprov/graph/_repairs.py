"""Covers brought up to date after relations among input versions have grown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyroaring import BitMap

from ._chains import prepared_down_set

if TYPE_CHECKING:
    from ._group_order import GroupOrder


@dataclass(frozen=True, slots=True)
class Repair:
    """What became of the covers of an order.

    Attributes:
        added: new covers, upper and lower group, not yet linked.
        removed: covers that are none any more, not yet unlinked.
        grown: the groups that stand above more groups than before.
    """

    added: list[tuple[int, int]]
    removed: list[tuple[int, int]]
    grown: list[int]


def find_repair(order: GroupOrder, affected: BitMap) -> Repair:
    """Find which covers of the affected groups have changed.

    Args:
        order: relations of its inputs have grown; its covers are those of before, or of a repair
            that did not know of all that has grown.
        affected: every group whose down-set may have grown, and all groups above those.
    """
    repair = Repair([], [], [])
    gained: dict[int, BitMap] = {}
    sizes = {group: len(prepared_down_set(order, group)) for group in affected}
    for group in sorted(affected, key=sizes.__getitem__):
        _repair_group(order, group, gained, repair)
    repair.grown.extend(sorted(gained))
    return repair


def infer_covers(order: GroupOrder) -> None:
    """Find and link the covers of an order that has none yet, without weights.

    Smaller down-sets come first, so that the covers below a group are there when its own are found.
    """
    sizes = [len(prepared_down_set(order, group)) for group in range(len(order))]
    for group in sorted(range(len(order)), key=sizes.__getitem__):
        down = prepared_down_set(order, group).copy()
        down.discard(group)
        for lower in order.maximal(down):
            order.covers.link(group, lower, None)


def _repair_group(order: GroupOrder, group: int, gained: dict[int, BitMap], repair: Repair) -> None:
    """Compare a group's covers with what its down-set has become.

    The new covers are the maximal ones among the old ones and what no old one stands above.
    """
    old = order.covers.lower[group]
    down = prepared_down_set(order, group).copy()
    down.discard(group)
    known, uncovered = BitMap(), down
    for lower in old:
        below = prepared_down_set(order, lower)
        uncovered = uncovered - below
        known |= below - gained[lower] if lower in gained else below
    gain = prepared_down_set(order, group) - known
    gain.discard(group)
    if gain:
        gained[group] = gain
    candidates = [*old, *order.maximal(uncovered)]
    new = _maximal_among(order, candidates)
    repair.removed.extend((group, lower) for lower in old if lower not in new)
    repair.added.extend((group, lower) for lower in new if lower not in old)


def _maximal_among(order: GroupOrder, candidates: list[int]) -> set[int]:
    """Drop each candidate that another one stands above."""
    rest = BitMap(candidates)
    for candidate in candidates:
        if candidate in rest:
            below = rest & prepared_down_set(order, candidate)
            below.discard(candidate)
            rest -= below
    return set(rest)
