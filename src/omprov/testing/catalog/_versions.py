"""What versions, their aliases and their tags must do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from omprov.catalog import ChangeKind
from omprov.errors import InvalidInput, NotFound
from omprov.records import (
    AssetId,
    AssetName,
    Digest,
    Kind,
    RunId,
    VersionId,
    VersionKey,
)

if TYPE_CHECKING:
    from omprov.catalog import Catalog

from ._scene import NASTY, NOW, NeedsCatalog, Scene, produce, upload


class VersionContract(NeedsCatalog):
    """What versions, their aliases and their tags must do."""

    def test_versions_are_numbered_from_1_and_keys_rise(self, scene: Scene) -> None:
        assert [step.number for step in scene.steps] == [1, 2, 3]
        assert scene.data.number == scene.made.number == 1
        keys = [step.key for step in scene.steps] + [scene.data.key, scene.made.key]
        assert keys == sorted(keys)
        assert scene.made.reference == "model/net:v1"

    def test_a_failed_version_leaves_no_gap(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.write("ann", NOW) as writer, pytest.raises(NotFound, match="run"):
            writer.add_version(scene.model.id, digest=None, run=RunId("none"), feed={})
        with catalog.write("ann", NOW) as writer, pytest.raises(InvalidInput):
            writer.add_version(scene.model.id, digest=Digest("abc"), feed={})
        with catalog.write("ann", NOW) as writer:
            assert upload(writer, scene.model).number == 2
        with catalog.write("ann", NOW) as writer, pytest.raises(NotFound, match="asset"):
            writer.add_version(AssetId("none"), digest=None, feed={})

    def test_a_version_comes_back_whole(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.write(NASTY, NOW) as writer:
            added = writer.add_version(
                scene.model.id,
                digest=Digest("0123456789abcdef" * 4),
                size=2**40,
                files=3,
                message=NASTY,
                run=scene.run,
                source={"uri": NASTY, "bytes": "\udcff\0", "nested": [1, None, 2.5]},
                feed={},
            )
            writer.set_alias(scene.model.id, "champion", added.key)
            writer.set_alias(scene.model.id, "best", added.key)
            writer.set_tags(added.id, {"stage": NASTY})
        whole = replace(added, aliases=("best", "champion"), tags={"stage": NASTY})
        with catalog.read() as reader:
            assert reader.get_versions([added.key]) == {added.key: whole}
            assert reader.find_version_by_id(added.id) == whole
            assert reader.find_version(scene.model.name, 2) == whole
            assert reader.find_version_by_alias(scene.model.name, "best") == whole
            assert reader.find_versions_by_digest(scene.model.name, "0123") == [whole]
            assert reader.list_versions(scene.model.name, limit=1) == [whole]
        assert whole.creator == NASTY
        assert whole.run == scene.run

    def test_versions_are_found_across_assets_by_content_and_by_kind(
        self, catalog: Catalog, scene: Scene
    ) -> None:
        with catalog.write("ann", NOW) as writer:
            writer.add_project("other")
            foreign = writer.add_asset(AssetName("other", Kind.DATASET, "digits"))
            copies = writer.add_asset(AssetName("default", Kind.DATASET, "copies"))
            upload(writer, foreign, "cc" * 32)
            copy = upload(writer, copies, "cc" * 32)
            gone = upload(writer, copies, "cc" * 32)
            writer.remove_version(gone.key)
        with catalog.read() as reader:
            assert reader.find_holders("default", Digest("cc" * 32)) == [copy, scene.data]
            assert reader.find_holders("default", Digest("dd" * 32)) == []
            assert reader.newest_of_kind("default", Kind.DATASET, 9) == [copy, scene.data]
            assert reader.newest_of_kind("default", Kind.DATASET, 1) == [copy]
            assert reader.newest_of_kind("default", Kind.MODEL, 9) == [scene.made]
            assert reader.newest_of_kind("nobody", Kind.MODEL, 9) == []

    def test_what_does_not_exist_is_not_found(self, catalog: Catalog, scene: Scene) -> None:
        nothing = AssetName("default", Kind.MODEL, "nothing")
        with catalog.read() as reader:
            assert reader.get_versions([]) == {}
            assert reader.get_versions([VersionKey(999)]) == {}
            assert reader.find_version_by_id(VersionId("no")) is None
            assert reader.find_version(scene.model.name, 9) is None
            assert reader.find_version(scene.model.name, 0) is None
            assert reader.find_version(scene.model.name, 10**30) is None
            assert reader.find_version(nothing, 1) is None
            assert reader.find_version_by_alias(scene.model.name, "no") is None
            assert reader.list_versions(nothing) == []
            assert reader.count_versions(nothing) == 0
            assert reader.aliases(nothing) == {}
            assert reader.edges_of(nothing) == []
            assert reader.producing_tuple(VersionKey(999)) is None
            assert reader.find_run(RunId("no")) is None
            assert reader.find_runs_by_prefix("zz%") == []
            assert reader.find_runs_by_prefix("") == []
            assert reader.run_links([RunId("no")]) == {}
            assert reader.metric_points(RunId("no"), "loss") == []
            assert reader.find_snapshot("no") is None

    def test_versions_are_found_by_the_beginning_of_their_digest(
        self, catalog: Catalog, scene: Scene
    ) -> None:
        first, second, third = (step.key for step in scene.steps)

        def found(prefix: str) -> list[VersionKey]:
            versions = reader.find_versions_by_digest(scene.algorithm.name, prefix)
            return [version.key for version in versions]

        with catalog.read() as reader:
            assert found("a") == [second, first]
            assert found("ab") == [second]
            assert found("bb" * 32) == [third]
            assert found("c") == []
            for bad in ("", "AB", "%", "a" * 65, "xyz"):
                with pytest.raises(InvalidInput):
                    found(bad)

    def test_versions_are_paged_newest_first(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.write("ann", NOW) as writer:
            for _ in range(30):
                upload(writer, scene.model)
        pages: list[list[int]] = []
        below: int | None = None
        with catalog.read() as reader:
            while page := reader.list_versions(scene.model.name, limit=8, below=below):
                pages.append([version.number for version in page])
                below = pages[-1][-1]
            assert reader.count_versions(scene.model.name) == 31
        assert [len(page) for page in pages] == [8, 8, 8, 7]
        assert [number for page in pages for number in page] == list(range(31, 0, -1))

    def test_many_versions_come_in_one_call(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.write("ann", NOW) as writer:
            added = [upload(writer, scene.dataset) for _ in range(1203)]
            writer.set_tags(added[-1].id, {"last": "one"})
        with catalog.read() as reader:
            found = reader.get_versions([version.key for version in added] * 2)
            assert list(found.values())[:-1] == added[:-1]
            assert found[added[-1].key].tags == {"last": "one"}

    def test_a_removed_version_leaves_a_tombstone(self, catalog: Catalog, scene: Scene) -> None:
        second = scene.steps[1]
        with catalog.write("ann", NOW) as writer:
            writer.set_alias(scene.algorithm.id, "best", second.key)
            start = writer.position()
            writer.remove_version(second.key)
            writer.remove_version(second.key)
            rows = list(writer.iter_feed(start))
        dropped = {"alias": "best", "version": None, "previous": second.key}
        assert [(row.kind, row.version, row.data) for row in rows] == [
            (ChangeKind.ALIAS, None, dropped),
            (ChangeKind.REMOVED, second.key, {"version": second.id}),
        ]
        with catalog.read() as reader:
            name = scene.algorithm.name
            assert reader.get_versions([second.key])[second.key].removed == NOW
            assert [v.number for v in reader.list_versions(name)] == [3, 1]
            assert [v.number for v in reader.list_versions(name, removed=True)] == [3, 2, 1]
            assert reader.count_versions(name) == 2
            assert reader.find_versions_by_digest(name, "ab") == []
            assert reader.aliases(name) == {}
            assert len(reader.edges_of(name)) == 2
            assert second.key in reader.uploaded_graph(Kind.ALGORITHM)[0]
            assert (second.digest, second.key) not in list(reader.digests())
        with catalog.write("ann", NOW) as writer:
            assert upload(writer, scene.algorithm).number == 4
        with catalog.write("ann", NOW) as writer, pytest.raises(NotFound):
            writer.remove_version(VersionKey(999))
        assert catalog.check() == []

    def test_contents_are_told_with_their_assets(self, catalog: Catalog, scene: Scene) -> None:
        first, second, third = scene.steps
        with catalog.write("ann", NOW) as writer:
            assert list(writer.removed_inputs()) == []
            writer.remove_version(second.key)
            assert list(writer.removed_inputs()) == []  # no run used it
            writer.remove_version(third.key)
            produce(writer, scene.model, {"code": third.key, "dataset": scene.data.key})
        with catalog.read() as reader:
            assert list(reader.contents()) == [
                (scene.algorithm.id, first.digest, first.size),
                (scene.dataset.id, scene.data.digest, scene.data.size),
                (scene.model.id, None, 0),
                (scene.model.id, None, 0),
            ]
            assert sorted(reader.removed_inputs()) == [
                (third.digest, "algorithm", scene.model.id),
                (third.digest, "code", scene.model.id),
            ]

    def test_an_alias_moves_and_goes(self, catalog: Catalog, scene: Scene) -> None:
        first, second, _ = (step.key for step in scene.steps)
        asset = scene.algorithm
        with catalog.write("ann", NOW) as writer:
            start = writer.position()
            assert writer.set_alias(asset.id, "best", first) is None
            assert writer.set_alias(asset.id, "best", second) == first
            assert writer.set_alias(asset.id, "best", second) == second
            assert writer.set_alias(asset.id, "also", second) is None
            assert writer.aliases(asset.name) == {"also": second, "best": second}
            assert writer.set_alias(asset.id, "best", None) == second
            assert writer.set_alias(asset.id, "best", None) is None
            told = [row.data for row in writer.iter_feed(start) if row.data["alias"] == "best"]
        assert told == [
            {"alias": "best", "version": first, "previous": None},
            {"alias": "best", "version": second, "previous": first},
            {"alias": "best", "version": None, "previous": second},
        ]
        with catalog.read() as reader:
            assert reader.aliases(asset.name) == {"also": second}
            assert reader.find_version_by_alias(asset.name, "best") is None

    def test_an_alias_points_within_its_asset(self, catalog: Catalog, scene: Scene) -> None:
        asset = scene.algorithm.id
        with catalog.write("ann", NOW) as writer:
            writer.remove_version(scene.steps[0].key)
            for name, key in (
                ("best", scene.data.key),
                ("best", scene.steps[0].key),
                ("latest", scene.steps[1].key),
                ("v3", scene.steps[1].key),
                ("Not A Name", scene.steps[1].key),
            ):
                with pytest.raises(InvalidInput):
                    writer.set_alias(asset, name, key)
            with pytest.raises(NotFound):
                writer.set_alias(asset, "best", VersionKey(999))
            with pytest.raises(NotFound):
                writer.set_alias(AssetId("none"), "best", scene.steps[1].key)

    def test_tags_are_set_renewed_and_removed(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.write("ann", NOW) as writer:
            for target in (scene.model.id, scene.made.id, scene.run):
                writer.set_tags(target, {"a": "1", "b": "2", "gone": "x"})
                writer.set_tags(target, {"b": "3", "gone": None, "never": None})
            with pytest.raises(NotFound):
                writer.set_tags(RunId("nothing"), {"a": "1"})
        with catalog.read() as reader:
            model, run = reader.find_asset(scene.model.name), reader.find_run(scene.run)
            assert model is not None
            assert run is not None
            version = run.outputs["model"]
            assert model.tags == version.tags == run.tags == {"a": "1", "b": "3"}
