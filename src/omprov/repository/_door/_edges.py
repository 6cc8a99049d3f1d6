"""Edges: declaring them, reading them, following them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from omprov.repository import _reading
from omprov.repository._door._opened import Opened
from omprov.repository._edges import declare_edge, remove_edge
from omprov.repository._resolving import resolve_asset, resolve_version

if TYPE_CHECKING:
    from omprov.records import Inherits
    from omprov.repository._door._opened import AnyAsset, AnyVersion
    from omprov.repository._reading import History, Lineage, Route


class Edges(Opened):
    """Edges: declaring them, reading them, following them."""

    def add_edge(
        self, newer: AnyVersion, older: AnyVersion, *, weight: float | None = None
    ) -> Inherits:
        """Declare that one existing version inherits another.

        Everything that follows from it in output graphs is exact when this returns. Where the edge
        is declared already, the lighter weight stays.

        Args:
            newer: the inheriting version.
            older: the inherited one.
            weight: the amount of difference, ≥ 0; measured from the contents where left out.

        Raises:
            CycleError: the edge would close a cycle with declared or inferred edges.
            InvalidInput: the two are of different kinds, or the weight is no weight.
        """
        with self._writing_graphs() as writer:
            return declare_edge(
                writer,
                self._graphs,
                self._differences,
                resolve_version(writer, newer, self.project),
                resolve_version(writer, older, self.project),
                weight=weight,
            )

    def remove_edge(self, newer: AnyVersion, older: AnyVersion) -> None:
        """Take a declared edge away, and infer anew whatever rested on it.

        Meant for administrators: relations that people have seen may go.

        Raises:
            NotFound: there is no such declared edge.
        """
        with self._writing_graphs() as writer:
            remove_edge(
                writer,
                self._graphs,
                resolve_version(writer, newer, self.project, removed=True),
                resolve_version(writer, older, self.project, removed=True),
            )

    def inherits(self, reference: AnyVersion) -> list[Inherits]:
        """Return what a version inherits directly, lightest first, with reasons."""
        with self._reading_graphs() as reader:
            version = resolve_version(reader, reference, self.project, removed=True)
            return _reading.inherits(reader, self._graphs, version)

    def inherited_by(self, reference: AnyVersion) -> list[Inherits]:
        """Return what inherits a version directly, lightest first, with reasons."""
        with self._reading_graphs() as reader:
            version = resolve_version(reader, reference, self.project, removed=True)
            return _reading.inherited_by(reader, self._graphs, version)

    def history(self, asset: AnyAsset) -> History:
        """Return the version graph of an asset."""
        with self._reading_graphs() as reader:
            name = resolve_asset(reader, asset, self.project).name
            return _reading.history(reader, self._graphs, name)

    def lightest_route(self, newer: AnyVersion, older: AnyVersion) -> Route | None:
        """Return the lightest route from one version to another; None where there is none.

        Routes stay among uploaded versions, or among the produced versions of one asset: declared
        edges with a produced version at one end are not followed (`lineage` does).
        """
        with self._reading_graphs() as reader:
            return _reading.lightest_route(
                reader,
                self._graphs,
                resolve_version(reader, newer, self.project, removed=True),
                resolve_version(reader, older, self.project, removed=True),
            )

    def lineage(
        self,
        reference: AnyVersion,
        direction: Literal["up", "down"] = "up",
        *,
        depth: int | None = None,
        inherits: bool = False,
    ) -> Lineage:
        """Return what a version came from (``up``), or what came of it (``down``).

        Args:
            reference: which version.
            direction: which way.
            depth: at most so many runs or edges away; an answer that is cut says so.
            inherits: follow every declared edge, not only those of produced versions.
        """
        with self._reading() as reader:
            version = resolve_version(reader, reference, self.project, removed=True)
            return _reading.lineage(reader, version, direction, depth=depth, inherits=inherits)
