"""Decides which commits are versions: those that change what is tracked, and what joins lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from omprov.graph import VersionGraph
    from omprov.records import Edge, VersionKey

    from ._history import Commit
    from ._known import Homes

    Home: TypeAlias = "str | VersionKey"
    """A version: one that was recorded before, or the commit that makes one."""


class Contraction:
    """Places commits, parents before children.

    A commit is the version of its parents where they are all one version, or older ones of it, and
    what is tracked is the same; else it makes a version that inherits those of its parents, but
    for such as another of them descends from. Where what is tracked is gone, the version stays
    that of the first parent.

    Attributes:
        homes: commit → version; ``None`` where what is tracked was not there yet.
    """

    def __init__(self, homes: Homes, edges: Callable[[], Iterable[Edge[VersionKey]]]) -> None:
        """Begin where an earlier import ended.

        Args:
            homes: each known commit with its version; what is placed is added.
            edges: tells those between these versions, where lines have to be compared.
        """
        self.homes = homes
        self._edges = edges
        self._graph: VersionGraph[Home] | None = None
        self._waiting: list[tuple[Home, list[Home]]] = []
        self._trees: dict[Home, str] = {}

    def place(self, commit: Commit, tree_of: Callable[[str], str | None]) -> list[Home] | None:
        """Find the version of a commit, for `homes`.

        Args:
            commit: whose parents were placed.
            tree_of: tells what a commit tracks.

        Returns:
            What the version inherits that this commit makes; ``None`` where it makes none.
        """
        lines = self._newest(self.homes[parent] for parent in commit.parents)
        if commit.tree is None:
            self.homes[commit.id] = lines[0] if lines else None
            return None
        if len(lines) == 1 and self._tree(lines[0], commit, tree_of) == commit.tree:
            self.homes[commit.id] = lines[0]
            return None
        self._waiting.append((commit.id, lines))
        self._trees[commit.id] = commit.tree
        self.homes[commit.id] = commit.id
        return lines

    def _tree(self, home: Home, commit: Commit, tree_of: Callable[[str], str | None]) -> str | None:
        """Return what a version tracks that a parent of a commit is."""
        if home in self._trees:
            return self._trees[home]
        parent = next(one for one in commit.parents if self.homes[one] == home)
        return tree_of(parent)

    def _newest(self, homes: Iterable[Home | None]) -> list[Home]:
        """Leave out what another one descends from."""
        found = [home for home in dict.fromkeys(homes) if home is not None]
        if len(found) < 2:  # most commits; the graph need not even be loaded
            return found
        graph = self._grown_graph(found)
        return [
            one
            for one in found
            if not any(one != other and graph.reaches(other, one) for other in found)
        ]

    def _grown_graph(self, homes: Iterable[Home]) -> VersionGraph[Home]:
        """Return the graph of all versions, these included."""
        if self._graph is None:
            from omprov.graph import VersionGraph  # most imports of little need none

            edges = [(edge.newer, edge.older, 0.0) for edge in self._edges()]
            self._graph = VersionGraph.load(
                sorted({end for edge in edges for end in edge[:2]}), edges
            )
        for home, lines in self._waiting:
            self._add_alone(lines)
            self._graph.add(home, inherits=dict.fromkeys(lines, 0.0))
        self._waiting.clear()
        self._add_alone(homes)
        return self._graph

    def _add_alone(self, homes: Iterable[Home]) -> None:
        """Add those that were recorded and have no edge."""
        assert self._graph is not None
        for home in homes:
            if home not in self._graph:
                self._graph.add(home)
