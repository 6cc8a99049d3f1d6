"""Where every version of an inferred graph stands: its order, its group, its place in the group."""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ._group_order import GroupOrder

ALONE = -1
"""The order of a version whose run had no constraining role: nothing is known about it."""

Used = tuple[tuple[str, "Hashable"], ...]
"""A provenance tuple as it was given: role and id, by role."""


class VersionTable:
    """The versions of an inferred graph as dense numbers in the order of creation.

    Attributes:
        ids: version → id.
        numbers: id → version.
        used: version → its provenance tuple, as it was given.
        orders: one for each set of constraining roles that may be compared.
        members: order → group → its versions in the order of creation, which form a chain.
        order_of: version → order, or `ALONE`.
        group_of: version → group within the order.
        place_of: version → place within the group.
        replica_weight: version → weight of the edge to the replica before it, NaN where there is
            none or it is still to be computed.
    """

    def __init__(self) -> None:
        self.ids: list[Hashable] = []
        self.numbers: dict[Hashable, int] = {}
        self.used: list[Used] = []
        self.orders: list[GroupOrder] = []
        self.members: list[list[array[int]]] = []
        self.order_of = array("i")
        self.group_of = array("i")
        self.place_of = array("i")
        self.replica_weight = array("d")

    def __len__(self) -> int:
        return len(self.ids)

    def add_order(self, order: GroupOrder) -> int:
        """Take in an order without groups; return its number."""
        self.orders.append(order)
        self.members.append([])
        return len(self.orders) - 1

    def append(self, id: Hashable, used: Used, order: int, group: int) -> int:
        """Add a version; the group is an existing one or the next of its order."""
        version = len(self.ids)
        self.ids.append(id)
        self.numbers[id] = version
        self.used.append(used)
        self.order_of.append(order)
        self.group_of.append(group)
        self.replica_weight.append(math.nan)
        if order == ALONE:
            self.place_of.append(0)
            return version
        members = self.members[order]
        if group == len(members):
            members.append(array("I"))
        self.place_of.append(len(members[group]))
        members[group].append(version)
        return version

    def first(self, order: int, group: int) -> int:
        """Return the oldest version of a group: upward edges of others end elsewhere, its own
        downward edges start here.
        """
        return self.members[order][group][0]

    def last(self, order: int, group: int) -> int:
        """Return the newest version of a group: edges from above end here."""
        return self.members[order][group][-1]
