"""A catalog against a model in plain dictionaries, step by step, by Hypothesis.

Inherit `CatalogMachine`, override `open_empty`, and take its `TestCase`.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from omprov.records import Asset, AssetName, Edge, Kind, Origin, RunStatus, Version

from ._scene import NOW

if TYPE_CHECKING:
    from omprov.catalog import Catalog, CatalogReader, CatalogWriter
    from omprov.records import RunId, VersionKey

T = TypeVar("T")

names = st.sampled_from(["a", "b", "c"])
kinds = st.sampled_from([Kind.ALGORITHM, Kind.MODEL])
weights = st.none() | st.floats(0, 1)
pick = st.integers(0, 10**6)


@dataclass
class Model:
    """What the catalog should hold."""

    assets: dict[AssetName, Asset] = field(default_factory=dict)
    versions: dict[VersionKey, Version] = field(default_factory=dict)
    edges: dict[tuple[Origin, VersionKey, VersionKey], float | None] = field(default_factory=dict)
    runs: dict[RunId, dict[str, VersionKey]] = field(default_factory=dict)
    position: int = 0

    def of_asset(self, name: AssetName) -> list[Version]:
        """Return the versions of an asset, oldest first."""
        return [version for version in self.versions.values() if version.asset == name]


class CatalogMachine(RuleBasedStateMachine):
    """Random changes, each in its own transaction; some roll back."""

    def open_empty(self) -> Catalog:
        """Give an empty catalog; each back end overrides this."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.catalog = self.open_empty()
        self.model = Model()

    def teardown(self) -> None:
        """Check and close the catalog."""
        assert self.catalog.check() == []
        self.catalog.close()

    @initialize()
    def add_project(self) -> None:
        with self.catalog.write("ann", NOW) as writer:
            writer.add_project("default")
            self.model.position = writer.position()

    @rule(kind=kinds, name=names)
    def add_asset(self, kind: Kind, name: str) -> None:
        full_name = AssetName("default", kind, name)
        if full_name not in self.model.assets:
            with self.catalog.write("ann", NOW) as writer:
                self.model.assets[full_name] = writer.add_asset(full_name)
                self.model.position = writer.position()

    @precondition(lambda self: self.model.assets)
    @rule(at=pick)
    def upload(self, at: int) -> None:
        asset = _at(list(self.model.assets.values()), at)
        with self.catalog.write("ann", NOW) as writer:
            added = writer.add_version(asset.id, digest=None, feed={})
            self.model.versions[added.key] = added
            self.model.position = writer.position()
        assert added.number == len(self.model.of_asset(asset.name))

    @precondition(lambda self: self.model.versions)
    @rule(at=pick, inputs=st.dictionaries(names, pick))
    def produce(self, at: int, inputs: dict[str, int]) -> None:
        with self.catalog.write("ann", NOW) as writer:
            run, used, added = self._record(writer, at, inputs)
            self.model.position = writer.position()
        self.model.runs[run] = used
        self.model.versions[added.key] = added

    @precondition(lambda self: self.model.versions)
    @rule(at=pick, inputs=st.dictionaries(names, pick))
    def produce_in_vain(self, at: int, inputs: dict[str, int]) -> None:
        with suppress(InterruptedError), self.catalog.write("ann", NOW) as writer:
            self._record(writer, at, inputs)
            raise InterruptedError

    def _record(
        self, writer: CatalogWriter, at: int, inputs: dict[str, int]
    ) -> tuple[RunId, dict[str, VersionKey], Version]:
        asset = _at(list(self.model.assets.values()), at)
        used = {role: _at(list(self.model.versions), number) for role, number in inputs.items()}
        run = writer.add_run(
            project="default", name="r", status=RunStatus.SUCCEEDED, started=NOW, inputs=used
        )
        added = writer.add_version(asset.id, digest=None, run=run, feed={"tuple": used})
        writer.add_run_output(run, "out", added.key)
        return run, used, added

    @precondition(lambda self: len(self.model.versions) > 1)
    @rule(newer=pick, older=pick, weight=weights, remove=st.booleans())
    def change_edge(self, newer: int, older: int, weight: float | None, *, remove: bool) -> None:
        first = _at(list(self.model.versions.values()), newer)
        rest = [v for v in self.model.versions.values() if v.asset.kind is first.asset.kind]
        second = _at(rest, older)
        if first.key == second.key:
            return
        made = first.run is not None and second.run is not None
        origin = Origin.INFERRED if made else Origin.DECLARED
        with self.catalog.write("ann", NOW) as writer:
            if remove:
                writer.remove_edges([(first.key, second.key)], origin)
                self.model.edges.pop((origin, first.key, second.key), None)
            else:
                writer.add_edges([Edge(first.key, second.key, weight)], origin)
                self.model.edges[origin, first.key, second.key] = weight

    @precondition(lambda self: self.model.versions)
    @rule(at=pick, name=names)
    def move_alias(self, at: int, name: str) -> None:
        version = _at(list(self.model.versions.values()), at)
        if version.removed is not None:
            return
        asset = self.model.assets[version.asset]
        before = {v.key for v in self.model.of_asset(version.asset) if name in v.aliases}
        with self.catalog.write("ann", NOW) as writer:
            previous = writer.set_alias(asset.id, name, version.key)
            self.model.position = writer.position()
        assert before == ({previous} - {None})
        for key in before:
            self._relabel(key, set(self.model.versions[key].aliases) - {name})
        self._relabel(version.key, {*self.model.versions[version.key].aliases, name})

    @precondition(lambda self: self.model.versions)
    @rule(at=pick)
    def remove_version(self, at: int) -> None:
        version = _at(list(self.model.versions.values()), at)
        with self.catalog.write("ann", NOW) as writer:
            writer.remove_version(version.key)
            self.model.position = writer.position()
        self.model.versions[version.key] = replace(version, removed=NOW, aliases=())

    def _relabel(self, key: VersionKey, aliases: set[str]) -> None:
        version = self.model.versions[key]
        self.model.versions[key] = replace(version, aliases=tuple(sorted(aliases)))

    @invariant()
    def versions_agree(self) -> None:
        with self.catalog.read() as reader:
            assert reader.get_versions(self.model.versions) == self.model.versions
            assert reader.position() == self.model.position
            for name in self.model.assets:
                newest_first = self.model.of_asset(name)[::-1]
                assert reader.list_versions(name, removed=True) == newest_first
                kept = [version for version in newest_first if version.removed is None]
                assert reader.list_versions(name) == kept
                assert reader.aliases(name) == {
                    alias: version.key for version in kept for alias in version.aliases
                }

    @invariant()
    def graphs_agree(self) -> None:
        with self.catalog.read() as reader:
            stored = reader.edges_from(self.model.versions)
            assert {(e.origin, e.newer, e.older): e.weight for e in stored} == self.model.edges
            assert sorted(map(repr, reader.edges_to(self.model.versions))) == sorted(
                map(repr, stored)
            )
            for asset in self.model.assets.values():
                self._tuples_agree(reader, asset)
            for kind in (Kind.ALGORITHM, Kind.MODEL):
                keys = [
                    version.key
                    for version in self.model.versions.values()
                    if version.asset.kind is kind and version.run is None
                ]
                found, edges = reader.uploaded_graph(kind)
                assert found == keys
                assert edges == [
                    Edge(newer, older, weight)
                    for (origin, newer, older), weight in sorted(self.model.edges.items())
                    if origin is Origin.DECLARED and newer in keys and older in keys
                ]

    def _tuples_agree(self, reader: CatalogReader, asset: Asset) -> None:
        made = [v for v in self.model.of_asset(asset.name) if v.run is not None]
        tuples = [(v.key, self.model.runs[v.run]) for v in made if v.run is not None]
        assert reader.provenance_tuples(asset.id) == tuples
        assert reader.inferred_edges(asset.id) == [
            Edge(newer, older, weight)
            for (origin, newer, older), weight in sorted(self.model.edges.items())
            if origin is Origin.INFERRED and newer in dict(tuples)
        ]
        consumers = {
            v.asset
            for v in self.model.versions.values()
            if v.run is not None
            for used in self.model.runs[v.run].values()
            if self.model.versions[used].asset == asset.name
        }
        found = reader.get_assets(reader.consumers([asset.id]))
        assert {item.name for item in found.values()} == consumers


def _at(items: list[T], number: int) -> T:
    return items[number % len(items)]
