"""What transactions, the feed and the audit must do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from omprov.catalog import ChangeKind
from omprov.errors import InvalidInput

if TYPE_CHECKING:
    from omprov.catalog import Catalog

from ._scene import NOW, NeedsCatalog, Scene, upload


class TransactionContract(NeedsCatalog):
    """What transactions, the feed and the audit must do."""

    def test_an_empty_catalog_is_sound_and_stands_at_position_0(self, catalog: Catalog) -> None:
        with catalog.read() as reader:
            assert reader.position() == 0
            assert reader.list_projects() == []
            assert list(reader.iter_feed(0)) == []
        assert catalog.check() == []

    def test_what_a_block_wrote_is_gone_when_it_raises(self, catalog: Catalog) -> None:
        def fail_in_the_middle() -> None:
            with catalog.write("ann", NOW) as writer:
                writer.add_project("default")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail_in_the_middle()
        with catalog.read() as reader:
            assert reader.find_project("default") is None
            assert reader.position() == 0
            assert reader.list_audit() == []
        with catalog.write("ann", NOW) as writer:
            writer.add_project("default")

    def test_nothing_is_visible_before_the_commit(self, catalog: Catalog) -> None:
        with catalog.write("ann", NOW) as writer:
            writer.add_project("default")
            with catalog.read() as reader:
                assert reader.list_projects() == []
            assert [found.name for found in writer.list_projects()] == ["default"]
            assert [row.kind for row in writer.iter_feed(0)] == [ChangeKind.PROJECT]
            assert [row.action for row in writer.list_audit()] == ["project.add"]

    def test_a_view_stays_as_it_was_at_its_first_read(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.read() as reader:
            before = reader.position()
            with catalog.write("bob", NOW) as writer:
                upload(writer, scene.algorithm)
            assert reader.position() == before
            assert reader.count_versions(scene.algorithm.name) == 3
        with catalog.read() as reader:
            assert reader.count_versions(scene.algorithm.name) == 4

    def test_a_time_without_a_zone_is_refused(self, catalog: Catalog) -> None:
        naive = NOW.replace(tzinfo=None)
        with pytest.raises(InvalidInput, match="time zone"), catalog.write("ann", naive):
            pass

    def test_the_feed_tells_every_change_in_order(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.read() as reader:
            rows = list(reader.iter_feed(0))
            assert reader.position() == len(rows)
        assert [row.position for row in rows] == list(range(1, len(rows) + 1))
        assert {row.time for row in rows} == {NOW}
        told = [row for row in rows if row.version == scene.steps[1].key]
        assert [(row.kind, row.asset, row.data) for row in told] == [
            (
                ChangeKind.UPLOADED,
                scene.algorithm.id,
                {"parents": [[scene.steps[0].key, 0.25]]},
            )
        ]
        made = [row for row in rows if row.kind is ChangeKind.PRODUCED]
        assert [row.data for row in made] == [
            {"tuple": {"algorithm": scene.steps[2].key, "dataset": scene.data.key}}
        ]

    @pytest.mark.usefixtures("scene")
    def test_the_feed_can_be_read_from_anywhere_and_in_parts(self, catalog: Catalog) -> None:
        with catalog.read() as reader:
            whole = list(reader.iter_feed(0))
            assert list(reader.iter_feed(3)) == whole[3:]
            assert list(reader.iter_feed(3, limit=2)) == whole[3:5]
            assert list(reader.iter_feed(len(whole))) == []
            assert list(reader.iter_feed(0, limit=0)) == []

    def test_a_long_feed_is_read_whole(self, catalog: Catalog) -> None:
        with catalog.write("ann", NOW) as writer:
            for number in range(2500):
                writer.append_feed(ChangeKind.EDGE, data={"number": number})
        with catalog.read() as reader:
            assert [row.data["number"] for row in reader.iter_feed(0)] == list(range(2500))
            assert len(list(reader.iter_feed(0, limit=1500))) == 1500

    @pytest.mark.usefixtures("scene")
    def test_the_audit_says_who_did_what(self, catalog: Catalog) -> None:
        with catalog.write("bob", NOW + timedelta(hours=1)) as writer:
            writer.add_audit("repository.gc", "content", {"freed": 7})
        with catalog.read() as reader:
            newest, previous, *_ = reader.list_audit()
            assert len(reader.list_audit(limit=2)) == 2
        assert (newest.who, newest.action, newest.target) == ("bob", "repository.gc", "content")
        assert newest.time == NOW + timedelta(hours=1)
        assert newest.detail == {"freed": 7}
        assert (previous.who, previous.action) == ("ann", "run.output")

    def test_text_and_values_that_cannot_be_kept_are_refused(
        self, catalog: Catalog, scene: Scene
    ) -> None:
        for bad in ("a\0b", "a\udcffb"):
            with pytest.raises(InvalidInput), catalog.write("ann", NOW) as writer:
                writer.set_asset(scene.model.id, description=bad)
        with pytest.raises(InvalidInput), catalog.write("ann", NOW) as writer:
            writer.set_run(scene.run, params={"x": object()})
        with catalog.read() as reader:
            assert reader.find_asset(scene.model.name) == scene.model
        assert catalog.check() == []

    @pytest.mark.usefixtures("scene")
    def test_a_snapshot_is_kept_and_replaced(self, catalog: Catalog) -> None:
        with catalog.read() as reader:
            position = reader.position()
        catalog.store_snapshot("algorithm", 3, b"\0old")
        catalog.store_snapshot("algorithm", 7, b"\xff" * 100_000)
        catalog.store_snapshot("model", 1, b"")
        with catalog.read() as reader:
            assert reader.find_snapshot("algorithm") == (7, b"\xff" * 100_000)
            assert reader.find_snapshot("model") == (1, b"")
            assert reader.position() == position
