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
    assert made(tuned) == {"model": "model/tuned:v1"}
    lineage = project.repository.lineage(tuned.outputs["model"])
    assert {str(version) for version in lineage.versions} == {
        "algorithm/finetune:v1",
        "algorithm/prepare:v1",
        "algorithm/train:v1",
        "dataset/data-processed:v1",
        "dataset/data-raw:v1",
        "model/digits:v1",
        "model/tuned:v1",
    }


def test_the_whole_story_again_with_other_data_gives_models_that_inherit(project):
    """What declared runs infer, runs with nothing declared infer as well."""
    raw = ["data/raw/one.csv", "data/raw/two.csv"]
    for number in (1, 2):
        fill(project.root, {raw[0]: TABLE, raw[1]: TABLE + f"{number},6\n"})
        clean = {"data/processed/train.csv": CLEAN, "data/processed/val.csv": f"{number}\n" * 50}
        project.run("prepare", reads=raw, writes=clean)
        project.run("train", reads=[*clean], writes={"out/model.pt": b"%d" % number * 100})
        project.run(
            "finetune",
            reads=[*clean, "out/model.pt"],
            writes={"tuned/tuned.pt": b"t%d" % number * 100},
        )
    repository = project.repository
    for asset, weight in (
        ("dataset/data-raw", 1 / 2),
        ("dataset/data-processed", (0 + 1 / 2) / 2),
        ("model/digits", (0 + 1 / 4) / 2),
        ("model/tuned", (0 + 1 / 8 + 1 / 4) / 3),
    ):
        (edge,) = repository.inherits(f"{asset}:v2")
        assert str(edge.older) == f"{asset}:v1"
        assert edge.weight == pytest.approx(weight), asset


def test_a_model_that_moved_is_found_by_what_it_holds(project):
    project.run("train", writes={"out/a.pt": b"a" * 100, "out/other/b.pt": b"b" * 100})
    (project.root / "out/a.pt").rename(project.root / "base.pt")
    tuned = project.run("finetune", reads=["base.pt"], writes={"t/new.pt": b"c" * 100})
    assert used(tuned)["base_model"] == "model/a:v1"


def test_an_output_that_is_nothing_else_is_found_by_the_next_run(project):
    project.run("tokenize", writes={"out/vocab.model.x": b"v" * 100, "out/log.md": "x" * 100})
    assert used(project.run("train", reads=["out/vocab.model.x"])) == {
        "algorithm": "algorithm/train:v1",
        "file": "file/tokenize:v1",
    }


def test_training_that_loads_what_it_has_just_saved_is_no_finetuning(project):
    first = project.run("train", reads=["out/model.pt"], writes={"out/model.pt": b"1" * 100})
    second = project.run("train", reads=["out/model.pt"], writes={"out/model.pt": b"2" * 100})
    assert used(first) == used(second) == {"algorithm": "algorithm/train:v1"}
    (edge,) = project.repository.inherits(second.outputs["model"])
    assert edge.older == first.outputs["model"]


def test_a_cache_beside_the_data_breaks_no_lineage(project):
    data = {f"faces/{number}.png": f"{number}" for number in range(5)}
    fill(project.root, data)
    caches = {"faces/index.cache": "i", "faces/sizes.json": "s"}
    first = project.run("train", reads=data, writes={"out/model.pt": b"1" * 100, **caches})
    second = project.run("train", reads=[*data, *caches], writes={"out/model.pt": b"2" * 100})
    assert used(first)["dataset"] == "dataset/faces:v1"
    assert project.files(first.inputs["dataset"].digest) == [f"{number}.png" for number in range(5)]
    assert used(second)["dataset"] == "dataset/faces:v2"
    (edge,) = project.repository.inherits(second.outputs["model"])
    assert edge.older == first.outputs["model"]
