"""Reading what was recorded: edges, histories, routes and lineage."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, cast

import omprov.graph
from omprov.records import Because, Inherits, Origin, RunId, VersionKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from omprov.catalog import CatalogReader, StoredEdge
    from omprov.records import AssetName, Run, Version

    from ._graphs import Graphs

    Reasons = dict[str, tuple[VersionKey | None, VersionKey | None, float]]


@dataclass(frozen=True, slots=True)
class History:
    """The version graph of one asset.

    Attributes:
        versions: newest first; versions of other assets that an edge leads to are not among them.
        edges: from each of them; the older end may belong to another asset (a fork).
    """

    asset: AssetName
    versions: tuple[Version, ...]
    edges: tuple[Inherits, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """A lightest route between two versions.

    Attributes:
        versions: from the newer to the older end.
        steps: the edges between them, as they are stored.
        distance: the sum of the lightest route. Among produced versions it is computed from the
            inputs and may be less than the sum of the steps shown.
    """

    versions: tuple[Version, ...]
    steps: tuple[Inherits, ...]
    distance: float


@dataclass(frozen=True, slots=True)
class Link:
    """One arrow of a lineage: `role` says how the run and the version belong together.

    Attributes:
        kind: ``used`` (run → input), ``made`` (output → run) or ``inherits`` (newer → older).
    """

    kind: Literal["used", "made", "inherits"]
    source: Version | Run
    target: Version | Run
    role: str = ""
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Lineage:
    """What a version came from, or what came of it.

    Attributes:
        root: where the walk began.
        versions: every version met, the root first, then the fewest steps away first.
        runs: every run met.
        links: the arrows between them, from effect to cause.
        cut: True where the walk stopped at the depth asked for and there is more.
    """

    root: Version
    versions: tuple[Version, ...]
    runs: tuple[Run, ...]
    links: tuple[Link, ...]
    cut: bool


def inherits(reader: CatalogReader, graphs: Graphs, version: Version) -> list[Inherits]:
    """Return the edges from `version`, lightest first, with their reasons."""
    return _described(reader, graphs, reader.edges_from([version.key]))


def inherited_by(reader: CatalogReader, graphs: Graphs, version: Version) -> list[Inherits]:
    """Return the edges to `version`, lightest first, with their reasons."""
    return _described(reader, graphs, reader.edges_to([version.key]))


def _described(
    reader: CatalogReader, graphs: Graphs, edges: Sequence[StoredEdge]
) -> list[Inherits]:
    ends = reader.get_versions({key for edge in edges for key in (edge.newer, edge.older)})
    reasons = [_because(reader, graphs, edge, ends) for edge in edges]
    found = [
        Inherits(
            newer=ends[edge.newer],
            older=ends[edge.older],
            weight=_weight(graphs, edge, ends),
            origin=edge.origin,
            because=because,
            difference=edge.difference,
        )
        for edge, because in zip(edges, reasons, strict=True)
    ]
    return sorted(found, key=lambda edge: (edge.weight, -edge.older.key, -edge.newer.key))


def _weight(graphs: Graphs, edge: StoredEdge, ends: Mapping[VersionKey, Version]) -> float:
    """Return the stored weight, or compute the one that is still to be filled in."""
    if edge.weight is not None:
        return edge.weight
    return graphs.output(ends[edge.newer].asset).distance(edge.newer, edge.older)


def _because(
    reader: CatalogReader, graphs: Graphs, edge: StoredEdge, ends: Mapping[VersionKey, Version]
) -> tuple[Because, ...]:
    if edge.origin is not Origin.INFERRED:
        return ()
    graph = graphs.of(ends[edge.newer])
    assert isinstance(graph, omprov.graph.OutputGraph)
    reasons = cast("Reasons", graph.because(edge.newer, edge.older))
    used = reader.get_versions(
        {key for pair in reasons.values() for key in pair[:2] if key is not None}
    )
    return tuple(
        Because(
            role,
            None if newer is None else used[newer],
            None if older is None else used[older],
            distance,
        )
        for role, (newer, older, distance) in reasons.items()
    )


def history(reader: CatalogReader, graphs: Graphs, asset: AssetName) -> History:
    """Return the version graph of an asset, removed versions included."""
    versions = reader.list_versions(asset, removed=True)
    known = {version.key: version for version in versions}
    edges = reader.edges_of(asset)
    known.update(reader.get_versions({edge.older for edge in edges} - known.keys()))
    return History(
        asset,
        tuple(versions),
        tuple(
            Inherits(
                known[edge.newer], known[edge.older], _weight(graphs, edge, known), edge.origin
            )
            for edge in edges
        ),
    )


def lightest_route(
    reader: CatalogReader, graphs: Graphs, newer: Version, older: Version
) -> Route | None:
    """Return the lightest route between two versions; None where there is none."""
    graph = graphs.of(newer)
    if older.key not in graph:
        return None
    keys = graph.lightest_route(newer.key, older.key)
    distance = graph.distance(newer.key, older.key)
    if keys is None or distance is None or math.isinf(distance):
        return None
    versions = reader.get_versions(keys)
    stored = {(edge.newer, edge.older): edge for edge in reader.edges_from(keys)}
    steps = [
        Inherits(
            versions[upper],
            versions[lower],
            _weight(graphs, stored[upper, lower], versions),
            stored[upper, lower].origin,
        )
        for upper, lower in pairwise(keys)
    ]
    return Route(tuple(versions[key] for key in keys), tuple(steps), distance)


def lineage(
    reader: CatalogReader,
    root: Version,
    direction: Literal["up", "down"],
    *,
    depth: int | None = None,
    inherits: bool = False,
) -> Lineage:
    """Walk from a version to what it came from (``up``) or to what came of it (``down``).

    Declared edges of an output asset (a model that was pruned and uploaded) are followed; those
    between versions that nobody ran anything for only with `inherits`.

    Args:
        reader: a view of the catalog.
        root: where to begin.
        direction: which way.
        depth: at most so many runs or edges away; ``None`` goes to the end.
        inherits: follow every declared edge.
    """
    walk = _Walk(reader, direction, inherits=inherits)
    front, step = [root], 0
    walk.versions[root.key] = root
    while front and (depth is None or step < depth):
        front = walk.step(front)
        step += 1
    cut = bool(front) and walk.has_more(front)
    return Lineage(
        root, tuple(walk.versions.values()), tuple(walk.runs.values()), tuple(walk.links), cut
    )


class _Walk:
    """A breadth-first walk over runs and declared edges, one statement of each sort a step."""

    def __init__(
        self, reader: CatalogReader, direction: Literal["up", "down"], *, inherits: bool
    ) -> None:
        self.reader = reader
        self.up = direction == "up"
        self.inherits = inherits
        self.versions: dict[VersionKey, Version] = {}
        self.runs: dict[RunId, Run] = {}
        self.links: list[Link] = []

    def step(self, front: Sequence[Version]) -> list[Version]:
        """Go one step on from `front`; return the versions met for the first time."""
        met = self._through_runs(front) | self._through_edges(front)
        new = [version for key, version in met.items() if key not in self.versions]
        self.versions.update((version.key, version) for version in new)
        return new

    def has_more(self, front: Sequence[Version]) -> bool:
        """Tell whether a further step would meet anything."""
        runs = self._runs_of(front)
        return any(run not in self.runs for run in runs) or bool(self._edges(front))

    def _runs_of(self, front: Sequence[Version]) -> dict[RunId, None]:
        if self.up:
            return {version.run: None for version in front if version.run is not None}
        uses = self.reader.runs_using([version.key for version in front])
        return {run: None for run, _, _ in uses}

    def _through_runs(self, front: Sequence[Version]) -> dict[VersionKey, Version]:
        fresh = [run for run in self._runs_of(front) if run not in self.runs]
        found = self.reader.get_runs(fresh)
        self.runs.update(found)
        here = {version.key for version in front}
        met: dict[VersionKey, Version] = {}
        for run in found.values():
            onward = run.inputs if self.up else run.outputs
            self.links += [
                Link("used", run, version, role)
                for role, version in run.inputs.items()
                if self.up or version.key in here
            ]
            self.links += [
                Link("made", version, run, role)
                for role, version in run.outputs.items()
                if not self.up or version.key in here
            ]
            met.update((version.key, version) for version in onward.values())
        return met

    def _edges(self, front: Sequence[Version]) -> list[StoredEdge]:
        keys = [version.key for version in front]
        edges = self.reader.edges_from(keys) if self.up else self.reader.edges_to(keys)
        declared = [edge for edge in edges if edge.origin is Origin.DECLARED]
        if self.inherits or not declared:
            return declared
        ends = self._ends(declared)
        return [
            edge
            for edge in declared
            if ends[edge.newer].run is not None or ends[edge.older].run is not None
        ]

    def _through_edges(self, front: Sequence[Version]) -> dict[VersionKey, Version]:
        edges = self._edges(front)
        ends = self._ends(edges)
        for edge in edges:
            self.links.append(
                Link("inherits", ends[edge.newer], ends[edge.older], weight=edge.weight)
            )
        return {key: ends[key] for edge in edges for key in [edge.older if self.up else edge.newer]}

    def _ends(self, edges: Iterable[StoredEdge]) -> dict[VersionKey, Version]:
        return self.reader.get_versions({key for e in edges for key in (e.newer, e.older)})
