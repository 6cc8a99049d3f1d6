"""What edges, and the reads that graphs are built from, must do."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from omprov.errors import InvalidInput
from omprov.records import (
    AssetName,
    Change,
    Difference,
    Edge,
    Kind,
    Origin,
    VersionKey,
)

if TYPE_CHECKING:
    from omprov.catalog import Catalog

from ._scene import NASTY, NOW, NeedsCatalog, Scene, produce, upload


class EdgeContract(NeedsCatalog):
    """What edges, and the reads that graphs are built from, must do."""

    def test_edges_are_read_from_either_end(self, catalog: Catalog, scene: Scene) -> None:
        first, second, third = (step.key for step in scene.steps)
        with catalog.read() as reader:
            (newer,) = reader.edges_from([second, VersionKey(999)])
            (older,) = reader.edges_to([first])
            assert newer == older
            assert (newer.newer, newer.older, newer.weight) == (second, first, 0.25)
            assert newer.origin is Origin.DECLARED
            both = reader.edges_of(scene.algorithm.name)
            assert [(edge.newer, edge.older) for edge in both] == [(second, first), (third, second)]
            assert reader.edges_from([]) == []

    def test_an_edge_keeps_its_evidence_until_it_is_renewed(
        self, catalog: Catalog, scene: Scene
    ) -> None:
        first, _, third = (step.key for step in scene.steps)
        change = Change("a/<b>.py", "changed", counts={"deleted": 3}, old=[1], new=None)
        evidence = Difference("words", 5.0, 20.0, {"common": 15}, (change,), 1, False, NASTY)
        edge = Edge(third, first, 0.25)
        with catalog.write("ann", NOW) as writer:
            writer.add_edges([edge], Origin.DECLARED, {(third, first): evidence})
            stored = [found for found in writer.edges_to([first]) if found.newer == third]
            assert [found.difference for found in stored] == [evidence]
            writer.add_edges([edge._replace(weight=0.1)], Origin.DECLARED)
            stored = [found for found in writer.edges_to([first]) if found.newer == third]
            assert [(found.weight, found.difference) for found in stored] == [(0.1, None)]
            writer.add_edges([edge], Origin.DECLARED, {(third, first): evidence})
            writer.remove_edges([(third, first), (third, VersionKey(99))], Origin.DECLARED)
            assert [found.newer for found in writer.edges_to([first])] == [scene.steps[1].key]
        assert catalog.check() == []

    def test_declared_and_inferred_edges_are_kept_apart(
        self, catalog: Catalog, scene: Scene
    ) -> None:
        with catalog.write("ann", NOW) as writer:
            inputs = {"algorithm": scene.steps[2].key}
            made = [produce(writer, scene.model, inputs)[1].key for _ in range(2)]
            edge = Edge(made[1], made[0], None)
            writer.add_edges([edge], Origin.INFERRED)
            writer.add_edges([edge._replace(weight=0.5)], Origin.DECLARED)
            writer.add_edges([], Origin.INFERRED)
            assert [(e.origin, e.weight) for e in writer.edges_from([made[1]])] == [
                (Origin.DECLARED, 0.5),
                (Origin.INFERRED, None),
            ]
            writer.set_weights([edge._replace(weight=0.75)], Origin.INFERRED)
            assert writer.inferred_edges(scene.model.id) == [Edge(made[1], made[0], 0.75)]
            writer.remove_edges([(made[1], made[0])], Origin.INFERRED)
            assert writer.inferred_edges(scene.model.id) == []
            assert [e.origin for e in writer.edges_from([made[1]])] == [Origin.DECLARED]
        assert catalog.check() == []

    @pytest.mark.parametrize("weight", [-0.5, math.nan, math.inf])
    def test_a_weight_is_a_finite_number_from_0_on(
        self, catalog: Catalog, scene: Scene, weight: float
    ) -> None:
        edge = Edge(scene.steps[2].key, scene.steps[0].key, weight)
        with catalog.write("ann", NOW) as writer, pytest.raises(InvalidInput):
            writer.add_edges([edge], Origin.DECLARED)
        with catalog.write("ann", NOW) as writer, pytest.raises(InvalidInput):
            writer.set_weights([edge], Origin.DECLARED)

    def test_an_edge_needs_two_ends_that_exist(self, catalog: Catalog, scene: Scene) -> None:
        key = scene.steps[0].key
        with catalog.write("ann", NOW) as writer, pytest.raises(InvalidInput):
            writer.add_edges([Edge(key, key, 0.0)], Origin.DECLARED)
        with pytest.raises(InvalidInput), catalog.write("ann", NOW) as writer:
            writer.add_edges([Edge(key, VersionKey(999), 0.0)], Origin.DECLARED)

    def test_the_uploaded_graph_holds_one_kind_and_no_products(
        self, catalog: Catalog, scene: Scene
    ) -> None:
        first, second, third = (step.key for step in scene.steps)
        with catalog.write("ann", NOW) as writer:
            fork = writer.add_asset(AssetName("default", Kind.ALGORITHM, "fork"))
            forked = upload(writer, fork, parents={second: 0.0}).key
            loose = upload(writer, scene.model, parents={scene.made.key: 0.3}).key
        with catalog.read() as reader:
            keys, edges = reader.uploaded_graph(Kind.ALGORITHM)
            assert keys == [first, second, third, forked]
            assert edges == [
                Edge(second, first, 0.25),
                Edge(third, second, 0.5),
                Edge(forked, second, 0.0),
            ]
            assert reader.uploaded_graph(Kind.MODEL) == ([loose], [])
            assert reader.uploaded_graph(Kind.FILE) == ([], [])

    def test_provenance_tuples_hold_every_product(self, catalog: Catalog, scene: Scene) -> None:
        first, _, third = (step.key for step in scene.steps)
        with catalog.write("ann", NOW) as writer:
            _, bare = produce(writer, scene.model, {})
            _, full = produce(writer, scene.model, {"algorithm": first, "base_model": bare.key})
            upload(writer, scene.model)
        with catalog.read() as reader:
            assert reader.provenance_tuples(scene.model.id) == [
                (scene.made.key, {"algorithm": third, "dataset": scene.data.key}),
                (bare.key, {}),
                (full.key, {"algorithm": first, "base_model": bare.key}),
            ]
            assert reader.producing_tuple(bare.key) == {}
            assert reader.producing_tuple(full.key) == {"algorithm": first, "base_model": bare.key}
            assert reader.producing_tuple(first) is None
            assert reader.provenance_tuples(scene.dataset.id) == []
            assert reader.consumers([scene.dataset.id]) == [scene.model.id]
            assert reader.consumers([scene.model.id, scene.algorithm.id]) == [scene.model.id]
            assert reader.consumers([]) == []

    def test_the_sources_of_the_inputs_are_told_by_role(
        self, catalog: Catalog, scene: Scene
    ) -> None:
        with catalog.write("ann", NOW) as writer:
            produce(writer, scene.model, {"base_model": scene.made.key})
        with catalog.read() as reader:
            assert sorted(reader.input_sources(scene.model.id)) == [
                ("algorithm", Kind.ALGORITHM, None),
                ("base_model", Kind.MODEL, scene.model.id),
                ("dataset", Kind.DATASET, None),
            ]
            assert reader.input_sources(scene.dataset.id) == []

    def test_the_assets_that_runs_made_are_known(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.write("ann", NOW) as writer:
            upload(writer, writer.add_asset(AssetName("default", Kind.MODEL, "bought")))
            writer.remove_asset(scene.model.id)
        with catalog.read() as reader:
            assert [found.id for found in reader.output_assets()] == [scene.model.id]
