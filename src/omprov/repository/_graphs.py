"""The version graphs of a repository in memory, kept in step with the catalog.

One `VersionGraph` for each kind holds the uploaded versions and the declared edges among them; one
`OutputGraph` for each output asset holds the versions that runs produced. Both are caches: the
catalog's edges and its change feed are the truth. See docs/design/repository.md.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

import omprov.graph
from omprov.catalog import ChangeKind
from omprov.errors import Damaged, InvalidInput, Unavailable
from omprov.records import AssetName, Edge, Kind, Policy, Treatment, VersionKey

from ._comparing import compare_edges
from ._sources import (
    Source,
    Sources,
    all_consumers,
    get_asset,
    inputs_first,
    name_of,
    source_of,
    stored_sources,
)
from ._uploaded import REPLAY_AT_MOST, kind_of, load_uploaded, snapshot_name

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from omprov.catalog import Catalog, CatalogReader, FeedRow
    from omprov.graph import GraphChange, OutputGraph, VersionGraph
    from omprov.records import Version

    FreeDistance: TypeAlias = Callable[[CatalogReader, VersionKey | None, VersionKey | None], float]
    View = TypeVar("View", bound=CatalogReader)
    Graph: TypeAlias = VersionGraph[VersionKey] | OutputGraph[VersionKey]

SNAPSHOT_AFTER = 5_000
"""Closing a repository keeps a snapshot of a graph that is so many feed rows ahead of its last."""


class Graphs:
    """The graphs that were needed so far.

    Every use happens inside `at`, which brings the loaded graphs up to the view that it is given.
    Uses exclude each other: one thread at a time.

    Args:
        catalog: where the graphs come from.
        free_distance: how much two versions in a free role differ; ``None`` stands for no version.
    """

    def __init__(self, catalog: Catalog, free_distance: FreeDistance) -> None:
        self._catalog = catalog
        self._free_distance = free_distance
        self._lock = threading.RLock()
        self._reader: CatalogReader | None = None
        self._forget()

    def _forget(self) -> None:
        self._position = 0
        self._kept: dict[Kind, int] = {}
        self._uploaded: dict[Kind, VersionGraph[VersionKey]] = {}
        self._outputs: dict[AssetName, OutputGraph[VersionKey]] = {}
        self._inputs: dict[AssetName, Sources] = {}

    # ------------------------------------------------------------------ the view

    @contextmanager
    def at(
        self, opening: AbstractContextManager[View], *, for_writing: bool = False
    ) -> Iterator[View]:
        """Open a view or a transaction, and bring the loaded graphs up to it for the block.

        What the block changes in the graphs must be in its transaction too. When the block or the
        commit fails after a change, the graphs are dropped and come back from the catalog on their
        next use. The lock is held until the commit is over, so that no other thread sees graphs
        that are ahead of the catalog.

        Args:
            opening: the view or the transaction.
            for_writing: it may have to wait for another process; threads that read go on meanwhile.
        """
        with ExitStack() as held:
            if not for_writing:
                self._take(held)
            with opening as view:
                if for_writing:
                    self._take(held)
                self._reader = view
                self._keep_step()
                yield view
                self._position = view.position()

    def _take(self, held: ExitStack) -> None:
        """Take the lock until `held` ends: after the commit of what is opened within it."""
        held.enter_context(self._lock)
        assert self._reader is None, "Graphs.at does not nest"
        self._changed = False
        held.push(self._let_go)

    def _let_go(self, kind: type[BaseException] | None, *_: object) -> None:
        self._reader = None
        if kind is not None and self._changed:
            self._forget()

    @property
    def _view(self) -> CatalogReader:
        assert self._reader is not None, "graphs are used inside Graphs.at"
        return self._reader

    # ------------------------------------------------------------------ graphs

    def uploaded(self, kind: Kind) -> VersionGraph[VersionKey]:
        """Return the graph of the uploaded versions of this kind."""
        if kind not in self._uploaded:
            found = load_uploaded(self._view, kind, self._position)
            self._uploaded[kind], self._kept[kind] = found
        return self._uploaded[kind]

    def output(self, name: AssetName) -> OutputGraph[VersionKey]:
        """Return the graph of the versions of this asset that runs produced."""
        if name not in self._outputs:
            self._load_outputs([name])
        return self._outputs[name]

    def of(self, version: Version) -> Graph:
        """Return the graph that this version stands in."""
        return self._graph(source_of(version))

    def _graph(self, source: Source) -> Graph:
        return self.uploaded(source) if isinstance(source, Kind) else self.output(source)

    # ------------------------------------------------------------------ changes

    def add_uploaded(
        self, kind: Kind, key: VersionKey, parents: Mapping[VersionKey, float]
    ) -> None:
        """Put a new uploaded version in its graph.

        Args:
            kind: of its asset.
            key: of the new one; nothing inherits it yet.
            parents: the uploaded versions that it inherits, with weights.
        """
        graph = self._uploaded.get(kind)
        if graph is not None:
            self._changed = True
            graph.add(key, inherits=dict(parents))

    def add_produced(
        self, version: Version, inputs: Mapping[str, Version], *, budget: int | None
    ) -> GraphChange[VersionKey]:
        """Infer the place of a version that a run just produced.

        Args:
            version: the new one; `output` was called for its asset before it was written.
            inputs: what the run used, by role.
            budget: see `OutputGraph.add`.
        """
        graph = self._outputs[version.asset]
        self._changed = True
        self._connect(version.asset, {role: {source_of(used)} for role, used in inputs.items()})
        provenance = {role: used.key for role, used in inputs.items()}
        return graph.add(version.key, provenance, budget=budget)

    def add_uploaded_edge(
        self, kind: Kind, edge: Edge[VersionKey]
    ) -> list[tuple[AssetName, GraphChange[VersionKey]]]:
        """Declare an edge between existing uploaded versions and repair the output graphs.

        Returns:
            What changed, in the order in which to write it.

        Raises:
            CycleError: the edge would close one.
        """
        graph = self.uploaded(kind)
        self._load_outputs(all_consumers(self._view, [kind]))
        assert edge.weight is not None
        self._changed = True
        graph.add_edge(edge.newer, edge.older, edge.weight)
        return self._repair(kind, edge)

    def _repair(
        self, kind: Kind, edge: Edge[VersionKey]
    ) -> list[tuple[AssetName, GraphChange[VersionKey]]]:
        """Repair every loaded output graph after a late edge, until nothing more changes.

        What a version was made from is older than the version, so this ends, also where two assets
        feed each other.
        """
        changes: list[tuple[AssetName, GraphChange[VersionKey]]] = []
        for name, inputs in self._inputs.items():
            role = next((role for role, sources in inputs.items() if kind in sources), None)
            if role is not None:
                output = self._outputs[name]
                changes.append((name, output.input_edge_added(role, edge.newer, edge.older)))
        done = 0
        while done < len(changes):
            changed, change = changes[done]
            done += 1
            if not change.nearer:
                continue
            for name, inputs in self._inputs.items():
                if name != changed and any(changed in sources for sources in inputs.values()):
                    used = self._outputs[changed]
                    changes.append((name, self._outputs[name].input_grown(used, change.nearer)))
        return [(name, change) for name, change in changes if change]

    def rebuild(
        self, names: Iterable[AssetName], policies: Mapping[AssetName, Policy]
    ) -> dict[AssetName, GraphChange[VersionKey]]:
        """Infer these graphs, and all that build on them, from the provenance tuples alone.

        Args:
            names: output assets.
            policies: policies to use instead of the stored ones.

        Returns:
            How the result differs from the stored edges.
        """
        self._changed = True
        every = list(dict.fromkeys([*names, *all_consumers(self._view, names)]))
        for name in every:
            self._outputs.pop(name, None)
            self._inputs.pop(name, None)
        self._infer_outputs(every, policies)
        return {name: self._compare_with_stored(name) for name in every}

    def rebuild_uploaded(self, kind: Kind) -> dict[AssetName, GraphChange[VersionKey]]:
        """Load a kind's graph anew, and infer again all that builds on it; see `rebuild`."""
        self._changed = True
        self._uploaded.pop(kind, None)
        return self.rebuild(all_consumers(self._view, [kind]), {})

    def _compare_with_stored(self, name: AssetName) -> GraphChange[VersionKey]:
        stored = self._view.inferred_edges(get_asset(self._view, name).id)
        return compare_edges(stored, self._outputs[name].edges())

    # ------------------------------------------------------------------ loading

    def _load_outputs(self, names: Iterable[AssetName]) -> None:
        """Load output graphs with all that they build on."""
        try:
            self._load_with_inputs(self._missing_sources(names))
        except BaseException:  # some of them may be half there
            self._forget()
            raise

    def _load_with_inputs(self, sources: Mapping[AssetName, Sources]) -> None:
        for name in sources:
            self._outputs[name] = self._empty_output(name, {})
        for name, inputs in sources.items():
            self._connect(name, inputs)
        order = inputs_first(sources)
        if order is None:  # assets that feed each other can only be loaded version by version
            self._infer_outputs(sources, {})
            return
        for name in order:
            asset = get_asset(self._view, name)
            try:
                self._outputs[name].load(
                    self._view.provenance_tuples(asset.id), self._view.inferred_edges(asset.id)
                )
            except InvalidInput as error:
                raise Damaged(
                    f"the inferred edges stored for {name} cannot be: {error}; `omprov fsck` "
                    f"tells which, setting its policy anew (`omprov policy {name}`) infers them"
                ) from error

    def _infer_outputs(
        self, names: Iterable[AssetName], policies: Mapping[AssetName, Policy]
    ) -> None:
        """Build output graphs by adding their versions in the order in which they were made."""
        wanted = list(names)
        sources = {name: stored_sources(self._view, name) for name in wanted}
        self._load_outputs(
            used
            for inputs in sources.values()
            for group in inputs.values()
            for used in group
            if isinstance(used, AssetName) and used not in sources
        )
        for name in wanted:
            self._outputs[name] = self._empty_output(name, policies)
        versions: list[tuple[VersionKey, AssetName, dict[str, VersionKey]]] = []
        for name, inputs in sources.items():
            self._connect(name, inputs)
            versions.extend(
                (key, name, provenance)
                for key, provenance in self._view.provenance_tuples(get_asset(self._view, name).id)
            )
        for key, name, provenance in sorted(versions, key=lambda item: item[0]):
            self._outputs[name].add(key, provenance)

    def _empty_output(
        self, name: AssetName, policies: Mapping[AssetName, Policy]
    ) -> OutputGraph[VersionKey]:
        policy = policies.get(name) or get_asset(self._view, name).policy or Policy()

        def free_distance(_: str, newer: Hashable | None, older: Hashable | None) -> float:
            keys = cast("tuple[VersionKey | None, VersionKey | None]", (newer, older))
            return self._free_distance(self._view, *keys)

        self._inputs[name] = defaultdict(set)
        return omprov.graph.OutputGraph({}, policy=policy, free_distance=free_distance)

    def _missing_sources(self, names: Iterable[AssetName]) -> dict[AssetName, Sources]:
        found: dict[AssetName, Sources] = {}
        todo = list(names)
        while todo:
            name = todo.pop()
            if name in found or name in self._outputs:
                continue
            found[name] = stored_sources(self._view, name)
            for group in found[name].values():
                todo.extend(used for used in group if isinstance(used, AssetName))
        return found

    def _connect(self, name: AssetName, inputs: Mapping[str, set[Source]]) -> None:
        """Let the lineage roles of an output graph take versions of these graphs."""
        output, known = self._outputs[name], self._inputs[name]
        for role, sources in inputs.items():
            if output.policy.treatment(role) is not Treatment.LINEAGE:
                continue
            for source in sources - known[role]:
                known[role].add(source)
                output.add_input(role, self._graph(source))

    # ------------------------------------------------------------------ keeping step

    def _keep_step(self) -> None:
        try:
            self._catch_up()
        except BaseException:  # some rows are in the graphs, others not
            self._forget()
            raise

    def _catch_up(self) -> None:
        now = self._view.position()
        if now == self._position:
            return
        if not self._uploaded and not self._outputs:
            self._position = now
        elif now - self._position > REPLAY_AT_MOST:
            self._forget()
            self._position = now
        else:
            after, self._position = self._position, now
            for row in self._view.iter_feed(after):
                if not self._apply(row):
                    self._forget()
                    self._position = now
                    return

    def _apply(self, row: FeedRow) -> bool:
        """Apply what another process wrote; False where the graphs must be loaded anew."""
        match row.kind:
            case ChangeKind.UPLOADED:
                self._apply_uploaded(row)
            case ChangeKind.PRODUCED:
                return self._apply_produced(row)
            case ChangeKind.EDGE if (kind := Kind(row.data["kind"])) in self._uploaded:
                edge = Edge(row.data["newer"], row.data["older"], row.data["weight"])
                self._uploaded[kind].add_edge(edge.newer, edge.older, row.data["weight"])
                self._repair(kind, edge)
            case ChangeKind.EDGE_REMOVED | ChangeKind.POLICY:
                return False
            case ChangeKind.ASSET if "measure" in row.data:
                return False
            case _:
                pass
        return True

    def _apply_uploaded(self, row: FeedRow) -> None:
        graph = self._uploaded.get(kind_of(self._view, row))
        if graph is not None and row.version not in graph:
            assert row.version is not None
            graph.add(row.version, inherits=dict(row.data["parents"]))

    def _apply_produced(self, row: FeedRow) -> bool:
        assert row.version is not None
        assert row.asset is not None
        name = name_of(self._view, row.asset)
        graph = self._outputs.get(name)
        if graph is None or row.version in graph:
            return True
        used = self._view.get_versions(row.data["tuple"].values())
        sources = {role: source_of(used[key]) for role, key in row.data["tuple"].items()}
        if any(isinstance(s, AssetName) and s not in self._outputs for s in sources.values()):
            return False  # loaded now, it would be ahead of the rows still to be applied
        self._connect(name, {role: {source} for role, source in sources.items()})
        graph.add(row.version, row.data["tuple"], budget=0)
        return True

    # ------------------------------------------------------------------ snapshots

    def keep_snapshots(self) -> None:
        """Store the graphs that are well ahead of their last snapshot (a cache, never needed)."""
        with self._lock:
            for kind, kept in self._kept.items():
                graph = self._uploaded[kind]
                if self._position - kept > SNAPSHOT_AFTER:
                    name = snapshot_name(kind)
                    with suppress(Unavailable):  # locked, full or read-only: then another time
                        self._catalog.store_snapshot(name, self._position, graph.state())
                        self._kept[kind] = self._position
