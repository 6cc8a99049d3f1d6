"""Inferred graphs as inputs of inferred graphs: the order by definition, without recursion.

Whether one output inherits another comes down, role by role, to explicit version graphs; chains of
fine-tuning make that deep, so everything here keeps its own stack.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ._bitmaps import numbers_in, view
from ._mean_distance import Pair, pair_distance
from ._version_table import ALONE

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from numpy.typing import NDArray
    from pyroaring import BitMap

    from ._group_order import GroupOrder
    from ._inferred_graph import InferredGraph
    from ._version_table import VersionTable


def inherits(table: VersionTable, newer: int, older: int) -> bool:
    """Tell by definition whether one version of an inferred graph inherits another (or is it)."""
    waiting = [(table, newer, older)]
    seen: set[tuple[int, int, int]] = set()
    while waiting:
        table, newer, older = waiting.pop()
        if newer == older:
            continue
        order = table.order_of[newer]
        if order == ALONE or order != table.order_of[older]:
            return False
        upper, lower = table.group_of[newer], table.group_of[older]
        if upper == lower:
            if table.place_of[newer] < table.place_of[older]:
                return False
            continue
        further = _open_questions(table.orders[order], upper, lower)
        if further is None:
            return False
        for question in further:
            key = id(question[0]), question[1], question[2]
            if key not in seen:
                seen.add(key)
                waiting.append(question)
    return True


def _open_questions(
    order: GroupOrder, upper: int, lower: int
) -> list[tuple[VersionTable, int, int]] | None:
    """Compare two groups; return what remains to be asked of inferred inputs, None for no."""
    if order.is_chained:
        order.refresh(order.point(upper))
        known = order.find_down(upper)
        if known is not None:
            return [] if lower in known else None
    further: list[tuple[VersionTable, int, int]] = []
    for column in order.columns:
        old, new = column.versions[lower], column.versions[upper]
        part = column.part_of[lower]
        if old < 0 or (old == new and part == column.part_of[upper]):
            continue
        if part != column.part_of[upper]:
            return None
        source = column.source(part)
        if source.table is not None:
            further.append((source.table, new, old))
        elif not source.reach_function()(new, old):
            return None
    return further


def prepared_down_set(order: GroupOrder, group: int) -> BitMap:
    """Return the down-set of a group, having made those that it rests on before it.

    The bitmap belongs to the order, as that of `GroupOrder.down_of` does.
    """
    order.refresh(order.point(group))
    known = order.find_down(group)
    if known is not None:
        return known
    waiting = [(order, group, _rests_on(order, group))]
    held: list[tuple[GroupOrder, int]] = []
    try:
        while True:
            current, number, below = waiting[-1]
            missing = [pair for pair in below if pair[0].find_down(pair[1]) is None]
            if missing:
                waiting.extend((*pair, _rests_on(*pair)) for pair in missing)
                continue
            waiting.pop()
            if not waiting:
                return current.down_of(number)
            current.pin(number)
            held.append((current, number))
            for other, other_number in below:
                other.unpin(other_number)
    finally:
        for other, other_number in held:
            other.unpin(other_number)


def _rests_on(order: GroupOrder, group: int) -> list[tuple[GroupOrder, int]]:
    """List the down-sets of inferred inputs that a group's own is made from.

    What was cached of them before relations changed is dropped.
    """
    if not order.is_chained:
        return []
    point = order.point(group)
    found: list[tuple[GroupOrder, int]] = []
    for column, used in zip(order.columns, point, strict=True):
        table = None if used is None else column.source(used.part).table
        if used is not None and table is not None and table.order_of[used.version] != ALONE:
            behind = table.orders[table.order_of[used.version]]
            number = table.group_of[used.version]
            behind.refresh(behind.point(number))
            found.append((behind, number))
    return found


class OutputSource:
    """An `OutputGraph` as a source of input versions."""

    __slots__ = ("graph",)

    index = None

    def __init__(self, graph: InferredGraph[Any]) -> None:
        self.graph = graph

    @property
    def table(self) -> VersionTable:
        return self.graph.versions

    @property
    def announced(self) -> int:
        return self.graph.announced

    def stamp(self) -> int:
        return self.graph.stamp()

    def find(self, id: Hashable) -> int | None:
        return self.table.numbers.get(id)

    def id_of(self, version: int) -> Hashable:
        return self.table.ids[version]

    def reach_function(self) -> Callable[[int, int], bool]:
        return partial(inherits, self.table)

    def is_leaf(self, version: int) -> bool:
        table = self.table
        order, group = table.order_of[version], table.group_of[version]
        if order == ALONE:
            return True
        is_last = table.last(order, group) == version
        return is_last and not table.orders[order].covers.upper[group]

    def reached(self, newer: int, older: NDArray[np.int32]) -> NDArray[np.bool_]:
        table = self.table
        order_number, group = table.order_of[newer], table.group_of[newer]
        if order_number == ALONE:
            alone: NDArray[np.bool_] = older == newer
            return alone
        order = table.orders[order_number]
        below = np.zeros(len(order), np.bool_)
        below[numbers_in(prepared_down_set(order, group))] = True
        result: NDArray[np.bool_] = view(table.order_of)[older] == order_number
        groups = view(table.group_of)[older]
        result[result] = below[groups[result]]
        replicas = result & (groups == group)
        result[replicas] = view(table.place_of)[older[replicas]] <= table.place_of[newer]
        return result

    def reaching(self, newer: NDArray[np.int32], older: int) -> NDArray[np.bool_]:
        table = self.table
        order_number, group = table.order_of[older], table.group_of[older]
        if order_number == ALONE:
            alone: NDArray[np.bool_] = newer == older
            return alone
        result: NDArray[np.bool_] = view(table.order_of)[newer] == order_number
        groups = view(table.group_of)[newer]
        others, inverse = np.unique(groups[result], return_inverse=True)
        result[result] = _above(table, order_number, group, others)[inverse]
        replicas = groups == group
        replicas &= view(table.order_of)[newer] == order_number
        result[replicas] = view(table.place_of)[newer[replicas]] >= table.place_of[older]
        return result

    def pair(self, newer: int, older: int) -> Pair:
        return Pair(self.graph, newer, older)

    def distance(self, newer: int, older: int, budget: int | None) -> float | None:
        return pair_distance(self.pair(newer, older), budget)


def _above(
    table: VersionTable, order_number: int, group: int, others: NDArray[np.int32]
) -> NDArray[np.bool_]:
    """Tell which of other groups of the same order stand at or above a group.

    The explicit roles are compared all at once; what is left is compared pair by pair.
    """
    order = table.orders[order_number]
    result = np.ones(len(others), np.bool_)
    for column, used in zip(order.columns, order.point(group), strict=True):
        if used is not None and column.source(used.part).table is None:
            result &= column.reaching(others.astype(np.int64), used)
    if order.is_chained:
        older = table.first(order_number, group)
        for place in np.flatnonzero(result).tolist():
            newer = table.last(order_number, int(others[place]))
            result[place] = inherits(table, newer, older)
    return result
