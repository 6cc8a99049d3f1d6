"""Inferred version graphs: which output inherits which follows from what their runs used.

Meaning, choices, algorithms and proofs stand in ``docs/design/inference.md``.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar, cast

import numpy as np

from omprov.errors import AlreadyExists, InvalidInput, NotFound
from omprov.records import Edge, Policy

from ._chains import OutputSource, inherits, prepared_down_set
from ._changes import GraphChange
from ._group_order import GroupOrder
from ._insertion import Insertion, insert, plan_group, plan_replica
from ._late_edges import (
    Groups,
    carry_out,
    groups_above,
    groups_below,
    groups_using,
    plan_update,
    spread,
    versions_above,
)
from ._mean_distance import Made, Pair, equal_or_not, iter_terms, mean_distance, pair_distance
from ._roles import Reading, Roles
from ._sources import GraphSource
from ._stored_edges import has_edge, iter_edges, iter_lower_edges, set_weight, uppers, weight_of
from ._tuning import Tuning
from ._version_table import ALONE, VersionTable

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ._insertion import Weigh
    from ._mean_distance import FreeDistance
    from ._stored_edges import StoredEdge
    from ._version_graph import VersionGraph

    Graph: TypeAlias = "VersionGraph[Any] | OutputGraph[Any]"

Id = TypeVar("Id", bound="Hashable")


class OutputGraph(Generic[Id]):
    """The versions of an output asset, and the relations inferred among them.

    A version inherits another one if it does so in every role that constrains the order; equal
    tuples are replicas, of which the later inherits the earlier. Only covers are stored. The order
    in which versions are added changes no relation.

    Relations among input versions may grow afterwards: whoever lets them grow says so, at once,
    with `input_edge_added` or `input_grown`. An operation that raises changes nothing.

    Answers fill caches, so that one thread at a time may use a graph, and the graphs that it takes
    versions from, even for reading.

    Attributes:
        free_distance: the distance in roles that weigh only.
        versions: where every version stands; this and what follows is for the other modules of this
            package.
        roles: which graphs a role takes versions of.
        announced: rises with every change that graphs which use this one must be told.
        rewritten: rises when all relations have been inferred anew.
    """

    def __init__(
        self,
        inputs: Mapping[str, Graph | Sequence[Graph]] | None = None,
        *,
        policy: Policy | None = None,
        free_distance: FreeDistance | None = None,
        tuning: Tuning | None = None,
    ) -> None:
        """Make a graph without versions.

        Args:
            inputs: role → the graph, or the graphs, that its versions belong to.
            policy: how roles count; the default policy if None.
            free_distance: for roles that weigh only; 0 for equal versions and 1 for others if None.
            tuning: memory against speed.
        """
        self.versions = VersionTable()
        self.free_distance: FreeDistance = free_distance or equal_or_not
        self.announced = 0
        self._tuning = tuning or Tuning()
        self.roles = Roles(policy or Policy())
        self._orders: dict[frozenset[str] | None, int] = {}
        self.rewritten = 0
        for role, graphs in (inputs or {}).items():
            for graph in graphs if isinstance(graphs, (list, tuple)) else [graphs]:
                self.add_input(role, cast("Graph", graph))

    def add_input(self, role: str, graph: Graph) -> None:
        """Let a role take versions of one more graph; of one that it takes already is no error.

        A role may take versions of several graphs; versions of different graphs never inherit each
        other. The graph itself may be among them.
        """
        for source in self.roles.all_sources():
            if source.graph is graph:
                self.roles.add(role, source)
                return
        if isinstance(graph, OutputGraph):
            self.roles.add(role, OutputSource(graph))
        else:
            self.roles.add(role, GraphSource(graph))

    @property
    def policy(self) -> Policy:
        """How the roles count; changed by `recompute`."""
        return self.roles.policy

    # Growing

    def add(
        self, id: Id, inputs: Mapping[str, Hashable], *, budget: int | None = None
    ) -> GraphChange[Id]:
        """Add a version and infer its relations to all others.

        Args:
            id: of the new version.
            inputs: its provenance tuple, role → id of the input version.
            budget: how many versions may be settled in search of one distance; beyond that a
                weight is put off as None. Every weight is computed if None.

        Raises:
            AlreadyExists: there is a version with this id.
            InvalidInput: no graph gives the versions of a role that constrains the order.
            NotFound: no graph of a role has the version named.
            Conflict: a relation among input versions has grown, and nobody has said so.
        """
        if id in self.versions.numbers:
            raise AlreadyExists("version", id)
        reading = self.roles.read(inputs)
        self.roles.check_told(reading)
        plan = self._plan(reading, self._weigh(budget))
        added = insert(self.versions, id, reading.used, plan)
        return GraphChange(added=self._edges(added), removed=self._edges(plan.removed))

    def _plan(self, reading: Reading, weigh: Weigh) -> Insertion:
        if not reading.constraining:
            return Insertion(ALONE)
        number = self._order_number(reading)
        order = self.versions.orders[number]
        point = order.point_of(reading.constraining)
        order.refresh(point)
        made = Made(order, point, reading.free)
        group = order.find_group(point)
        if group is None:
            return plan_group(self.versions, number, made=made, made_of=self.made, weigh=weigh)
        return plan_replica(self.versions, number, group, made=made, made_of=self.made, weigh=weigh)

    def _order_number(self, reading: Reading) -> int:
        """Return the order that a tuple belongs to, with a column for each of its roles."""
        key = self.roles.order_key(reading)
        number = self._orders.get(key)
        if number is None:
            number = self._orders[key] = self.versions.add_order(GroupOrder(self._tuning))
        order = self.versions.orders[number]
        for role in reading.constraining:
            if role not in order.roles:
                order.add_role(role, self.roles.sources(role))
        return number

    def _weigh(self, budget: int | None) -> Weigh:
        return partial(mean_distance, free_distance=self.free_distance, budget=budget)

    def _edges(self, edges: Iterable[StoredEdge]) -> list[Edge[Id]]:
        ids = cast("list[Id]", self.versions.ids)
        return [Edge(ids[newer], ids[older], weight) for newer, older, weight in edges]

    # Changes among the inputs

    def input_edge_added(
        self, role: str, newer: Hashable, older: Hashable, *, budget: int | None = None
    ) -> GraphChange[Id]:
        """Take note of an edge that was just added between existing versions of an input.

        To be called after ``graph.add_edge(newer, older, weight)``, before anything else happens to
        the graph, also where the edge only became lighter. Every role that takes versions of the
        same graph is seen to.

        Args:
            role: a role that takes versions of the graph.
            newer: the newer end of the edge.
            older: its older end.
            budget: as in `add`.

        Raises:
            NotFound: no graph of the role has these versions.
        """
        source, low, high = self.roles.find_edge(role, older, newer)
        self._refresh()
        table = self.versions
        affected = groups_above(table, source.graph, high)
        lowered: Groups | None = groups_below(table, source.graph, low)
        if self._spread(affected):
            lowered = None
        return self._update(source.graph, affected, lowered, budget)

    def input_grown(
        self,
        graph: OutputGraph[Any],
        versions: Iterable[Hashable],
        *,
        budget: int | None = None,
    ) -> GraphChange[Id]:
        """Take note that versions of an inferred input inherit more, or are nearer to what they do.

        To be called with the `nearer` versions of the change of `graph`, before anything else
        happens to it. Where two graphs are each other's inputs, the changes go back and forth until
        one is empty.

        Raises:
            NotFound: `graph` has no such version.
        """
        numbers = [graph._number(version) for version in versions]
        self._refresh()
        affected = groups_using(self.versions, graph, versions_above(graph.versions, numbers))
        self._spread(affected)
        return self._update(graph, affected, None, budget)

    def _spread(self, affected: Groups) -> bool:
        """Add what was made from affected versions of this graph; tell whether that was any."""
        before = sum(map(len, affected))
        spread(self.versions, self, affected)
        return sum(map(len, affected)) > before

    def _refresh(self) -> None:
        for order in self.versions.orders:
            order.refresh_all()

    def _update(
        self, graph: object, affected: Groups, lowered: Groups | None, budget: int | None
    ) -> GraphChange[Id]:
        update = plan_update(self.versions, affected, lowered, self.made, self._weigh(budget))
        carry_out(self.versions, update)
        self.roles.mark_told(graph)
        if update.nearer:
            self.announced += 1
        self.roles.mark_told(self)
        ids = cast("list[Id]", self.versions.ids)
        return GraphChange(
            added=self._edges(update.added),
            removed=self._edges(update.removed),
            reweighted=self._edges(update.reweighted),
            grown=[ids[version] for version in update.grown],
            nearer=[ids[version] for version in update.nearer],
        )

    # Asking

    def __len__(self) -> int:
        return len(self.versions)

    def __contains__(self, id: object) -> bool:
        return id in self.versions.numbers

    def __iter__(self) -> Iterator[Id]:
        return iter(cast("list[Id]", self.versions.ids))

    def reaches(self, newer: Id, older: Id) -> bool:
        """Tell whether one version inherits another, directly or not; every one inherits itself.

        Raises:
            NotFound: there is no such version; so for every method that takes an id.
        """
        return inherits(self.versions, self._number(newer), self._number(older))

    def reaches_many(self, newer: Sequence[Id], older: Sequence[Id]) -> NDArray[np.bool_]:
        """Tell for each i whether ``newer[i]`` inherits ``older[i]``."""
        if len(newer) != len(older):
            raise InvalidInput(f"{len(newer)} newer versions for {len(older)} older ones")
        pairs = zip(newer, older, strict=True)
        return np.array([self.reaches(*pair) for pair in pairs], np.bool_)

    def distance(self, newer: Id, older: Id) -> float:
        """Return the mean over the roles of the distances between what two versions used.

        That is by definition the amount of difference; it does not follow stored edges. Infinite
        where `newer` does not inherit `older`.
        """
        pair = Pair(self, self._number(newer), self._number(older))
        if pair.newer == pair.older:
            return 0.0
        if not inherits(self.versions, pair.newer, pair.older):
            return math.inf
        distance = pair_distance(pair)
        assert distance is not None  # there was no budget
        return distance

    def weight(self, newer: Id, older: Id) -> float | None:
        """Return the weight of a stored edge, computed now if it was put off; None for no edge."""
        numbers = self._number(newer), self._number(older)
        if not has_edge(self.versions, *numbers):
            return None
        weight = weight_of(self.versions, *numbers)
        if weight is None:
            weight = self.distance(newer, older)
            set_weight(self.versions, *numbers, weight)
        return weight

    def because(
        self, newer: Id, older: Id
    ) -> dict[str, tuple[Hashable | None, Hashable | None, float]]:
        """Say what a distance is the mean of.

        Returns:
            role → what the newer version used, what the older one used, and the distance between;
            empty where `newer` does not inherit `older`.
        """
        numbers = self._number(newer), self._number(older)
        if not inherits(self.versions, *numbers):
            return {}
        made = self.made(numbers[0]), self.made(numbers[1])
        result: dict[str, tuple[Hashable | None, Hashable | None, float]] = {}
        for term in iter_terms(*made, self.free_distance, None):
            distance = term.distance if term.pair is None else pair_distance(term.pair)
            assert distance is not None  # there was no budget
            result[term.role] = term.newer, term.older, distance
        return result

    def tuple_of(self, id: Id) -> dict[str, Hashable]:
        """Return the provenance tuple of a version as it was given."""
        return dict(self.versions.used[self._number(id)])

    def ancestors(self, id: Id) -> list[Id]:
        """List all that a version inherits, directly or not, in arrival order, without itself."""
        table, number = self.versions, self._number(id)
        order, group = table.order_of[number], table.group_of[number]
        if order == ALONE:
            return []
        below = prepared_down_set(table.orders[order], group).copy()
        below.discard(group)
        members = table.members[order]
        found = [version for other in below for version in members[other]]
        found.extend(members[group][: table.place_of[number]])
        return self._ids(found)

    def descendants(self, id: Id) -> list[Id]:
        """List all that inherit a version, directly or not, in arrival order, without itself."""
        number = self._number(id)
        return self._ids(versions_above(self.versions, [number]) - {number})

    def _ids(self, versions: Iterable[int]) -> list[Id]:
        ids = cast("list[Id]", self.versions.ids)
        return [ids[version] for version in sorted(versions)]

    def parents(self, id: Id) -> dict[Id, float | None]:
        """Return the older ends of the stored edges from a version, with the weights of these."""
        edges = self._edges(iter_lower_edges(self.versions, self._number(id)))
        return {edge.older: edge.weight for edge in edges}

    def children(self, id: Id) -> dict[Id, float | None]:
        """Return the newer ends of the stored edges to a version, with the weights of these."""
        table, number = self.versions, self._number(id)
        ids = cast("list[Id]", table.ids)
        return {ids[upper]: weight_of(table, upper, number) for upper in uppers(table, number)}

    def edges(self) -> Iterator[Edge[Id]]:
        """Give the stored edges; a weight is None while it is put off."""
        ids = cast("list[Id]", self.versions.ids)
        for newer, older, weight in iter_edges(self.versions):
            yield Edge(ids[newer], ids[older], weight)

    # For the other modules of this package

    def made(self, version: int) -> Made:
        """Return what a version was made from, as far as it weighs."""
        table = self.versions
        free = {role: used for role, used in table.used[version] if self.roles.is_free(role)}
        if table.order_of[version] == ALONE:
            return Made(None, (), free)
        order = table.orders[table.order_of[version]]
        return Made(order, order.point(table.group_of[version]), free)

    def stamp(self) -> int:
        """Return a number that rises whenever relations among existing versions have changed."""
        total = 0
        waiting: list[OutputGraph[Any]] = [self]
        seen = {id(self)}
        while waiting:
            graph = waiting.pop()
            total += graph.rewritten
            for source in graph.roles.all_sources():
                if source.index is not None:
                    total += source.index.epoch
                elif isinstance(source, OutputSource) and id(source.graph) not in seen:
                    seen.add(id(source.graph))
                    waiting.append(source.graph)
        return total

    def _number(self, id: Id) -> int:
        number = self.versions.numbers.get(id)
        if number is None:
            raise NotFound("version", id)
        return number
