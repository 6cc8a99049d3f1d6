"""Runs after runs, nothing declared: the versions that one made are found as inputs of the next."""

from __future__ import annotations

import pytest
from placing_project import Project, fill

TABLE = "a,b\n" + "1,2\n" * 40
CLEAN = "a,b\n" + "3,4\n" * 40


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)  # no test cuts the power
    made = Project(tmp_path / "digits")
    yield made
    made.repository.close()


def used(run):
    return {role: str(version) for role, version in run.inputs.items()}


def made(run):
    return {role: str(version) for role, version in run.outputs.items()}


def test_preprocess_train_finetune(project):
    fill(project.root, {"data/raw/one.csv": TABLE, "data/raw/two.csv": TABLE + "5,6\n"})
    raw = ["data/raw/one.csv", "data/raw/two.csv"]
    clean = {"data/processed/train.csv": CLEAN, "data/processed/val.csv": CLEAN + "7,8\n"}

    prepared = project.run("prepare", reads=raw, writes=clean)
    assert used(prepared) == {
        "algorithm": "algorithm/prepare:v1",
        "dataset": "dataset/data-raw:v1",
    }
    assert made(prepared) == {"dataset": "dataset/data-processed:v1"}

    trained = project.run("train", reads=[*clean], writes={"out/model.pt": b"w" * 100})
    assert used(trained)["dataset"] == "dataset/data-processed:v1"
    assert made(trained) == {"model": "model/digits:v1"}

    tuned = project.run(
        "finetune", reads=[*clean, "out/model.pt"], writes={"tuned/tuned.pt": b"v" * 100}
    )
    assert used(tuned) == {
        "algorithm": "algorithm/finetune:v1",
        "base_model": "model/digits:v1",
        "dataset": "dataset/data-processed:v1",
    }
    assert made(tuned) == {"model": "model/finetune-tuned:v1"} or made(tuned) == {
        "model": "model/tuned:v1"
    }
    lineage = project.repository.lineage(tuned.outputs["model"])
    assert "dataset/data-raw:v1" in str(lineage)
