"""The graphs whose versions fill a role, behind one face: dense numbers instead of ids."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    import numpy as np
    from numpy.typing import NDArray

    from ._interval_index import IntervalIndex
    from ._mean_distance import Pair
    from ._version_graph import VersionGraph
    from ._version_table import VersionTable


class Input(NamedTuple):
    """A version that a run used in some role.

    Attributes:
        part: which of the role's graphs it belongs to.
        version: its dense number there.
    """

    part: int
    version: int


class Source(Protocol):
    """One graph of input versions."""

    @property
    def graph(self) -> object:
        """The graph itself, for identity."""
        ...

    @property
    def index(self) -> IntervalIndex | None:
        """The interval labels, where the graph has them."""
        ...

    @property
    def table(self) -> VersionTable | None:
        """Where the versions stand, of an inferred graph."""
        ...

    @property
    def announced(self) -> int:
        """A number that rises with every change that users of the graph must be told."""
        ...

    def stamp(self) -> int:
        """Return a number that rises whenever relations among existing versions changed."""
        ...

    def find(self, id: Hashable) -> int | None:
        """Return the dense number of a version."""
        ...

    def id_of(self, version: int) -> Hashable:
        """Return the id of a dense number."""
        ...

    def reach_function(self) -> Callable[[int, int], bool]:
        """Return ``(newer, older) → bool``, to be used until the graph is next changed."""
        ...

    def reached(self, newer: int, older: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Tell which of `older` are inherited by `newer`."""
        ...

    def reaching(self, newer: NDArray[np.int32], older: int) -> NDArray[np.bool_]:
        """Tell which of `newer` inherit `older`."""
        ...

    def is_leaf(self, version: int) -> bool:
        """Tell whether it is certain that nothing inherits this version."""
        ...

    def pair(self, newer: int, older: int) -> Pair | None:
        """Return two versions of an inferred graph, to ask for their mean distance."""
        ...

    def distance(self, newer: int, older: int, budget: int | None) -> float | None:
        """Return the length of the lightest route, or None past `budget` settled versions."""
        ...


class GraphSource:
    """A `VersionGraph` as a source."""

    __slots__ = ("_reach", "_revision", "graph", "index")

    table = None

    def __init__(self, graph: VersionGraph[Any]) -> None:
        self.graph = graph
        self.index: IntervalIndex = graph.index
        self._revision = -1
        self._reach: Callable[[int, int], bool] = self.index.reach

    @property
    def announced(self) -> int:
        return self.index.epoch

    def stamp(self) -> int:
        return self.index.epoch

    def find(self, id: Hashable) -> int | None:
        return self.graph.number_of(id) if id in self.graph else None

    def id_of(self, version: int) -> Hashable:
        found: Hashable = self.graph.id_of(version)
        return found

    def reach_function(self) -> Callable[[int, int], bool]:
        if self._revision != self.index.revision:
            self._reach = self.index.reach_function()
            self._revision = self.index.revision
        return self._reach

    def reached(self, newer: int, older: NDArray[np.int32]) -> NDArray[np.bool_]:
        return self.index.reached(newer, older)

    def reaching(self, newer: NDArray[np.int32], older: int) -> NDArray[np.bool_]:
        return self.index.reaching(newer, older)

    def is_leaf(self, version: int) -> bool:
        return self.index.is_leaf(version)

    def pair(self, newer: int, older: int) -> None:  # noqa: ARG002 - routes are explicit here
        return None

    def distance(self, newer: int, older: int, budget: int | None) -> float | None:
        ids = self.graph.id_of(newer), self.graph.id_of(older)
        return self.graph.distance(*ids, budget=budget)
