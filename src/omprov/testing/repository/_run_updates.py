"""What recording runs bit by bit must do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from omprov.errors import Conflict, InvalidInput, NotFound
from omprov.records import RunId, RunStatus
from omprov.repository import (
    JOURNAL,
    MetricPoint,
    Output,
    RunBegin,
    RunEnd,
    RunUpdate,
    pin_content,
)

from ._needs import NeedsRepository

if TYPE_CHECKING:
    from omprov.records import Version
    from omprov.repository import Repository


NOW = datetime(2026, 1, 1, tzinfo=UTC)


ID = RunId("01900000-0000-7000-8000-000000000001")


BEGIN = RunBegin("train", NOW)


END = RunEnd(RunStatus.SUCCEEDED, NOW + timedelta(hours=1))


class RunUpdateContract(NeedsRepository):
    """What recording runs bit by bit must do."""

    @pytest.fixture
    def data(self, repo: Repository) -> Version:
        return repo.add_version("dataset/d", {"a": b"1"}).version

    def test_a_run_is_seen_while_it_runs(self, repo: Repository, data: Version) -> None:
        running = repo.update_run(
            ID,
            RunUpdate(
                begin=BEGIN,
                inputs={"dataset": data},
                params={"lr": 0.1},
                points=[MetricPoint("loss", 1, 0.5, NOW)],
                tags={"by": "hand"},
                source={"host": "a"},
            ),
        )
        assert (running.status, running.started, running.ended) == (RunStatus.RUNNING, NOW, None)
        assert running.inputs == {"dataset": data}
        repo.update_run(
            ID, RunUpdate(params={"depth": 3}, points=[MetricPoint("loss", 2, 0.4, NOW)])
        )
        ended = repo.update_run(ID, RunUpdate(outputs={"model": Output("model/m")}, end=END))
        assert (ended.status, ended.ended, ended.metrics) == ("succeeded", END.ended, {"loss": 0.4})
        assert ended.params == {"lr": 0.1, "depth": 3}
        assert {role: str(v) for role, v in ended.inputs.items()} == {
            "dataset": "dataset/d:v1",
            "params": "params/m:v1",
        }
        assert ended.tags == {"by": "hand"}

    def test_it_ends_as_if_it_had_been_recorded_at_once(
        self, repo: Repository, data: Version
    ) -> None:
        facts: Any = {"params": {"lr": 0.1}, "environment": {"python": "3.11"}}
        whole = repo.record_run(
            inputs={"dataset": data}, outputs={"model": Output("model/m")}, name="train", **facts
        )
        repo.update_run(ID, RunUpdate(begin=BEGIN, inputs={"dataset": data}))
        bits = repo.update_run(
            ID, RunUpdate(outputs={"model": Output("model/m")}, end=END, **facts)
        )
        assert bits.inputs == whole.inputs
        assert [str(e.older) for e in repo.inherits(bits.outputs["model"])] == ["model/m:v1"]
        assert self.check(repo) == []

    def test_what_a_journal_says_is_recorded_once(self, repo: Repository) -> None:
        point = [MetricPoint("loss", 1, 0.5, NOW)]
        first = RunUpdate(begin=BEGIN, points=point, journals={"a": (0, 10)})
        repo.update_run(ID, first)
        with pytest.raises(Conflict, match="recorded by another process"):
            repo.update_run(ID, first)
        repo.update_run(ID, RunUpdate(points=point, journals={"a": (10, 20), "b": (0, 5)}))
        assert repo.journal_positions(ID) == {"a": 20, "b": 5}
        assert len(repo.metric_points(ID, "loss")) == 2

    def test_a_run_that_nobody_began_is_refused(self, repo: Repository) -> None:
        with pytest.raises(NotFound):
            repo.update_run(ID, RunUpdate(params={"lr": 1}))

    def test_what_comes_too_late_is_said(self, repo: Repository, data: Version) -> None:
        other = repo.add_version("dataset/other", {"b": b"2"}).version
        repo.update_run(ID, RunUpdate(begin=BEGIN, inputs={"dataset": data}))
        repo.update_run(ID, RunUpdate(inputs={"dataset": other}))
        repo.update_run(ID, RunUpdate(outputs={"model": Output("model/m")}, end=END))
        late = repo.update_run(ID, RunUpdate(inputs={"dataset": data, "dataset.val": other}))
        assert late.inputs == {"dataset": data}
        assert late.source["problems"] == [
            "dataset/other:v1 was used in the role dataset, which dataset/d:v1 had already",
            "dataset/other:v1 was used after the outputs were recorded, as dataset.val",
        ]

    def test_a_run_goes_on_and_makes_more(self, repo: Repository, data: Version) -> None:
        repo.update_run(ID, RunUpdate(begin=BEGIN, inputs={"dataset": data}, params={"lr": 1}))
        killed = RunEnd(RunStatus.KILLED, NOW)
        repo.update_run(
            ID, RunUpdate(outputs={"model": Output("model/m", {"w": b"1"})}, end=killed)
        )
        again = repo.update_run(ID, RunUpdate(begin=BEGIN, params={"lr": 2}))
        assert (again.status, again.ended) == (RunStatus.RUNNING, None)
        ended = repo.update_run(
            ID, RunUpdate(outputs={"model": Output("model/m", {"w": b"2"})}, end=END)
        )
        assert {role: str(v) for role, v in ended.outputs.items()} == {
            "model": "model/m:v1",
            "model.2": "model/m:v2",
        }
        assert self.check(repo) == []

    def test_nested_runs_know_who_began_them(self, repo: Repository) -> None:
        child = RunId(ID[:-1] + "2")
        repo.update_run(child, RunUpdate(begin=RunBegin("step", NOW, ID)))
        repo.update_run(ID, RunUpdate(begin=BEGIN))
        assert [run.id for run in repo.list_runs(parent=ID)] == [child]
        assert repo.get_run(child).parent == ID
        assert repo.get_run(ID).parent is None

    def test_a_bad_output_changes_nothing(self, repo: Repository, data: Version) -> None:
        repo.update_run(ID, RunUpdate(begin=BEGIN, inputs={"dataset": data}))
        twice = {"a": Output("model/m"), "b": Output("model/m")}
        with pytest.raises(InvalidInput):
            repo.update_run(ID, RunUpdate(params={"lr": 1}, outputs=twice, end=END))
        assert repo.get_run(ID).params == {}
        assert repo.get_run(ID).status is RunStatus.RUNNING

    def test_contents_that_wait_are_no_garbage(self, repo: Repository) -> None:
        folder = repo.path / JOURNAL / ID
        folder.mkdir(parents=True)
        waiting = repo.content.put_files({"w": b"waiting" * 1000}).digest
        pin_content(folder, waiting)
        with (folder / "contents").open("a") as file:
            file.write("torn")
        gone = repo.content.put_files({"w": b"gone" * 1000}).digest
        repo.collect(grace=timedelta(0))
        assert repo.content.tree(waiting).open("w").read() == b"waiting" * 1000
        with pytest.raises(NotFound):
            repo.content.tree(gone)
