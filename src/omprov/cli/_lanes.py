"""Lanes: which column every version and every edge of a version graph takes, row by row.

Pure layout. What the rows look like on a terminal is the business of `_lane_drawing`.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence

Node = TypeVar("Node", bound="Hashable")


class Arrow(NamedTuple, Generic[Node]):
    """An edge by its ends."""

    newer: Node
    older: Node


@dataclass(frozen=True, slots=True)
class Row(Generic[Node]):
    """One node, and the lanes beside it.

    A lane is one column that one edge holds from the row of its newer end to the row of its older
    end; no other edge has that column in between.

    Attributes:
        column: where the node stands.
        arriving: column → edge that ends here. The first of them, if any, is the node's own.
        passing: column → edge that goes by.
        leaving: column → edge that begins here. The first of them, if any, is the node's own.
    """

    node: Node
    column: int
    arriving: dict[int, Arrow[Node]]
    passing: dict[int, Arrow[Node]]
    leaving: dict[int, Arrow[Node]]

    @property
    def width(self) -> int:
        """How many columns the row needs."""
        return 1 + max(self.column, *self.arriving, *self.passing, *self.leaving, -1)


def newest_first(
    nodes: Collection[Node],
    edges: Iterable[Arrow[Node]],
    rank: Callable[[Node], tuple[int, ...]],
) -> list[Node]:
    """Order nodes so that every newer end comes before its older ends.

    Among those that may come next, the one of highest rank does: an old job that was run late
    stands where its place in the graph is, not where its number would put it.

    Args:
        nodes: all of them.
        edges: between them; no cycle.
        rank: distinct for distinct nodes.
    """
    older: dict[Node, list[Node]] = defaultdict(list)
    waiting: Counter[Node] = Counter()
    for edge in edges:
        older[edge.newer].append(edge.older)
        waiting[edge.older] += 1
    by_rank = {rank(node): node for node in nodes}
    heap = [tuple(-part for part in key) for key, node in by_rank.items() if not waiting[node]]
    heapq.heapify(heap)
    order: list[Node] = []
    while heap:
        node = by_rank[tuple(-part for part in heapq.heappop(heap))]
        order.append(node)
        for below in older[node]:
            waiting[below] -= 1
            if not waiting[below]:
                heapq.heappush(heap, tuple(-part for part in rank(below)))
    return order


def lay_out(order: Sequence[Node], edges: Iterable[Arrow[Node]]) -> Iterator[Row[Node]]:
    """Give every node its row and every edge its lane.

    Args:
        order: the nodes from top to bottom, as `newest_first` gives them; edges to nodes that are
            not in it (below a cut) stay open to the last row.
        edges: those of one node in the order in which they should leave it; the first goes
            straight down.
    """
    leaving: dict[Node, list[Arrow[Node]]] = defaultdict(list)
    for edge in edges:
        leaving[edge.newer].append(edge)
    lanes: dict[int, Arrow[Node]] = {}
    for node in order:
        arriving = {column: edge for column, edge in sorted(lanes.items()) if edge.older == node}
        passing = {column: edge for column, edge in sorted(lanes.items()) if edge.older != node}
        column = next(iter(arriving), None)
        if column is None:
            column = next(_free(passing, 0))
        begun = dict(zip(_free(passing, column), leaving[node], strict=False))
        lanes = passing | begun
        yield Row(node, column, arriving, passing, begun)


def _free(taken: Collection[int], first: int) -> Iterator[int]:
    """Yield the columns that are not taken: `first`, then the others from left to right."""
    if first not in taken:
        yield first
    column = 0
    while True:
        if column != first and column not in taken:
            yield column
        column += 1
