"""VersionGraph: versions, what they inherit, and by how much they differ."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

import numpy as np

from omprov.errors import AlreadyExists, CycleError, Damaged, InvalidInput
from omprov.records import Edge

from ._edge_input import (
    checked_weight,
    checked_weights,
    first_repeated,
    numbers_of,
    sorted_rows,
)
from ._edge_weights import EdgeWeights
from ._id_tables import (
    MappedIds,
    RisingIds,
    ids_from_sections,
    ids_to_sections,
    not_found,
    table_of,
)
from ._interval_index import IntervalIndex
from ._junctions import Junctions
from ._routes import Routes
from ._snapshots import pack, unpack

if TYPE_CHECKING:
    from array import array
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ._id_tables import IdTable

Id = TypeVar("Id", bound="Hashable")

_KIND = "version graph"
_LAYOUT = 1
_CACHED = 1 << 16
"""So many distances are remembered."""


class VersionGraph(Generic[Id]):
    """A weighted DAG of versions: *newer inherits older*, weight = amount of difference.

    Ids are any hashable values; the graph remembers the order in which they arrived. Reachability
    takes well under a microsecond in graphs of a million versions, and a lightest route
    microseconds to some tens of milliseconds. The explanation stands in
    ``docs/design/graph-index.md``.

    A call that raises has changed nothing. Any number of threads may read at the same time; `add`
    and `add_edge` need the graph for themselves.

    Example:
        >>> graph = VersionGraph()
        >>> graph.add("a1")
        >>> graph.add("a2", inherits={"a1": 0.25})
        >>> graph.add("a3", inherits={"a2": 0.5})
        >>> graph.reaches("a3", "a1"), graph.distance("a3", "a1")
        (True, 0.75)
    """

    __slots__ = (
        "_cache",
        "_find",
        "_ids",
        "_junctions",
        "_reach",
        "_reach_by_id",
        "_routes",
        "_weights",
        "index",
    )

    def __init__(self) -> None:
        self._begin(cast("IdTable[Id]", RisingIds()), IntervalIndex())

    def _begin(self, ids: IdTable[Id], index: IntervalIndex) -> None:
        self._ids = ids
        self.index = index
        self._renew()
        self._weights = EdgeWeights(index.lists)
        self._junctions = Junctions(self._weights)
        self._routes = Routes(index, self._weights, self._junctions)
        self._cache: dict[tuple[int, int], float] = {}

    def _renew(self) -> None:
        """Take the fastest functions for the ids and labels as they are now."""
        self._find = self._ids.find_function()
        self._reach = self.index.reach_function()
        self._reach_by_id = self._ids.on_ids(self._reach)

    @classmethod
    def load(cls, ids: Iterable[Id], edges: Iterable[tuple[Id, Id, float]]) -> Self:
        """Build a graph at once, much faster than version by version.

        Args:
            ids: in arrival order.
            edges: (newer, older, weight); the order among the edges of one version is kept. An
                older end may have arrived after the newer one. Of parallel edges the lightest
                counts.

        Raises:
            AlreadyExists: an id is given twice.
            NotFound: an edge names an id that is not given.
            InvalidInput: a weight is negative or not finite.
            CycleError: the edges form a cycle.
        """
        table = table_of(list(ids))
        if isinstance(table, MappedIds) and table.distinct != len(table):
            raise AlreadyExists("version", first_repeated(table))
        columns = list(zip(*edges, strict=True)) or [(), (), ()]
        newer, older = (numbers_of(table, column) for column in columns[:2])
        weights = checked_weights(columns)
        rows = sorted_rows(len(table), newer, older, weights)
        graph = cls()
        try:
            graph._begin(table, IntervalIndex.from_rows(rows[0], rows[1]))
        except CycleError as error:
            cycle = cast("list[int]", error.cycle)
            raise CycleError([table.id_of(v) for v in cycle]) from None
        graph._weights.flat.frombytes(rows[2].tobytes())
        graph._junctions.build(graph._topological_order())
        return graph

    def _topological_order(self) -> Iterable[int]:
        if not self.index.lists.upward:
            return range(len(self))
        order: list[int] = np.argsort(np.frombuffer(self.index.numbers, np.int32)).tolist()
        return order

    def add(self, id: Id, inherits: Mapping[Id, float] | None = None) -> None:
        """Add a version.

        Args:
            id: of the new version.
            inherits: existing versions that it inherits, each with the weight of the edge.

        Raises:
            AlreadyExists: the id is taken.
            NotFound: a version in `inherits` is not there.
            InvalidInput: a weight is negative or not finite.
        """
        if self._ids.find(id) is not None:
            raise AlreadyExists("version", id)
        parents = [self.number_of(older) for older in inherits or ()]
        weights = [checked_weight(id, *item) for item in (inherits or {}).items()]
        if not self._ids.accepts(id):
            self._ids = MappedIds(self._ids)
            self._renew()
        self._ids.append(id)
        revision = self.index.revision
        self.index.append(parents)
        self._weights.flat.extend(weights)
        self._junctions.append(parents, weights)
        if self.index.revision != revision or len(self._ids) == 1:
            self._renew()

    def add_edge(self, newer: Id, older: Id, weight: float) -> bool:
        """Let an existing version inherit another existing one.

        Of two parallel edges the lighter counts.

        Returns:
            whether anything has changed: an edge, or the weight of one.

        Raises:
            NotFound: an end is not there.
            InvalidInput: the weight is negative or not finite.
            CycleError: `older` inherits `newer`; the error names the cycle.
        """
        u, w = self.number_of(newer), self.number_of(older)
        weight = checked_weight(newer, older, weight)
        if self._reach(w, u):
            raise CycleError([newer, *(self.lightest_route(older, newer) or ())])
        present = self._weights.find(u, w)
        if present is not None:
            if present <= weight:
                return False
            self._weights.replace(u, w, weight)
        else:
            self._weights.late[u, w] = weight
            self.index.add_edge(u, w)
            self._renew()
        self._junctions.edge_changed(u, self.index)
        self._cache.clear()
        return True

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, id: object) -> bool:
        return self._ids.find(id) is not None

    def __iter__(self) -> Iterator[Id]:
        return iter(self._ids)

    def number_of(self, id: Id) -> int:
        """Return the dense number of a version: 0, 1, 2, … in arrival order.

        Raises:
            NotFound: it is not there; names ids that look alike.
        """
        try:
            return self._find(id)
        except (LookupError, TypeError):
            raise not_found(self._ids, id) from None

    def id_of(self, number: int) -> Id:
        """Return the id of a dense number."""
        return self._ids.id_of(number)

    def parents(self, id: Id) -> dict[Id, float]:
        """Return what a version inherits directly, with the weights of the edges."""
        return {self.id_of(p): weight for p, weight in self._weights.edges(self.number_of(id))}

    def children(self, id: Id) -> dict[Id, float]:
        """Return what inherits a version directly, with the weights of the edges."""
        number = self.number_of(id)
        return {
            self.id_of(child): self._weights.find(child, number) or 0.0
            for child in self.index.children(number)
        }

    def edges(self) -> Iterator[Edge[Id]]:
        """Yield all edges, by arrival of the newer end, in the order they were given."""
        for number, newer in enumerate(self._ids):
            for parent, weight in self._weights.edges(number):
                yield Edge(newer, self.id_of(parent), weight)

    def weight(self, newer: Id, older: Id) -> float | None:
        """Return the weight of the edge between two versions, or None where there is no edge."""
        return self._weights.find(self.number_of(newer), self.number_of(older))

    def reaches(self, newer: Id, older: Id) -> bool:
        """Tell whether `newer` inherits `older`, directly or not; every version does itself.

        Raises:
            NotFound: one of them is not there.
        """
        try:
            return self._reach_by_id(newer, older)
        except (LookupError, TypeError):
            missing = newer if self._ids.find(newer) is None else older
            raise not_found(self._ids, missing) from None

    def reaches_many(
        self, newer: Sequence[Id] | NDArray[Any], older: Sequence[Id] | NDArray[Any]
    ) -> NDArray[np.bool_]:
        """Tell for each i whether ``newer[i]`` inherits ``older[i]``.

        Integer ids are fastest in NumPy arrays.

        Raises:
            NotFound: one of them is not there.
            InvalidInput: the two are not of one length.
        """
        if len(newer) != len(older):
            raise InvalidInput(f"reaches_many takes pairs, not {len(newer)} and {len(older)} ids")
        us, ws = numbers_of(self._ids, newer), numbers_of(self._ids, older)
        return self.index.reach_pairs(us, ws)

    def ancestors(self, id: Id) -> list[Id]:
        """List all that a version inherits, directly or not, in arrival order, without itself."""
        number = self.number_of(id)
        reached = self.index.reached(number, np.arange(len(self)))
        reached[number] = False
        return [self.id_of(v) for v in np.flatnonzero(reached).tolist()]

    def descendants(self, id: Id) -> list[Id]:
        """List all that inherit a version, directly or not, in arrival order, without itself."""
        number = self.number_of(id)
        reaching = self.index.reaching(np.arange(len(self)), number)
        reaching[number] = False
        return [self.id_of(v) for v in np.flatnonzero(reaching).tolist()]

    def distance(self, newer: Id, older: Id, *, budget: int | None = None) -> float | None:
        """Return the least sum of weights over the routes from `newer` to `older`.

        Exact up to the rounding of floating-point sums, whatever the size of the graph.

        Args:
            newer: where the routes start.
            older: where they end.
            budget: settle at most so many versions with several parents, and return None where
                they do not suffice. Without a budget the answer is always a number.

        Returns:
            0 for one and the same version, infinity where there is no route.
        """
        u, w = self.number_of(newer), self.number_of(older)
        if u == w:
            return 0.0
        if not self._reach(u, w):
            return inf
        known = self._cache.get((u, w))
        if known is not None:
            return known
        distance = self._routes.distance(u, w, self._reach, budget=budget)
        if distance is not None:
            self._remember(u, w, distance)
        return distance

    def distance_many(self, newer: Id, older: Iterable[Id]) -> list[float]:
        """Return the distances from one version to many; one sweep serves them all."""
        u = self.number_of(newer)
        targets = [self.number_of(one) for one in older]
        missing = [
            w for w in dict.fromkeys(targets) if (u, w) not in self._cache and self._reach(u, w)
        ]
        known = dict(zip(missing, self._routes.distances(u, missing, self._reach), strict=True))
        for w, distance in known.items():
            self._remember(u, w, distance)
        return [
            known[w] if w in known else self._cache.get((u, w), inf) if u != w else 0.0
            for w in targets
        ]

    def _remember(self, newer: int, older: int, distance: float) -> None:
        if len(self._cache) >= _CACHED:
            self._cache.clear()
        self._cache[newer, older] = distance

    def lightest_route(self, newer: Id, older: Id) -> list[Id] | None:
        """Return the versions along a lightest route, both ends included; None where there is none.

        Each step is an edge: `weight` gives its share of the distance.
        """
        u, w = self.number_of(newer), self.number_of(older)
        if not self._reach(u, w):
            return None
        return [self.id_of(v) for v in self._routes.route(u, w, self._reach)]

    def state(self) -> bytes:
        """Return the whole graph as bytes that `from_state` reads back.

        Raises:
            InvalidInput: the ids are neither all int nor all str.
        """
        sections: dict[str, bytes | bytearray | array[Any]] = {
            "index": self.index.state(),
            "weights": self._weights.flat,
            "below": self._junctions.below,
            "depth": self._junctions.depth,
        }
        facts = {"late": [[*edge, weight] for edge, weight in self._weights.late.items()]}
        return pack(_KIND, _LAYOUT, facts, sections | ids_to_sections(self._ids))

    @classmethod
    def from_state(cls, state: bytes | memoryview) -> Self:
        """Read what `state` gave; every later call has the same effect on both.

        Raises:
            Damaged: the bytes have changed.
            SchemaMismatch: another release or machine wrote them in another layout.
        """
        facts, sections = unpack(_KIND, _LAYOUT, state)
        graph = cls()
        ids = ids_from_sections(sections)
        graph._begin(ids, IntervalIndex.from_state(sections["index"]))
        graph._weights.flat.frombytes(sections["weights"])
        graph._weights.late = {(u, w): weight for u, w, weight in facts["late"]}
        graph._junctions.below.frombytes(sections["below"])
        graph._junctions.depth.frombytes(sections["depth"])
        if not len(ids) == len(graph.index) == len(graph._junctions.below):
            raise Damaged("the parts of a stored version graph do not fit; build it anew")
        return graph
