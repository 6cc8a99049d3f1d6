"""What runs and their metrics must do."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from omprov.errors import AlreadyExists, InvalidInput, NotFound
from omprov.records import (
    Digest,
    RunId,
    RunStatus,
    VersionKey,
)

if TYPE_CHECKING:
    from omprov.catalog import Catalog, CatalogWriter

from ._scene import NASTY, NOW, NeedsCatalog, Scene, produce


class RunContract(NeedsCatalog):
    """What runs and their metrics must do."""

    def test_a_run_comes_back_whole(self, catalog: Catalog, scene: Scene) -> None:
        params = {"lr": 0.1, "deep": {"x": [1, None]}, NASTY: NASTY, "none": None, "nan": math.inf}
        with catalog.write(NASTY, NOW) as writer:
            id = writer.add_run(  # noqa: A001 the field's name
                project="default",
                name=NASTY,
                status=RunStatus.RUNNING,
                started=NOW,
                inputs={"algorithm": scene.steps[0].key, NASTY: scene.data.key},
                params=params,
                metrics={"accuracy": 0.5, NASTY: math.inf},
                command=("python", NASTY, "\udcff"),
                message=NASTY,
                source={"host": NASTY},
                tags={NASTY: NASTY},
            )
            made = writer.add_version(scene.model.id, digest=None, run=id, feed={})
            writer.add_run_output(id, "model", made.key)
            writer.add_run_input(id, "late", scene.steps[1].key)
            writer.add_run_input(id, "late", scene.steps[1].key)
        with catalog.read() as reader:
            run = reader.find_run(id)
        assert run is not None
        assert run.inputs == {
            "algorithm": scene.steps[0],
            "late": scene.steps[1],
            NASTY: scene.data,
        }
        assert run.outputs == {"model": made}
        assert run.params == params
        assert run.metrics == {"accuracy": 0.5, NASTY: math.inf}
        assert run.command == ("python", NASTY, "\udcff")
        assert (run.name, run.creator, run.message) == (NASTY, NASTY, NASTY)
        assert (run.source, run.tags) == ({"host": NASTY}, {NASTY: NASTY})
        assert (run.status, run.started, run.ended) == (RunStatus.RUNNING, NOW, None)
        assert (run.project, run.exit_status) == ("default", None)
        assert catalog.check() == []

    @pytest.mark.usefixtures("scene")
    def test_a_run_is_brought_to_its_end(self, catalog: Catalog) -> None:
        with catalog.write("ann", NOW) as writer:
            id = writer.add_run(  # noqa: A001 the field's name
                project="default",
                name="r",
                status=RunStatus.RUNNING,
                started=NOW,
                inputs={},
                params={"lr": 0.1, "kept": 1},
                source={"host": "a", "pid": 1},
            )
            writer.set_run(id)
            writer.set_run(
                id,
                status=RunStatus.FAILED,
                ended=NOW + timedelta(microseconds=1),
                exit_status=0,
                params={"lr": 0.2, "new": []},
                source={"pid": 2},
            )
            run = writer.find_run(id)
            with pytest.raises(NotFound):
                writer.set_run(RunId("none"), exit_status=1)
        assert run is not None
        assert (run.status, run.exit_status) == (RunStatus.FAILED, 0)
        assert run.ended == NOW + timedelta(microseconds=1)
        assert run.params == {"lr": 0.2, "kept": 1, "new": []}
        assert run.source == {"host": "a", "pid": 2}

    def test_a_run_goes_on_after_its_end(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.write("ann", NOW) as writer:
            writer.set_run(scene.run, status=RunStatus.FAILED, ended=NOW, message="once")
            writer.set_run(scene.run, status=RunStatus.RUNNING, message="more", command=("a", "b"))
            run = writer.find_run(scene.run)
        assert run is not None
        assert (run.status, run.ended, run.message) == (RunStatus.RUNNING, None, "more")
        assert run.command == ("a", "b")

    def test_a_run_may_bring_its_id_and_its_parent(self, catalog: Catalog, scene: Scene) -> None:
        made = RunId("01900000-0000-7000-8000-000000000001")

        def add(writer: CatalogWriter, *, id: RunId | None = None, parent: RunId) -> RunId:
            return writer.add_run(
                project="default",
                name="r",
                status=RunStatus.RUNNING,
                started=NOW,
                inputs={},
                id=id,
                parent=parent,
            )

        with catalog.write("ann", NOW) as writer:
            assert add(writer, id=made, parent=scene.run) == made
        with catalog.read() as reader:
            child = reader.find_run(made)
            assert child is not None
            assert child.parent == scene.run
            assert reader.list_runs(parent=scene.run) == [child]
            assert reader.list_runs(parent=made) == []
        with catalog.write("ann", NOW) as writer, pytest.raises(AlreadyExists):
            add(writer, id=made, parent=scene.run)
        with catalog.write("ann", NOW) as writer:
            add(writer, parent=RunId("later"))
        assert catalog.check() == []

    def test_what_a_run_left_is_known(self, catalog: Catalog, scene: Scene) -> None:
        one, other = Digest("11" * 32), Digest("22" * 32)
        with catalog.write("ann", NOW) as writer:
            writer.add_run_files(scene.run, "files", other)
            writer.add_run_files(scene.run, "files", one)
            writer.add_run_files(scene.run, NASTY, other)
            with pytest.raises(NotFound):
                writer.add_run_files(RunId("none"), "files", one)
        with catalog.read() as reader:
            run = reader.find_run(scene.run)
            assert run is not None
            assert run.files == {"files": one, NASTY: other}
            assert sorted(reader.run_file_digests()) == [one, other]

    def test_how_much_of_a_journal_was_recorded_is_known(
        self, catalog: Catalog, scene: Scene
    ) -> None:
        with catalog.write("ann", NOW) as writer:
            writer.set_journal_positions(scene.run, {"a": 10, NASTY: 1 << 40})
            writer.set_journal_positions(scene.run, {"a": 20})
            writer.set_journal_positions(scene.run, {})
        with catalog.read() as reader:
            assert reader.journal_positions(scene.run) == {"a": 20, NASTY: 1 << 40}
            assert reader.journal_positions(RunId("none")) == {}
        with catalog.write("ann", NOW) as writer, pytest.raises(NotFound):
            writer.set_journal_positions(RunId("none"), {"a": 1})

    def test_a_role_is_taken_once(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.write("ann", NOW) as writer, pytest.raises(AlreadyExists):
            writer.add_run_input(scene.run, "dataset", scene.steps[0].key)
        with catalog.write("ann", NOW) as writer, pytest.raises(AlreadyExists):
            writer.add_run_output(scene.run, "model", scene.made.key)
        with catalog.write("ann", NOW) as writer, pytest.raises(NotFound):
            writer.add_run_input(RunId("none"), "dataset", scene.data.key)
        with pytest.raises(InvalidInput), catalog.write("ann", NOW) as writer:
            writer.add_run_input(scene.run, "other", VersionKey(999))

    @pytest.mark.usefixtures("scene")
    def test_a_run_needs_its_project(self, catalog: Catalog) -> None:
        with catalog.write("ann", NOW) as writer, pytest.raises(NotFound, match="project"):
            writer.add_run(project="no", name="r", status=RunStatus.RUNNING, started=NOW, inputs={})

    def test_runs_are_filtered_and_paged(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.write("ann", NOW) as writer:
            writer.add_project("vision")
            ids = [
                writer.add_run(
                    project="vision" if number % 3 == 0 else "default",
                    name=f"r{number % 2}",
                    status=RunStatus.FAILED if number % 5 == 0 else RunStatus.RUNNING,
                    started=NOW - timedelta(days=number),
                    inputs={"dataset": scene.data.key} if number % 4 == 0 else {},
                )
                for number in range(24)
            ]
        newest_first = ids[::-1]
        with catalog.read() as reader:

            def listed(**filters: object) -> list[RunId]:
                return [run.id for run in reader.list_runs(**filters)]  # type: ignore[arg-type]

            assert listed() == [*newest_first, scene.run]
            assert listed(limit=None) == [*newest_first, scene.run]
            assert listed(project="vision") == ids[0::3][::-1]
            assert listed(name="r1") == ids[1::2][::-1]
            assert listed(status=RunStatus.FAILED) == ids[0::5][::-1]
            assert listed(input=scene.data.key) == [*ids[0::4][::-1], scene.run]
            assert listed(output=scene.made.key) == [scene.run]
            assert listed(project="vision", name="r0", limit=2) == [ids[18], ids[12]]
            assert listed(project="nowhere") == []
            first = listed(limit=10)
            assert first + listed(limit=10, before=first[-1]) == newest_first[:20]
            with pytest.raises(NotFound):
                listed(before=RunId("none"))

    def test_runs_are_found_by_either_end_of_their_id(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.read() as reader:
            for prefix in (scene.run, scene.run[:13], scene.run[-12:], scene.run[-12:-4].upper()):
                assert [run.id for run in reader.find_runs_by_prefix(prefix)] == [scene.run]
        with catalog.write("ann", NOW) as writer:
            for _ in range(12):
                produce(writer, scene.model, {})
        with catalog.read() as reader:
            found = [run.id for run in reader.find_runs_by_prefix(scene.run[:8])]
            assert found == [run.id for run in reader.list_runs(limit=10)]

    def test_runs_are_read_by_their_ids(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.read() as reader:
            found = reader.find_run(scene.run)
            assert reader.get_runs([scene.run, scene.run, RunId("none")]) == {scene.run: found}
            assert reader.get_runs([]) == {}

    def test_runs_are_found_by_their_tags(self, catalog: Catalog, scene: Scene) -> None:
        del scene
        with catalog.write("ann", NOW) as writer:
            writer.add_project("other")

            def add(project: str, **tags: str) -> RunId:
                return writer.add_run(
                    project=project,
                    name="r",
                    status=RunStatus.SUCCEEDED,
                    started=NOW,
                    inputs={},
                    tags=tags,
                )

            add("default", key="a")
            latest = add("default", key="a")
            named = add("default", key=NASTY, other="a")
            add("other", key="b")
        with catalog.read() as reader:
            found = reader.find_tagged_runs("default", "key", ["a", NASTY, "b", "none"])
            assert found == {"a": latest, NASTY: named}
            assert reader.find_tagged_runs("default", "key", []) == {}

    def test_uses_and_links_are_read_in_bulk(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.write("ann", NOW) as writer:
            run, made = produce(
                writer, scene.model, {"dataset": scene.data.key, "dataset.val": scene.data.key}
            )
        with catalog.read() as reader:
            assert reader.runs_using([scene.data.key, scene.data.key]) == [
                (scene.run, "dataset", scene.data.key),
                (run, "dataset", scene.data.key),
                (run, "dataset.val", scene.data.key),
            ]
            assert reader.run_links([run, run]) == {
                run: (
                    {"dataset": scene.data.key, "dataset.val": scene.data.key},
                    {"model": made.key},
                )
            }

    def test_ten_thousand_points_come_back_in_order(self, catalog: Catalog, scene: Scene) -> None:
        points = [
            (f"m{number % 3}", number // 3, number / 7, NOW + timedelta(microseconds=number))
            for number in range(10_000)
        ]
        with catalog.write("ann", NOW) as writer:
            writer.add_metric_points(scene.run, reversed(points))
            writer.add_metric_points(scene.run, [])
        with catalog.read() as reader:
            for name in ("m0", "m1", "m2"):
                expected = [point[1:] for point in points if point[0] == name]
                assert reader.metric_points(scene.run, name) == expected
            run = reader.find_run(scene.run)
        assert run is not None
        assert run.metrics == {"m0": 9999 / 7, "m1": 9997 / 7, "m2": 9998 / 7}

    def test_the_last_value_is_that_of_the_highest_step(
        self, catalog: Catalog, scene: Scene
    ) -> None:
        with catalog.write("ann", NOW) as writer:
            writer.add_metric_points(scene.run, [("loss", 5, 0.5, NOW), (NASTY, 0, math.nan, NOW)])
        with catalog.write("ann", NOW) as writer:
            writer.add_metric_points(
                scene.run, [("loss", 3, 0.3, NOW + timedelta(days=1)), ("loss", -1, -math.inf, NOW)]
            )
            writer.add_metric_points(scene.run, [("tie", 1, 1.0, NOW), ("tie", 1, 2.0, NOW)])
            run = writer.find_run(scene.run)
            assert run is not None
            assert math.isnan(run.metrics[NASTY])
            assert run.metrics["loss"] == 0.5
            assert run.metrics["tie"] == 2.0
            assert [p[:2] for p in writer.metric_points(scene.run, "loss")] == [
                (-1, -math.inf),
                (3, 0.3),
                (5, 0.5),
            ]

    def test_points_need_a_run_and_times(self, catalog: Catalog, scene: Scene) -> None:
        with catalog.write("ann", NOW) as writer, pytest.raises(NotFound):
            writer.add_metric_points(RunId("none"), [("loss", 0, 0.1, NOW)])
        naive = NOW.replace(tzinfo=None)
        with pytest.raises(InvalidInput), catalog.write("ann", NOW) as writer:
            writer.add_metric_points(scene.run, [("loss", 0, 0.1, naive)])
        with pytest.raises(InvalidInput), catalog.write("ann", NOW) as writer:
            writer.add_metric_points(scene.run, [("loss", 2**63, 0.1, NOW)])
