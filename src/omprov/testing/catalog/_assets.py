"""What projects and assets must do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from omprov.catalog import ChangeKind
from omprov.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from omprov.records import (
    AssetId,
    AssetName,
    Kind,
    Missing,
    Policy,
    Treatment,
)

if TYPE_CHECKING:
    from omprov.catalog import Catalog, CatalogReader

from ._scene import NASTY, NOW, NeedsCatalog, Scene, upload


class AssetContract(NeedsCatalog):
    """What projects and assets must do."""

    def test_a_project_is_found_by_name(self, catalog: Catalog) -> None:
        with catalog.write("ann", NOW) as writer:
            added = [writer.add_project(name) for name in ("vision", "default")]
        with catalog.read() as reader:
            assert reader.find_project("vision") == added[0]
            assert reader.find_project("other") is None
            assert reader.list_projects() == added[::-1]

    def test_a_taken_name_is_refused(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.write("ann", NOW) as writer, pytest.raises(AlreadyExists):
            writer.add_project("default")
        with catalog.write("ann", NOW) as writer, pytest.raises(AlreadyExists):
            writer.add_asset(scene.model.name)
        assert catalog.check() == []

    def test_an_asset_needs_its_project_and_a_name(self, catalog: Catalog) -> None:
        with catalog.write("ann", NOW) as writer, pytest.raises(NotFound, match="project"):
            writer.add_asset(AssetName("nowhere", Kind.MODEL, "net"))
        with catalog.write("ann", NOW) as writer, pytest.raises(InvalidInput):
            writer.add_asset(AssetName("default", Kind.MODEL, "No Name"))

    @pytest.mark.usefixtures("scene")
    def test_an_asset_comes_back_whole(self, catalog: Catalog) -> None:
        policy = Policy({"dataset": Treatment.FREE}, Missing.OLDEST)
        name = AssetName("default", Kind.PARAMS, "p.1_x-2")
        with catalog.write("ann", NOW) as writer:
            added = writer.add_asset(name, description=NASTY, policy=policy, measure="keys")
            writer.set_tags(added.id, {"team": NASTY, NASTY: "x"})
        whole = replace(added, tags={"team": NASTY, NASTY: "x"})
        with catalog.read() as reader:
            assert reader.find_asset(name) == whole
            assert reader.get_assets([added.id, AssetId("no")]) == {added.id: whole}
            assert reader.find_asset(replace_name(name, "other")) is None
        assert whole.creator == "ann"
        assert whole.policy == policy

    @pytest.mark.usefixtures("scene")
    def test_assets_are_listed_by_the_parts_of_their_names(self, catalog: Catalog) -> None:
        with catalog.write("ann", NOW) as writer:
            writer.add_project("vision")
            other = writer.add_asset(AssetName("vision", Kind.MODEL, "net"))

        def names(reader: CatalogReader, **parts: str) -> list[str]:
            return [str(found.name) for found in reader.list_assets(**parts)]  # type: ignore[arg-type]

        with catalog.read() as reader:
            everything = ["algorithm/net", "dataset/digits", "model/net", "vision/model/net"]
            assert names(reader) == everything
            assert names(reader, project="vision") == [str(other.name)]
            assert names(reader, kind=Kind.MODEL) == everything[2:]
            assert names(reader, name="net", project="default") == ["algorithm/net", "model/net"]
            assert names(reader, name="nothing") == []

    def test_an_asset_can_be_changed(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.write("ann", NOW) as writer:
            start = writer.position()
            changed = writer.set_asset(scene.model.id, description="new", measure="tensors")
            assert writer.set_asset(scene.model.id) == changed
            again = writer.set_asset(scene.model.id, policy=Policy())
            kinds = [row.kind for row in writer.iter_feed(start)]
        assert kinds == [ChangeKind.ASSET, ChangeKind.POLICY]
        assert changed == replace(scene.model, description="new", measure="tensors")
        assert again == replace(changed, policy=Policy())
        with catalog.write("ann", NOW) as writer, pytest.raises(NotFound):
            writer.set_asset(AssetId("nothing"), description="x")

    def test_a_removed_asset_keeps_its_history(self, catalog: Catalog, scene: Scene) -> None:
        later = NOW + timedelta(days=1)
        with catalog.write("ann", NOW) as writer:
            writer.set_alias(scene.algorithm.id, "best", scene.steps[0].key)
        with catalog.write("ann", later) as writer:
            writer.remove_asset(scene.algorithm.id)
            position = writer.position()
            writer.remove_asset(scene.algorithm.id)
            assert writer.position() == position
        with catalog.read() as reader:
            found = reader.find_asset(scene.algorithm.name)
            assert found is not None
            assert found.removed == later
            assert scene.algorithm.id not in {item.id for item in reader.list_assets()}
            assert scene.algorithm.id in {item.id for item in reader.list_assets(removed=True)}
            step = reader.get_versions([scene.steps[0].key])[scene.steps[0].key]
            assert (step.removed, step.aliases) == (later, ())
            assert reader.edges_from([scene.steps[1].key])
            assert {key for _, key in reader.digests()} == {scene.data.key}
        with catalog.write("ann", NOW) as writer, pytest.raises(Conflict):
            upload(writer, scene.algorithm)
        with catalog.write("ann", NOW) as writer, pytest.raises(AlreadyExists, match="removed"):
            writer.add_asset(scene.algorithm.name)
        assert catalog.check() == []


def replace_name(name: AssetName, other: str) -> AssetName:
    """Give the same project and kind with another name."""
    return replace(name, name=other)
