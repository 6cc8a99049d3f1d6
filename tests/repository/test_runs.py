"""Recording runs and inferring what their outputs inherit."""

from __future__ import annotations

import contextlib
import random

import pytest
from provenance_oracle import Oracle

from omprov.errors import CycleError, InvalidInput, NotFound
from omprov.records import Missing, Origin, Policy, RunStatus, Treatment
from omprov.repository import MetricPoint, Output


def train(repo, algorithm, dataset, model="model/m", **more):
    inputs = {"algorithm": f"algorithm/a:{algorithm}", "dataset": f"dataset/d:{dataset}"}
    return repo.record_run(
        inputs=inputs | more.pop("inputs", {}), outputs={"model": Output(model)}, **more
    )


@pytest.fixture
def inputs(repo):
    """Three versions of code and data in a line."""
    for text in ("one two three", "one two three four", "one two six four"):
        repo.add_version("algorithm/a", {"train.py": text.encode()})
    for count in (2, 3, 4):
        repo.add_version("dataset/d", {str(i): b"x%d" % i for i in range(count)})
    return repo


def edges(repo, asset="model/m"):
    return {
        (edge.newer.number, edge.older.number): edge.weight for edge in repo.history(asset).edges
    }


def test_outputs_inherit_what_their_inputs_inherit(inputs):
    train(inputs, "v1", "v1")
    train(inputs, "v2", "v1")
    train(inputs, "v1", "v2")
    train(inputs, "v2", "v2")
    assert edges(inputs).keys() == {(2, 1), (3, 1), (4, 2), (4, 3)}
    Oracle(inputs).check()


def test_the_order_of_the_jobs_does_not_matter(inputs):
    train(inputs, "v3", "v3")
    train(inputs, "v1", "v1")
    assert edges(inputs).keys() == {(1, 2)}
    train(inputs, "v2", "v2")
    assert edges(inputs).keys() == {(1, 3), (3, 2)}
    Oracle(inputs).check()


def test_an_edge_says_why(inputs):
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


def test_replicas_follow_one_another_and_parameters_only_weigh(inputs):
    train(inputs, "v1", "v1", params={"lr": 0.1, "depth": 3})
    train(inputs, "v1", "v1", params={"lr": 0.2, "depth": 3})
    train(inputs, "v1", "v1", params={"lr": 0.2, "depth": 3})
    assert edges(inputs) == {(2, 1): pytest.approx(0.5 / 3), (3, 2): 0.0}
    assert [v.number for v in inputs.list_versions("params/m")] == [2, 1]
    Oracle(inputs).check()


def test_a_late_edge_repairs_the_outputs(inputs):
    inputs.add_version("algorithm/a", {"other.py": b"entirely different"}, inherits=())
    train(inputs, "v1", "v1")
    train(inputs, "v4", "v1")
    assert edges(inputs) == {}
    inputs.add_edge("algorithm/a:v4", "algorithm/a:v1", weight=0.5)
    assert edges(inputs) == {(2, 1): 0.25}
    inputs.add_edge("algorithm/a:v4", "algorithm/a:v1", weight=0.2)
    assert edges(inputs) == {(2, 1): 0.1}
    Oracle(inputs).check()
    inputs.remove_edge("algorithm/a:v4", "algorithm/a:v1")
    assert edges(inputs) == {}
    Oracle(inputs).check()


def test_models_are_inputs_of_models_and_late_edges_cascade(inputs):
    inputs.add_version("dataset/d", {"z": b"z"}, inherits=())
    train(inputs, "v1", "v1")
    train(inputs, "v1", "v4")
    for base in ("v1", "v2"):
        train(inputs, "v1", "v1", model="model/tuned", inputs={"base_model": f"model/m:{base}"})
    assert edges(inputs, "model/tuned") == {}
    inputs.add_edge("dataset/d:v4", "dataset/d:v1", weight=0.6)
    assert edges(inputs) == {(2, 1): 0.3}
    assert edges(inputs, "model/tuned") == {(2, 1): pytest.approx(0.1)}
    Oracle(inputs).check()


def test_a_policy_changes_what_constrains(inputs):
    train(inputs, "v2", "v1")
    train(inputs, "v1", "v2")
    assert edges(inputs) == {}
    inputs.set_policy("model/m", Policy({"algorithm": Treatment.IGNORED}))
    assert edges(inputs).keys() == {(2, 1)}
    Oracle(inputs).check()
    inputs.set_policy("model/m", Policy())
    assert edges(inputs) == {}


def test_a_free_role_weighs_by_the_newer_version_and_follows_its_measure(repo, reopen):
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
        assert door.check() == []
        Oracle(door).check()


def test_a_missing_role_separates_unless_the_policy_says_otherwise(inputs):
    inputs.record_run(inputs={"algorithm": "algorithm/a:v1"}, outputs={"model": Output("model/m")})
    train(inputs, "v2", "v1")
    assert edges(inputs) == {}
    inputs.set_policy("model/m", Policy(missing=Missing.OLDEST))
    assert edges(inputs) == {(2, 1): pytest.approx((1 / 7 + 1) / 2)}
    Oracle(inputs).check()


def test_an_unknown_input_writes_nothing(inputs):
    with pytest.raises(NotFound, match="newest is v3"):
        train(inputs, "v9", "v1")
    assert inputs.list_runs() == []
    with pytest.raises(NotFound):
        inputs.get_asset("model/m")


def test_a_run_that_made_nothing_keeps_its_parameters_whatever_it_is_called(repo):
    for name, owner in (
        ("Lauf Nr. 3: größer!", "lauf-nr.-3-gr-er"),
        ("…", "run"),
        ("x" * 300, "x" * 128),
    ):
        run = repo.record_run(
            inputs={}, outputs={}, name=name, params={"lr": 1}, status=RunStatus.FAILED
        )
        assert (run.name, str(run.inputs["params"])) == (name, f"params/{owner}:v1")


def test_two_outputs_of_one_asset_are_refused(inputs):
    with pytest.raises(InvalidInput, match="one run makes one version"):
        inputs.record_run(inputs={}, outputs={"a": Output("model/m"), "b": Output("model/m")})
    assert inputs.list_runs() == []


def test_a_run_is_read_back_whole(inputs):
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


def test_a_declared_edge_on_an_output_stays_apart_and_never_contradicts(inputs):
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
    Oracle(inputs).check()


def test_a_late_input_edge_that_contradicts_a_declared_output_edge_is_refused(inputs):
    inputs.add_version("dataset/d", {"z": b"z"}, inherits=())
    train(inputs, "v1", "v1")
    train(inputs, "v1", "v4")
    inputs.add_edge("model/m:v1", "model/m:v2", weight=0.1)
    with pytest.raises(CycleError, match="model/m:v1"):
        inputs.add_edge("dataset/d:v4", "dataset/d:v1")
    assert edges(inputs) == {(1, 2): 0.1}
    assert inputs.inherits("dataset/d:v4") == []
    Oracle(inputs).check()


def test_assets_that_feed_each_other_stay_exact(repo, reopen):
    """A teacher trains a student, which teaches the next teacher."""
    repo.add_version("algorithm/a", {"f": b"one"})
    repo.add_version("algorithm/a", {"f": b"one two"})
    repo.add_version("algorithm/a", {"f": b"zero"}, inherits=())

    def step(algorithm, model, base):
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
    Oracle(repo).check()
    repo.add_edge("algorithm/a:v3", "algorithm/a:v2", weight=0.3)
    Oracle(repo).check()
    other = reopen()
    other.record_run(
        inputs={"algorithm": "algorithm/a:v3", "base_model": "model/teacher:v5"},
        outputs={"model": Output("model/student")},
    )
    step("v3", "model/teacher", "model/student:v4")
    Oracle(repo).check()
    assert repo.check() == []


def test_a_late_edge_from_a_fresh_process_reaches_assets_that_feed_each_other(repo, reopen):
    for text in (b"one", b"two"):
        repo.add_version("algorithm/a", {"f": text}, inherits=())
    repo.add_version("dataset/d", {"f": b"1"})

    def make(algorithm, output, **inputs):
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
    Oracle(repo).check()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.in_a_file
def test_random_histories_written_by_two_processes_stay_exact(repo, reopen, seed):
    rng = random.Random(seed)
    doors = [repo, reopen()]
    counts = {"algorithm/a": 0, "dataset/d": 0, "model/m": 0, "model/t": 0}

    def some(asset):
        return f"{asset}:v{rng.randint(max(1, counts[asset] - 4), counts[asset])}"

    def upload(door, asset):
        known = [f"v{n + 1}" for n in range(counts[asset])]
        chosen = rng.sample(known, min(len(known), rng.choice([0, 1, 1, 1, 2])))
        body = " ".join(str(rng.randrange(6)) for _ in range(6)).encode()
        added = door.add_version(asset, {"f": body, f"g{rng.randrange(4)}": body}, inherits=chosen)
        counts[asset] += added.created

    for asset in ("algorithm/a", "dataset/d"):
        upload(repo, asset)
    for step in range(30):
        door = rng.choice(doors)
        match rng.choice(["upload", "run", "run", "run", "tune", "edge", "policy"]):
            case "upload":
                upload(door, rng.choice(["algorithm/a", "dataset/d"]))
            case "run":
                inputs = {"algorithm": some("algorithm/a")}
                if rng.random() < 0.9:
                    inputs["dataset"] = some("dataset/d")
                params = {"lr": rng.randrange(3)} if rng.random() < 0.4 else None
                door.record_run(inputs=inputs, outputs={"model": Output("model/m")}, params=params)
                counts["model/m"] += 1
            case "tune" if counts["model/m"]:
                base = some("model/t") if counts["model/t"] and rng.random() < 0.4 else None
                door.record_run(
                    inputs={
                        "base_model": base or some("model/m"),
                        "dataset": some("dataset/d"),
                    },
                    outputs={"model": Output("model/t")},
                )
                counts["model/t"] += 1
            case "edge":
                asset = rng.choice(["algorithm/a", "dataset/d"])
                with contextlib.suppress(CycleError):
                    door.add_edge(some(asset), some(asset), weight=rng.random())
            case "policy" if counts["model/m"] and rng.random() < 0.3:
                missing = rng.choice(list(Missing))
                roles = {"algorithm": rng.choice([Treatment.LINEAGE, Treatment.IGNORED])}
                door.set_policy("model/m", Policy(roles, missing))
        if step % 10 == 9:
            Oracle(door).check()
    Oracle(repo).check()
    assert reopen().check() == []


def test_points_and_facts_are_added_to_a_run_that_is_recorded(repo, clock):
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
