"""The choice of the parent order that suits a history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._labels import Labels
from ._numbering import ParentOrder, ParentTable

if TYPE_CHECKING:
    from ._labels import Limits
    from ._parent_lists import ParentLists


def best_order(lists: ParentLists, limits: Limits) -> ParentOrder | None:
    """Return the parent order that labels the oldest versions with the fewest boundaries.

    Returns:
        the order; None where it is not worth finding out, since the oldest versions are not closed
        under inheritance and there are too many in all.
    """
    count = len(lists)
    size = min(count, max(limits.sample, count // 20))
    if lists.upward:
        if count > limits.sample:
            return None
        size = count
    offsets, flat = lists.rows(0, size)
    table = ParentTable(offsets, flat, 0)
    rows = offsets.tolist(), flat.tolist()

    def boundaries(order: ParentOrder) -> int:
        labels = Labels(limits)
        labels.extend(table.finishing_order(order), *rows)
        return len(labels.flat)

    return min(ParentOrder, key=boundaries)
