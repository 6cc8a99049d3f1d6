"""The stored edges of an inferred graph: covers among groups, spelled out between versions.

The replicas of a group form a chain, newest to oldest; a cover of groups runs from the oldest
version of the upper group to the newest one of the lower group.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ._version_table import ALONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ._version_table import VersionTable

StoredEdge = tuple[int, int, "float | None"]
"""Newer version, older version, weight; None while it is still to be computed."""


def iter_edges(table: VersionTable) -> Iterator[StoredEdge]:
    """Give all stored edges, newer versions in the order of creation."""
    for version in range(len(table)):
        yield from iter_lower_edges(table, version)


def iter_lower_edges(table: VersionTable, version: int) -> Iterator[StoredEdge]:
    """Give the stored edges from a version to older ones."""
    order, group = table.order_of[version], table.group_of[version]
    if order == ALONE:
        return
    if table.place_of[version]:
        older = table.members[order][group][table.place_of[version] - 1]
        yield version, older, _known(table.replica_weight[version])
        return
    for lower, weight in table.orders[order].covers.iter_lower(group):
        yield version, table.last(order, lower), weight


def uppers(table: VersionTable, version: int) -> list[int]:
    """List the versions with a stored edge to this one."""
    order, group = table.order_of[version], table.group_of[version]
    if order == ALONE:
        return []
    members = table.members[order][group]
    place = table.place_of[version] + 1
    if place < len(members):
        return [members[place]]
    return [table.first(order, upper) for upper in table.orders[order].covers.upper[group]]


def versions_above(table: VersionTable, versions: Iterable[int]) -> set[int]:
    """Collect versions and all that stored edges lead up to from there."""
    seen = set(versions)
    waiting = list(seen)
    while waiting:
        for upper in uppers(table, waiting.pop()):
            if upper not in seen:
                seen.add(upper)
                waiting.append(upper)
    return seen


def has_edge(table: VersionTable, newer: int, older: int) -> bool:
    """Tell whether an edge is stored."""
    return any(lower == older for _, lower, _ in iter_lower_edges(table, newer))


def weight_of(table: VersionTable, newer: int, older: int) -> float | None:
    """Return the weight of a stored edge, None while it is still to be computed."""
    return next(weight for _, lower, weight in iter_lower_edges(table, newer) if lower == older)


def set_weight(table: VersionTable, newer: int, older: int, weight: float | None) -> None:
    """Store the weight of a stored edge."""
    order = table.order_of[newer]
    upper, lower = table.group_of[newer], table.group_of[older]
    if upper == lower:
        table.replica_weight[newer] = math.nan if weight is None else weight
    else:
        table.orders[order].covers.set_weight(upper, lower, weight)


def restore_edge(table: VersionTable, newer: int, older: int, weight: float | None) -> bool:
    """Store an edge as it was stored before; tell whether it can be one."""
    order = table.order_of[newer]
    if order == ALONE or order != table.order_of[older]:
        return False
    upper, lower = table.group_of[newer], table.group_of[older]
    if upper == lower:
        is_chain = table.place_of[newer] == table.place_of[older] + 1
        if is_chain:
            set_weight(table, newer, older, weight)
        return is_chain
    covers = table.orders[order].covers
    ends = table.first(order, upper), table.last(order, lower)
    if ends != (newer, older) or covers.has(upper, lower):
        return False
    covers.link(upper, lower, weight)
    return True


def _known(weight: float) -> float | None:
    return None if math.isnan(weight) else weight
