"""What recording runs must do, and what outputs inherit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from omprov.errors import CycleError, InvalidInput, NotFound
from omprov.records import Missing, Origin, Policy, RunStatus, Treatment
from omprov.repository import MetricPoint, Output

from ._needs import NeedsRepository

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from omprov.records import Run
    from omprov.repository import Repository


def train(
    repo: Repository, algorithm: str, dataset: str, model: str = "model/m", **more: Any
) -> Run:
    inputs = {"algorithm": f"algorithm/a:{algorithm}", "dataset": f"dataset/d:{dataset}"}
    return repo.record_run(
        inputs=inputs | more.pop("inputs", {}), outputs={"model": Output(model)}, **more
    )


def edges(repo: Repository, asset: str = "model/m") -> dict[tuple[int, int], float]:
    return {
        (edge.newer.number, edge.older.number): edge.weight for edge in repo.history(asset).edges
    }


class RunContract(NeedsRepository):
    """What recording runs must do, and what outputs inherit."""

    @pytest.fixture
    def inputs(self, repo: Repository) -> Repository:
        """Three versions of code and data in a line."""
        for text in ("one two three", "one two three four", "one two six four"):
            repo.add_version("algorithm/a", {"train.py": text.encode()})
        for count in (2, 3, 4):
            repo.add_version("dataset/d", {str(i): b"x%d" % i for i in range(count)})
        return repo

    def test_outputs_inherit_what_their_inputs_inherit(self, inputs: Repository) -> None:
        train(inputs, "v1", "v1")
        train(inputs, "v2", "v1")
        train(inputs, "v1", "v2")
        train(inputs, "v2", "v2")
        assert edges(inputs).keys() == {(2, 1), (3, 1), (4, 2), (4, 3)}
        assert self.check(inputs) == []

    def test_the_order_of_the_jobs_does_not_matter(self, inputs: Repository) -> None:
        train(inputs, "v3", "v3")
        train(inputs, "v1", "v1")
        assert edges(inputs).keys() == {(1, 2)}
        train(inputs, "v2", "v2")
        assert edges(inputs).keys() == {(1, 3), (3, 2)}
        assert self.check(inputs) == []

    def test_an_edge_says_why(self, inputs: Repository) -> None:
        train(inputs, "v1", "v1")
        train(inputs, "v2", "v1")
        (edge,) = inputs.inherits("model/m:v2")
        assert edge.origin is Origin.INFERRED
        assert edge.weight == pytest.approx((1 / 7) / 2)
        assert {reason.role: reason.distance for reason in edge.because} == {
            "algorithm": pytest.approx(1 / 7),
            "dataset": 0.0,
        }
        assert "because algorithm 0.143 · dataset 0" in str(edge)
        assert [str(e.newer) for e in inputs.inherited_by("model/m:v1")] == ["model/m:v2"]

    def test_replicas_follow_one_another_and_parameters_only_weigh(
        self, inputs: Repository
    ) -> None:
        train(inputs, "v1", "v1", params={"lr": 0.1, "depth": 3})
        train(inputs, "v1", "v1", params={"lr": 0.2, "depth": 3})
        train(inputs, "v1", "v1", params={"lr": 0.2, "depth": 3})
        assert edges(inputs) == {(2, 1): pytest.approx(0.5 / 3), (3, 2): 0.0}
        assert [v.number for v in inputs.list_versions("params/m")] == [2, 1]
        assert self.check(inputs) == []

    def test_a_late_edge_repairs_the_outputs(self, inputs: Repository) -> None:
        inputs.add_version("algorithm/a", {"other.py": b"entirely different"}, inherits=())
        train(inputs, "v1", "v1")
        train(inputs, "v4", "v1")
        assert edges(inputs) == {}
        inputs.add_edge("algorithm/a:v4", "algorithm/a:v1", weight=0.5)
        assert edges(inputs) == {(2, 1): 0.25}
        inputs.add_edge("algorithm/a:v4", "algorithm/a:v1", weight=0.2)
        assert edges(inputs) == {(2, 1): 0.1}
        assert self.check(inputs) == []
        inputs.remove_edge("algorithm/a:v4", "algorithm/a:v1")
        assert edges(inputs) == {}
        assert self.check(inputs) == []

    def test_models_are_inputs_of_models_and_late_edges_cascade(self, inputs: Repository) -> None:
        inputs.add_version("dataset/d", {"z": b"z"}, inherits=())
        train(inputs, "v1", "v1")
        train(inputs, "v1", "v4")
        for base in ("v1", "v2"):
            train(inputs, "v1", "v1", model="model/tuned", inputs={"base_model": f"model/m:{base}"})
        assert edges(inputs, "model/tuned") == {}
        inputs.add_edge("dataset/d:v4", "dataset/d:v1", weight=0.6)
        assert edges(inputs) == {(2, 1): 0.3}
        assert edges(inputs, "model/tuned") == {(2, 1): pytest.approx(0.1)}
        assert self.check(inputs) == []

    def test_a_policy_changes_what_constrains(self, inputs: Repository) -> None:
        train(inputs, "v2", "v1")
        train(inputs, "v1", "v2")
        assert edges(inputs) == {}
        inputs.set_policy("model/m", Policy({"algorithm": Treatment.IGNORED}))
        assert edges(inputs).keys() == {(2, 1)}
        assert self.check(inputs) == []
        inputs.set_policy("model/m", Policy())
        assert edges(inputs) == {}

    def test_a_free_role_weighs_by_the_newer_version_and_follows_its_measure(
        self, repo: Repository, reopen: Callable[[], Repository]
    ) -> None:
        repo.add_version("algorithm/a", {"f": b"x"})
        repo.add_version("dataset/d", {"t": b"one two three four"})
        repo.add_version("dataset/d", {"t": b"one two three five"})
        repo.add_asset("dataset/words", measure="words")
        repo.add_version("dataset/words", {"t": b"one two three four five"})
        repo.add_asset("model/m", policy=Policy({"dataset": Treatment.FREE}))
        other = reopen()
        for dataset in ("words:v1", "d:v1", "d:v2"):
            inputs = {"algorithm": "algorithm/a", "dataset": f"dataset/{dataset}"}
            other.record_run(inputs=inputs, outputs={"model": Output("model/m")})
        assert edges(repo) == {(2, 1): 0.5, (3, 2): 0.5}
        repo.set_asset("dataset/d", measure="words")
        assert edges(repo) == {(2, 1): pytest.approx(1 / 9 / 2), (3, 2): 0.125}
        for door in (repo, other, reopen()):
            assert self.check(door) == []

    def test_a_missing_role_separates_unless_the_policy_says_otherwise(
        self, inputs: Repository
    ) -> None:
        inputs.record_run(
            inputs={"algorithm": "algorithm/a:v1"}, outputs={"model": Output("model/m")}
        )
        train(inputs, "v2", "v1")
        assert edges(inputs) == {}
        inputs.set_policy("model/m", Policy(missing=Missing.OLDEST))
        assert edges(inputs) == {(2, 1): pytest.approx((1 / 7 + 1) / 2)}
        assert self.check(inputs) == []

    def test_an_unknown_input_writes_nothing(self, inputs: Repository) -> None:
        with pytest.raises(NotFound, match="newest is v3"):
            train(inputs, "v9", "v1")
        assert inputs.list_runs() == []
        with pytest.raises(NotFound):
            inputs.get_asset("model/m")

    def test_a_run_that_made_nothing_keeps_its_parameters_whatever_it_is_called(
        self, repo: Repository
    ) -> None:
        for name, owner in (
            ("Lauf Nr. 3: größer!", "lauf-nr.-3-gr-er"),
            ("…", "run"),
            ("x" * 300, "x" * 128),
        ):
            run = repo.record_run(
                inputs={}, outputs={}, name=name, params={"lr": 1}, status=RunStatus.FAILED
            )
            assert (run.name, str(run.inputs["params"])) == (name, f"params/{owner}:v1")

    def test_two_outputs_of_one_asset_are_refused(self, inputs: Repository) -> None:
        with pytest.raises(InvalidInput, match="one run makes one version"):
            inputs.record_run(inputs={}, outputs={"a": Output("model/m"), "b": Output("model/m")})
        assert inputs.list_runs() == []

    def test_a_run_is_read_back_whole(self, inputs: Repository) -> None:
        run = train(
            inputs,
            "v1",
            "v1",
            name="first",
            status=RunStatus.FAILED,
            params={"lr": 0.1, "layers": [1, 2], "näme": None},
            metrics={"accuracy": 0.9, "loss": float("nan")},
            command=["python", "train.py"],
            exit_status=3,
            message="oh",
            tags={"who": "me"},
        )
        again = inputs.get_run(run.id[:13])
        assert again.params == {"lr": 0.1, "layers": [1, 2], "näme": None}
        assert again.metrics["accuracy"] == 0.9
        assert again.metrics["loss"] != again.metrics["loss"]
        assert (again.status, again.exit_status, again.command) == (
            RunStatus.FAILED,
            3,
            ("python", "train.py"),
        )
        assert {role: str(v) for role, v in again.inputs.items()} == {
            "algorithm": "algorithm/a:v1",
            "dataset": "dataset/d:v1",
            "params": "params/m:v1",
        }
        assert inputs.list_runs(using="dataset/d:v1") == [again]
        assert inputs.list_runs(making="model/m:v1") == [again]
        assert inputs.list_runs(status=RunStatus.SUCCEEDED) == []
        with pytest.raises(NotFound, match="omprov runs"):
            inputs.get_run("ffff")

    def test_a_declared_edge_on_an_output_stays_apart_and_never_contradicts(
        self, inputs: Repository
    ) -> None:
        train(inputs, "v1", "v1")
        train(inputs, "v2", "v1")
        uploaded = inputs.add_version("model/m", {"w": b"pruned"}, inherits=["v1"]).version
        assert uploaded.run is None
        assert {
            (e.newer.number, e.older.number, e.origin) for e in inputs.history("model/m").edges
        } == {
            (2, 1, Origin.INFERRED),
            (3, 1, Origin.DECLARED),
        }
        with pytest.raises(CycleError):
            inputs.add_edge("model/m:v1", "model/m:v2")
        found = inputs.lineage("model/m:v3")
        assert {str(v) for v in found.versions} == {
            "model/m:v3",
            "model/m:v1",
            "algorithm/a:v1",
            "dataset/d:v1",
        }
        assert self.check(inputs) == []

    def test_a_late_input_edge_that_contradicts_a_declared_output_edge_is_refused(
        self, inputs: Repository
    ) -> None:
        inputs.add_version("dataset/d", {"z": b"z"}, inherits=())
        train(inputs, "v1", "v1")
        train(inputs, "v1", "v4")
        inputs.add_edge("model/m:v1", "model/m:v2", weight=0.1)
        with pytest.raises(CycleError, match="model/m:v1"):
            inputs.add_edge("dataset/d:v4", "dataset/d:v1")
        assert edges(inputs) == {(1, 2): 0.1}
        assert inputs.inherits("dataset/d:v4") == []
        assert self.check(inputs) == []

    def test_assets_that_feed_each_other_stay_exact(
        self, repo: Repository, reopen: Callable[[], Repository]
    ) -> None:
        """A teacher trains a student, which teaches the next teacher."""
        repo.add_version("algorithm/a", {"f": b"one"})
        repo.add_version("algorithm/a", {"f": b"one two"})
        repo.add_version("algorithm/a", {"f": b"zero"}, inherits=())

        def step(algorithm: str, model: str, base: str | None) -> None:
            base_input = {} if base is None else {"base_model": base}
            repo.record_run(
                inputs={"algorithm": f"algorithm/a:{algorithm}"} | base_input,
                outputs={"model": Output(model)},
            )

        step("v1", "model/teacher", None)
        step("v3", "model/teacher", None)
        for teacher, code in (("v1", "v1"), ("v2", "v2"), ("v1", "v2")):
            step(code, "model/student", f"model/teacher:{teacher}")
        for student in ("v1", "v2", "v3"):
            step("v2", "model/teacher", f"model/student:{student}")
        assert self.check(repo) == []
        repo.add_edge("algorithm/a:v3", "algorithm/a:v2", weight=0.3)
        assert self.check(repo) == []
        other = reopen()
        other.record_run(
            inputs={"algorithm": "algorithm/a:v3", "base_model": "model/teacher:v5"},
            outputs={"model": Output("model/student")},
        )
        step("v3", "model/teacher", "model/student:v4")
        assert self.check(repo) == []

    def test_a_late_edge_from_a_fresh_process_reaches_assets_that_feed_each_other(
        self, repo: Repository, reopen: Callable[[], Repository]
    ) -> None:
        for text in (b"one", b"two"):
            repo.add_version("algorithm/a", {"f": text}, inherits=())
        repo.add_version("dataset/d", {"f": b"1"})

        def make(algorithm: str, output: str, **inputs: str) -> None:
            kind = output.partition("/")[0]
            inputs["algorithm"] = f"algorithm/a:{algorithm}"
            repo.record_run(inputs=inputs, outputs={kind: Output(output)})

        make("v1", "model/m", dataset="dataset/d:v1")
        make("v1", "dataset/made", base_model="model/m:v1")
        make("v1", "model/m", dataset="dataset/made:v1")
        make("v2", "model/m", dataset="dataset/d:v1")
        make("v2", "dataset/made", base_model="model/m:v3")
        reopen().add_edge("algorithm/a:v2", "algorithm/a:v1", weight=0.5)
        assert edges(repo) == {(3, 1): 0.25}
        assert edges(repo, "dataset/made") == {(2, 1): 0.375}
        assert self.check(repo) == []

    def test_points_and_facts_are_added_to_a_run_that_is_recorded(
        self, repo: Repository, clock: Callable[[], datetime]
    ) -> None:
        run = repo.record_run(inputs={}, outputs={}, params={"lr": 0.1}, source={"host": "h"})
        later = clock()
        grown = repo.add_to_run(
            run.id,
            points=[MetricPoint("loss", 3, 0.5, later)],
            params={"lr": 0.2, "depth": 1},
            ended=later,
            source={"log": {"read": 7}},
            tags={"state": "grown"},
        )
        assert grown == repo.get_run(run.id)
        assert grown.metrics == {"loss": 0.5}
        assert grown.params == {"lr": 0.2, "depth": 1}
        assert grown.ended == later
        assert grown.source == {"host": "h", "log": {"read": 7}}
        assert repo.find_tagged_runs("state", ["grown", "other"]) == {"grown": grown}
        with pytest.raises(NotFound):
            repo.add_to_run("01a19467-e800-702c-a88c-0b217f4c14ef", params={"a": 1})
