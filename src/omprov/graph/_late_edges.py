"""What changes in an inferred graph when relations or distances among its inputs have changed.

First everything is found out, then it is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyroaring import BitMap

from ._repairs import find_repair
from ._stored_edges import set_weight
from ._version_table import ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ._insertion import Weigh
    from ._mean_distance import Made
    from ._role_rows import RoleRows
    from ._stored_edges import StoredEdge
    from ._version_table import VersionTable

Groups = list["BitMap"]
"""Order → groups."""


@dataclass(frozen=True, slots=True)
class Update:
    """Edges and versions to change, as `GraphChange` explains them, as numbers."""

    added: list[StoredEdge] = field(default_factory=list)
    removed: list[StoredEdge] = field(default_factory=list)
    reweighted: list[StoredEdge] = field(default_factory=list)
    grown: list[int] = field(default_factory=list)
    nearer: list[int] = field(default_factory=list)


def groups_above(table: VersionTable, graph: object, version: int) -> Groups:
    """Collect the groups that used, in any role, a version of `graph` at or above `version`."""
    return [
        BitMap().union(*(rows.up_row(version) for rows in parts))
        for parts in _parts_of(table, graph)
    ]


def groups_below(table: VersionTable, graph: object, version: int) -> Groups:
    """Collect the groups that used, in any role, a version of `graph` at or below `version`."""
    return [
        BitMap().union(*(rows.row(version) for rows in parts)) for parts in _parts_of(table, graph)
    ]


def groups_using(table: VersionTable, graph: object, versions: Iterable[int]) -> Groups:
    """Collect the groups that used, in any role, one of these very versions of `graph`."""
    numbers = set(versions)
    result: Groups = []
    for parts in _parts_of(table, graph):
        groups = BitMap()
        for rows in parts:
            for version in numbers & rows.codes.keys():
                groups.update(rows.groups_using(version))
        result.append(groups)
    return result


def spread(table: VersionTable, graph: object, groups: Groups) -> bool:
    """Add the groups that used versions of affected groups of the graph itself, and so on.

    An input is older than what was made from it, so that one pass in the order of creation does.

    Returns:
        whether anything was made from an affected version, be it affected already.
    """
    users = [
        (version, order, rows)
        for order, parts in enumerate(_parts_of(table, graph))
        for rows in parts
        for version in rows.codes
    ]
    users.sort(key=lambda user: user[0])
    found = False
    for version, order, rows in users:
        home = table.order_of[version]
        if home != ALONE and table.group_of[version] in groups[home]:
            groups[order].update(rows.groups_using(version))
            found = True
    return found


def _parts_of(table: VersionTable, graph: object) -> Iterator[list[RoleRows]]:
    for order in table.orders:
        yield [rows for column in order.columns for rows in column.parts_of(graph)]


def plan_update(
    table: VersionTable,
    affected: Groups,
    lowered: Groups | None,
    made_of: Callable[[int], Made],
    weigh: Weigh,
) -> Update:
    """Find out what changes.

    Args:
        table: the graph as it is.
        affected: groups whose down-sets, or distances to groups below, may have changed, and all
            groups above those.
        lowered: the groups to which distances may have changed; all if None.
        made_of: see `OutputGraph.made`.
        weigh: computes weights.
    """
    update = Update()
    for number, groups in enumerate(affected):
        if groups:
            _plan_order(
                table, number, groups, update=update, lowered=lowered, made_of=made_of, weigh=weigh
            )
    return update


def _plan_order(
    table: VersionTable,
    number: int,
    affected: BitMap,
    *,
    update: Update,
    lowered: Groups | None,
    made_of: Callable[[int], Made],
    weigh: Weigh,
) -> None:
    order, members = table.orders[number], table.members[number]
    repair = find_repair(order, affected)
    for upper, lower in repair.added:
        newer, older = members[upper][0], members[lower][-1]
        update.added.append((newer, older, weigh(made_of(newer), made_of(older))))
    for upper, lower in repair.removed:
        weight = order.covers.weight(upper, lower)
        update.removed.append((members[upper][0], members[lower][-1], weight))
    gone = set(repair.removed)
    for upper in affected:
        newer = members[upper][0]
        for lower, weight in order.covers.iter_lower(upper):
            within = lowered is None or lower in lowered[number]
            if not within or (upper, lower) in gone:
                continue  # a weight that was put off is computed: whoever stores it may know it
            older = members[lower][-1]
            now = weigh(made_of(newer), made_of(older))
            if now != weight:
                update.reweighted.append((newer, older, now))
    for group in repair.grown:
        update.grown.extend(members[group])
    for group in affected:
        update.nearer.extend(members[group])


def carry_out(table: VersionTable, update: Update) -> None:
    """Change the stored edges."""
    for newer, older, _ in update.removed:
        covers = table.orders[table.order_of[newer]].covers
        covers.unlink(table.group_of[newer], table.group_of[older])
    for newer, older, weight in update.added:
        covers = table.orders[table.order_of[newer]].covers
        covers.link(table.group_of[newer], table.group_of[older], weight)
    for edge in update.reweighted:
        set_weight(table, *edge)
