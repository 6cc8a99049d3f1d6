"""The demo from end to end, its numbers worked out again by other means."""

from __future__ import annotations

import fcntl
import io
import os
import pickle
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from provenance_by_hand import Graph, files_weight, inferred, read_files, wdiff_weight, words_weight
from rich.console import Console

from omprov.builtin.demo import DemoResult, run_demo
from omprov.cli._graph_picture import draw_history
from omprov.errors import AlreadyExists, InvalidInput
from omprov.records import Origin
from omprov.repository import Repository

pytestmark = pytest.mark.slow


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Demo:
    result: DemoResult
    text: str
    repo: Repository

    def versions(self, asset):
        return self.repo.list_versions(asset)[::-1]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """Run the demo once, also where several processes share these tests."""
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    kept = root / "demo.pickle"
    with (root / "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            folder = root / "a folder with ünicode"
            console = Console(file=io.StringIO(), width=160, markup=False)
            result = run_demo(folder, console, draw_graph=draw_history, clock=now)
            kept.write_bytes(pickle.dumps((result, console.file.getvalue())))
    result, text = pickle.loads(kept.read_bytes())
    with Repository.open(result.folder, who="reader", clock=now) as repo:
        yield Demo(result, text, repo)


def test_both_acts_infer_the_same_model_graph(demo):
    declared, captured = demo.result.runs, demo.result.captured
    assert demo.repo.list_runs(name="captured") == list(captured)[::-1]

    def edges(runs):
        place = {run.outputs["model"].key: number for number, run in enumerate(runs)}
        return {
            (place[edge.newer.key], place[edge.older.key]): edge
            for run in runs
            for edge in demo.repo.inherits(run.outputs["model"])
        }

    wanted, found = edges(declared), edges(captured)
    assert len(wanted) > 10
    assert found.keys() == wanted.keys()
    for ends, edge in found.items():
        reasons = {one.role: one.distance for one in edge.because}
        for one in wanted[ends].because:
            if one.role in {"algorithm", "dataset"}:
                assert reasons[one.role] == pytest.approx(one.distance)
    for one, other in zip(declared, captured, strict=True):
        assert other.inputs["dataset"] == one.inputs["dataset"]
        assert other.metrics["accuracy"] == one.metrics["accuracy"]
        assert other.inputs.keys() >= {"algorithm", "dataset", "params", "environment"}
        algorithm = demo.repo.tree(other.inputs["algorithm"])
        assert algorithm.digest == demo.repo.tree(one.inputs["algorithm"]).digest


def test_every_training_succeeded_and_is_recorded(demo):
    runs = demo.result.runs
    assert len(runs) == 12
    assert demo.repo.list_runs(name="train") == list(runs)[::-1]
    for run in runs:
        assert set(run.inputs) == {
            "algorithm", "dataset", "dataset.test", "params", "environment",
        }  # fmt: skip
        assert run.metrics.keys() == {"accuracy", "loss"}
        assert 0 < (run.ended - run.started).total_seconds() < 300
    pairs = [(run.inputs["algorithm"].number, run.inputs["dataset"].number) for run in runs]
    assert pairs != sorted(pairs)
    assert any(
        a.params != b.params and a.inputs["dataset"] == b.inputs["dataset"]
        and a.inputs["algorithm"] == b.inputs["algorithm"]
        for a in runs for b in runs
    )  # fmt: skip


def test_the_models_are_as_good_as_recorded(demo):
    for run in demo.result.runs:
        accuracy = judge(demo.repo, run)
        assert accuracy == pytest.approx(run.metrics["accuracy"], abs=0.0051)  # 2 of 400 images


def judge(repo, run):
    """Run a model by hand on the held-out digits."""
    with np.load(repo.open_file(run.outputs["model"], "weights.npz")) as file:
        weights = dict(file)
    images = read_files(repo, run.inputs["dataset.test"])
    values = np.stack([pixels(image) for image in images.values()])
    if run.inputs["algorithm"].number > 1:  # the first script did not scale
        values /= np.float32(255)
    if "mean" in weights:
        values = (values - weights["mean"]) / weights["spread"]
    layers = sum(name.startswith("weight") for name in weights)
    for layer in range(layers):
        values = values @ weights[f"weight{layer}"] + weights[f"bias{layer}"]
        if layer < layers - 1:
            values = np.maximum(values, 0)
    truth = [int(path.split("/")[0]) for path in images]
    return float(np.mean(values.argmax(axis=1) == truth))


def pixels(image):
    return np.asarray(Image.open(io.BytesIO(image)), dtype=np.float32).ravel()


def test_nothing_is_judged_by_what_it_learned(demo):
    (test,) = demo.versions("dataset/digits-test")
    held_out = {path.split("/")[1] for path in read_files(demo.repo, test)}
    assert len(held_out) == 400
    for version in demo.versions("dataset/digits"):
        names = {path.split("/")[1] for path in read_files(demo.repo, version)}
        assert not names & held_out


def test_code_inherits_as_its_commits_do(demo):
    code = demo.result.folder / "code"
    listing = subprocess.run(
        ["git", "-C", code, "log", "--all", "--format=%H %P"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    parents = {line.split()[0]: set(line.split()[1:]) for line in listing.splitlines()}
    commit = {v.number: v.source["git"]["commit"] for v in demo.versions("algorithm/digits")}
    declared = {name: set() for name in parents}
    for edge in demo.repo.history("algorithm/digits").edges:
        declared[commit[edge.newer.number]].add(commit[edge.older.number])
    assert declared == parents
    assert sorted(len(some) for some in parents.values()) == [0, 1, 1, 1, 1, 2]


def test_code_weights_are_the_words_that_differ(demo, tmp_path):
    for edge in demo.repo.history("algorithm/digits").edges:
        old, new = (read_files(demo.repo, end) for end in (edge.older, edge.newer))
        assert edge.weight == pytest.approx(words_weight(old, new), abs=1e-12)
        if shutil.which("wdiff"):
            assert edge.weight <= wdiff_weight(old, new, tmp_path) + 1e-12


def test_data_weights_are_the_files_that_differ(demo):
    edges = demo.repo.history("dataset/digits").edges
    ends = {(edge.newer.number, edge.older.number) for edge in edges}
    assert ends == {(2, 1), (3, 2), (4, 2), (5, 3), (6, 5), (7, 6), (7, 4)}
    for edge in edges:
        old, new = (read_files(demo.repo, end) for end in (edge.older, edge.newer))
        assert edge.weight == pytest.approx(files_weight(old, new), abs=1e-12)


def test_the_inferred_edges_are_those_of_the_definition(demo):
    assets = {
        "algorithm": "algorithm/digits",
        "dataset": "dataset/digits",
        "dataset.test": "dataset/digits-test",
    }
    graphs = {role: Graph(demo.repo.history(asset)) for role, asset in assets.items()}
    stored = demo.repo.history("model/digits").edges
    assert {edge.origin for edge in stored} == {Origin.INFERRED}
    weights = {(edge.newer.number, edge.older.number): edge.weight for edge in stored}
    expected = inferred(demo.repo, demo.result.runs, graphs)
    assert weights.keys() == expected.keys()
    assert weights == {ends: pytest.approx(w, abs=1e-9) for ends, w in expected.items()}
    assert len(weights) >= 12


def test_the_bad_batch_is_found_from_the_numbers(demo):
    accuracy = {run.outputs["model"].number: run.metrics["accuracy"] for run in demo.result.runs}
    data = {run.outputs["model"].number: run.inputs["dataset"] for run in demo.result.runs}
    code = {run.outputs["model"].number: run.inputs["algorithm"] for run in demo.result.runs}
    edges = [(e.newer.number, e.older.number) for e in demo.repo.history("model/digits").edges]
    newer, older = min(edges, key=lambda ends: accuracy[ends[0]] - accuracy[ends[1]])
    drop = demo.result.drop
    assert (drop.step.edge.newer.number, drop.step.edge.older.number) == (newer, older)
    assert drop.step.change == pytest.approx(accuracy[newer] - accuracy[older])
    assert drop.step.change < -0.1
    assert code[newer] == code[older]
    (suspect,) = drop.suspects
    assert (suspect.reason.role, suspect.reason.newer, suspect.reason.older) == (
        "dataset", data[newer], data[older],
    )  # fmt: skip
    assert "night shift" in data[newer].message
    again = [
        ends
        for ends in edges
        if ends != (newer, older)
        and (data[ends[0]], data[ends[1]]) == (data[newer], data[older])
        and code[ends[0]] == code[ends[1]]
    ]
    found = [(s.edge.newer.number, s.edge.older.number) for s in suspect.alone]
    assert sorted(found) == sorted(again)
    assert again
    assert all(step.change > -0.1 for step in suspect.without)


def test_the_text_names_the_drop_and_its_evidence(demo):
    edge = demo.result.drop.step.edge
    points = -100 * demo.result.drop.step.change
    reason = demo.result.drop.suspects[0].reason
    old, new = (read_files(demo.repo, end) for end in (reason.older, reason.newer))
    added, everything = len(new.keys() - old.keys()), len(old.keys() | new.keys())
    for sentence in (
        f"{edge.newer} inherits {edge.older}, and its accuracy is {points:.1f} points lower.",
        f"dataset: from {reason.older} to {reason.newer}",
        f"{added} of {everything:,} files differ: {added} added",
        reason.newer.message,
    ):
        assert sentence in demo.text
    for run in demo.result.runs:
        assert f"{run.metrics['accuracy']:.3f}" in demo.text
    assert all(command in demo.text for command in demo.result.commands)


def test_every_suggested_command_works(demo):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment.pop("OMPROV_URL", None)
    assert len(demo.result.commands) >= 8
    for command in demo.result.commands:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=demo.result.folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        assert done.stdout.strip()


def test_the_repository_is_whole_and_the_folders_are_as_recorded(demo):
    assert demo.repo.check() == []
    held = {one.path: one.reference for one in demo.repo.workspace.list()}
    assert held == {
        "code": "algorithm/digits:v6",
        "data/digits": "dataset/digits:v7",
        "data/digits-test": "dataset/digits-test:v1",
        "out/model/weights.npz": f"{demo.result.captured[-1].outputs['model']}",
    }
    for path in held:
        assert demo.repo.changes_on_disk(demo.result.folder / path) == []
    best = max(run.metrics["accuracy"] for run in demo.result.runs)
    champion = demo.repo.get_version("model/digits:champion")
    assert demo.repo.get_run(champion.run).metrics["accuracy"] == best


def test_a_folder_that_holds_something_is_left_alone(demo, tmp_path):
    quiet = Console(file=io.StringIO())
    with pytest.raises(AlreadyExists, match="pass another"):
        run_demo(demo.result.folder, quiet, draw_graph=draw_history, clock=now)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InvalidInput, match="not a folder"):
        run_demo(tmp_path / "file", quiet, draw_graph=draw_history, clock=now)
