"""Inferred version graphs: which output inherits which follows from what their runs used.

Meaning, choices, algorithms and proofs stand in ``docs/design/inference.md``.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar, cast

from omprov.errors import AlreadyExists, InvalidInput
from omprov.records import Policy

from ._chains import OutputSource
from ._changes import GraphChange
from ._group_order import GroupOrder
from ._inferred_graph import InferredGraph
from ._insertion import Insertion, insert, plan_group, plan_replica
from ._late_edges import (
    Groups,
    carry_out,
    groups_above,
    groups_below,
    groups_using,
    plan_update,
    spread,
)
from ._mean_distance import Made, equal_or_not, mean_distance
from ._output_state import from_bytes, to_bytes
from ._repairs import infer_covers
from ._roles import Reading, Roles
from ._sources import GraphSource
from ._stored_edges import iter_edges, restore_edge, set_weight, versions_above
from ._tuning import Tuning
from ._version_table import ALONE, VersionTable

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from ._insertion import Weigh
    from ._mean_distance import FreeDistance
    from ._stored_edges import StoredEdge
    from ._version_graph import VersionGraph

    Graph: TypeAlias = "VersionGraph[Any] | OutputGraph[Any]"

Id = TypeVar("Id", bound="Hashable")


class OutputGraph(InferredGraph[Id]):
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
            self._add_inputs(role, graphs)

    def _add_inputs(self, role: str, graphs: Graph | Sequence[Graph]) -> None:
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
        return GraphChange(added=self.spelled_out(added), removed=self.spelled_out(plan.removed))

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
        if spread(table, self, affected):
            lowered = None  # distances to what was made from affected versions shrink as well
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
            InvalidInput: no role takes versions of `graph`.
        """
        if not self.roles.roles_of(graph):
            raise InvalidInput("no role takes versions of the graph that is said to have grown")
        numbers = [graph.number_of(version) for version in versions]
        self._refresh()
        affected = groups_using(self.versions, graph, versions_above(graph.versions, numbers))
        spread(self.versions, self, affected)
        return self._update(graph, affected, None, budget)

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
            added=self.spelled_out(update.added),
            removed=self.spelled_out(update.removed),
            reweighted=self.spelled_out(update.reweighted),
            grown=[ids[version] for version in update.grown],
            nearer=[ids[version] for version in update.nearer],
        )

    # From scratch, and back from storage

    def recompute(
        self,
        policy: Policy | None = None,
        *,
        inputs: Mapping[str, Graph | Sequence[Graph]] | None = None,
        budget: int | None = None,
    ) -> GraphChange[Id]:
        """Infer all relations anew.

        To be called when the policy changes, or when edges were taken away from an input. Graphs
        that take versions of this one must be recomputed after it, if the change is not empty: it
        does not say which versions have grown.

        Args:
            policy: how roles count from now on; as before if None.
            inputs: role → graphs that take the place of those it had.
            budget: as in `add`.

        Returns:
            the difference to the edges that were stored.

        Raises:
            InvalidInput: no graph gives the versions of a role that now constrains the order.
            NotFound: no graph of a role has a version that a tuple names.
        """
        before = self.versions, self.roles, self._orders
        self.versions, self._orders = VersionTable(), {}
        self.roles = self.roles.anew(policy or self.policy)
        try:
            for role, graphs in (inputs or {}).items():
                self.roles.clear(role)
                self._add_inputs(role, graphs)
            used = map(dict, before[0].used)
            self.load(zip(cast("list[Id]", before[0].ids), used, strict=True))
            for order in self.versions.orders:
                infer_covers(order)
            self._weigh_all(self._weigh(budget))
        except BaseException:
            self.versions, self.roles, self._orders = before
            raise
        self.rewritten += 1 + before[1].epochs()
        change = self._difference(before[0])
        self.announced += bool(change)
        self.roles.mark_told()
        return change

    def _weigh_all(self, weigh: Weigh) -> None:
        for newer, older, _ in list(iter_edges(self.versions)):
            weight = weigh(self.made(newer), self.made(older))
            set_weight(self.versions, newer, older, weight)

    def _difference(self, before: VersionTable) -> GraphChange[Id]:
        """Compare the stored edges with those of before; versions have kept their numbers."""
        old = {(newer, older): weight for newer, older, weight in iter_edges(before)}
        added: list[StoredEdge] = []
        reweighted: list[StoredEdge] = []
        for newer, older, weight in iter_edges(self.versions):
            if (newer, older) not in old:
                added.append((newer, older, weight))
            elif old.pop((newer, older)) != weight:
                reweighted.append((newer, older, weight))
        removed = [(newer, older, weight) for (newer, older), weight in old.items()]
        return GraphChange(
            added=self.spelled_out(added),
            removed=self.spelled_out(removed),
            reweighted=self.spelled_out(reweighted),
        )

    def load(
        self,
        versions: Iterable[tuple[Id, Mapping[str, Hashable]]],
        covers: Iterable[tuple[Id, Id, float | None]] = (),
    ) -> None:
        """Take in versions and stored edges as they are, without inferring anything.

        It may be called several times, such as to load graphs that are each other's inputs by
        turns: a version may come once its inputs are there, and the edges with the last call.

        Args:
            versions: id and provenance tuple, in the order in which they were added.
            covers: all stored edges among them.

        Raises:
            AlreadyExists, InvalidInput, NotFound: as in `add`.
            InvalidInput: an edge cannot be one of the stored edges of these versions. The graph is
                of no use after an error: load it anew, or add the versions one by one.
        """
        for version, inputs in versions:
            if version in self.versions.numbers:
                raise AlreadyExists("version", version)
            reading = self.roles.read(inputs)
            number, group = ALONE, ALONE
            if reading.constraining:
                number = self._order_number(reading)
                order = self.versions.orders[number]
                point = order.point_of(reading.constraining)
                known = order.find_group(point)
                group = order.append(point) if known is None else known
            self.versions.append(version, reading.used, number, group)
        for newer, older, weight in covers:
            ends = self.number_of(newer), self.number_of(older)
            if not restore_edge(self.versions, *ends, weight):
                raise InvalidInput(
                    f"{newer} → {older} is no stored edge of these versions; "
                    "infer the graph anew with recompute"
                )

    def state(self) -> bytes:
        """Return versions and stored edges as bytes that `from_state` reads back.

        Raises:
            InvalidInput: the ids of the versions are neither all int nor all str, or an id of an
                input is neither.
        """
        return to_bytes(self.versions, self.roles.roles_of(self))

    @classmethod
    def from_state(
        cls,
        state: bytes | memoryview,
        inputs: Mapping[str, Graph | Sequence[Graph]],
        *,
        policy: Policy | None = None,
        free_distance: FreeDistance | None = None,
        tuning: Tuning | None = None,
    ) -> Self:
        """Read what `state` gave; every later call has the same effect on both.

        Args:
            state: the bytes.
            inputs: the graphs as the constructor takes them; the graph itself need not be named.
            policy: must be the policy that the graph had.
            free_distance: see the constructor.
            tuning: see the constructor.

        Raises:
            Damaged: the bytes have changed.
            SchemaMismatch: another release or machine wrote them in another layout.
            InvalidInput, NotFound: the inputs or the policy are not those that the graph had.
        """
        stored = from_bytes(state)
        graph = cls(inputs, policy=policy, free_distance=free_distance, tuning=tuning)
        for role in stored.own_roles:
            graph.add_input(role, graph)
        graph.load(stored.versions, stored.edges)
        return graph
