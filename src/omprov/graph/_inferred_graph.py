"""The read side of inferred graphs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import numpy as np

from omprov.errors import InvalidInput, NotFound
from omprov.records import Edge

from ._chains import OutputSource, inherits, prepared_down_set
from ._cover_routes import lightest_cover_route
from ._mean_distance import Made, Pair, iter_terms, pair_distance
from ._stored_edges import (
    has_edge,
    iter_edges,
    iter_lower_edges,
    set_weight,
    uppers,
    versions_above,
    weight_of,
)
from ._version_table import ALONE

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from ._mean_distance import FreeDistance
    from ._roles import Roles
    from ._stored_edges import StoredEdge
    from ._version_table import VersionTable

Id = TypeVar("Id", bound="Hashable")


class InferredGraph(Generic[Id]):
    """What can be asked of the versions of an output asset; `OutputGraph` lets them grow.

    Attributes:
        free_distance: the distance in roles that weigh only.
        versions: where every version stands; this and what follows is for the other modules of this
            package.
        roles: which graphs a role takes versions of.
        announced: rises with every change that graphs which use this one must be told.
        rewritten: rises when all relations have been inferred anew.
    """

    free_distance: FreeDistance
    versions: VersionTable
    roles: Roles
    announced: int
    rewritten: int

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
        return inherits(self.versions, self.number_of(newer), self.number_of(older))

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
        pair = Pair(self, self.number_of(newer), self.number_of(older))
        if pair.newer == pair.older:
            return 0.0
        if not inherits(self.versions, pair.newer, pair.older):
            return math.inf
        distance = pair_distance(pair)
        assert distance is not None  # there was no budget
        return distance

    def weight(self, newer: Id, older: Id) -> float | None:
        """Return the weight of a stored edge, computed now if it was put off; None for no edge."""
        numbers = self.number_of(newer), self.number_of(older)
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
        numbers = self.number_of(newer), self.number_of(older)
        if not inherits(self.versions, *numbers):
            return {}
        made = self.made(numbers[0]), self.made(numbers[1])
        used = self.tuple_of(newer), self.tuple_of(older)
        result: dict[str, tuple[Hashable | None, Hashable | None, float]] = {}
        for term in iter_terms(*made, self.free_distance, None):
            distance = term.distance if term.pair is None else pair_distance(term.pair)
            assert distance is not None  # there was no budget
            result[term.role] = used[0].get(term.role), used[1].get(term.role), distance
        return result

    def tuple_of(self, id: Id) -> dict[str, Hashable]:
        """Return the provenance tuple of a version as it was given."""
        return dict(self.versions.used[self.number_of(id)])

    def ancestors(self, id: Id) -> list[Id]:
        """List all that a version inherits, directly or not, in arrival order, without itself."""
        table, number = self.versions, self.number_of(id)
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
        number = self.number_of(id)
        return self._ids(versions_above(self.versions, [number]) - {number})

    def _ids(self, versions: Iterable[int]) -> list[Id]:
        ids = cast("list[Id]", self.versions.ids)
        return [ids[version] for version in sorted(versions)]

    def lightest_route(self, newer: Id, older: Id) -> list[Id] | None:
        """Return the versions along a lightest route of *stored edges*, both ends included.

        For display: `distance` is the amount of difference, and usually less than the sum of the
        weights along this route.

        Returns:
            None where `newer` does not inherit `older`.
        """
        ids = cast("list[Id]", self.versions.ids)

        def weigh(upper: int, lower: int) -> float:
            weight = self.weight(ids[upper], ids[lower])
            assert weight is not None  # the edge is stored
            return weight

        numbers = self.number_of(newer), self.number_of(older)
        route = lightest_cover_route(self.versions, *numbers, weigh)
        return None if route is None else [ids[version] for version in route]

    def parents(self, id: Id) -> dict[Id, float | None]:
        """Return the older ends of the stored edges from a version, with the weights of these."""
        edges = self.spelled_out(iter_lower_edges(self.versions, self.number_of(id)))
        return {edge.older: edge.weight for edge in edges}

    def children(self, id: Id) -> dict[Id, float | None]:
        """Return the newer ends of the stored edges to a version, with the weights of these."""
        table, number = self.versions, self.number_of(id)
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
        roles = self.roles.free
        free = {role: used for role, used in table.used[version] if role in roles} if roles else {}
        if table.order_of[version] == ALONE:
            return Made(None, (), free)
        order = table.orders[table.order_of[version]]
        return Made(order, order.point(table.group_of[version]), free)

    def stamp(self) -> int:
        """Return a number that rises whenever relations among existing versions have changed."""
        total = 0
        waiting: list[InferredGraph[Any]] = [self]
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

    def number_of(self, id: Id) -> int:
        """Return the dense number of a version: 0, 1, 2, … in arrival order."""
        number = self.versions.numbers.get(id)
        if number is None:
            raise NotFound("version", id)
        return number

    def spelled_out(self, edges: Iterable[StoredEdge]) -> list[Edge[Id]]:
        ids = cast("list[Id]", self.versions.ids)
        return [Edge(ids[newer], ids[older], weight) for newer, older, weight in edges]
