"""Insertion of a version into an inferred graph: first everything is found out, then it is done."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ._version_table import ALONE

if TYPE_CHECKING:
    from collections.abc import Hashable

    from ._group_order import Place, Point
    from ._mean_distance import Made
    from ._stored_edges import StoredEdge
    from ._version_table import Used, VersionTable

Weigh = Callable[["Made", "Made"], "float | None"]
"""Weight of an edge from what its newer and its older version were made from."""


@dataclass(frozen=True, slots=True)
class Insertion:
    """What it takes to insert a version; made without changing anything.

    Attributes:
        order: number of the order, or `ALONE`.
        point: what the version used.
        group: the group of replicas that it joins, None for a new one.
        place: where the new group belongs.
        replica: weight of the edge to the newest replica so far.
        lower: lower groups to cover, with weights.
        upper: groups to be covered by, with weights.
        removed: stored edges that go, among versions that exist.
    """

    order: int
    point: Point = ()
    group: int | None = None
    place: Place | None = None
    replica: float | None = None
    lower: list[tuple[int, float | None]] = field(default_factory=list)
    upper: list[tuple[int, float | None]] = field(default_factory=list)
    removed: list[StoredEdge] = field(default_factory=list)


def plan_group(
    table: VersionTable, order: int, *, made: Made, made_of: Callable[[int], Made], weigh: Weigh
) -> Insertion:
    """Plan a version whose tuple no version has."""
    groups = table.orders[order]
    place = groups.find_place(made.point)
    lower = [(group, weigh(made, made_of(table.last(order, group)))) for group in place.lower]
    upper = [(group, weigh(made_of(table.first(order, group)), made)) for group in place.upper]
    below = set(place.lower)
    removed: list[StoredEdge] = [
        (table.first(order, high), table.last(order, low), weight)
        for high in place.upper
        for low, weight in groups.covers.iter_lower(high)
        if low in below
    ]
    return Insertion(order, made.point, place=place, lower=lower, upper=upper, removed=removed)


def plan_replica(
    table: VersionTable,
    order: int,
    group: int,
    *,
    made: Made,
    made_of: Callable[[int], Made],
    weigh: Weigh,
) -> Insertion:
    """Plan a version that has the tuple of a group: edges from above now end at it."""
    covers = table.orders[order].covers
    newest = table.last(order, group)
    uppers = [(high, table.first(order, high)) for high in covers.upper[group]]
    return Insertion(
        order,
        made.point,
        group=group,
        replica=weigh(made, made_of(newest)),
        upper=[(high, weigh(made_of(first), made)) for high, first in uppers],
        removed=[(first, newest, covers.weight(high, group)) for high, first in uppers],
    )


def insert(table: VersionTable, id: Hashable, used: Used, plan: Insertion) -> list[StoredEdge]:
    """Carry out a plan; return the stored edges that came to be."""
    if plan.order == ALONE:
        table.append(id, used, ALONE, ALONE)
        return []
    if plan.group is not None:
        return _insert_replica(table, id, used, plan, plan.group)
    order = table.orders[plan.order]
    group = order.append(plan.point, plan.place)
    version = table.append(id, used, plan.order, group)
    below = {low for low, _ in plan.lower}
    added: list[StoredEdge] = []
    for high, weight in plan.upper:
        for low in [low for low in order.covers.lower[high] if low in below]:
            order.covers.unlink(high, low)
        order.covers.link(high, group, weight)
        added.append((table.first(plan.order, high), version, weight))
    for low, weight in plan.lower:
        order.covers.link(group, low, weight)
        added.append((version, table.last(plan.order, low), weight))
    return added


def _insert_replica(
    table: VersionTable, id: Hashable, used: Used, plan: Insertion, group: int
) -> list[StoredEdge]:
    newest = table.last(plan.order, group)
    version = table.append(id, used, plan.order, group)
    table.replica_weight[version] = math.nan if plan.replica is None else plan.replica
    added: list[StoredEdge] = [(version, newest, plan.replica)]
    for high, weight in plan.upper:
        table.orders[plan.order].covers.set_weight(high, group, weight)
        added.append((table.first(plan.order, high), version, weight))
    return added
