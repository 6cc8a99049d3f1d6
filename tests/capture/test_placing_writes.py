"""From files that a run wrote to outputs: kinds, names that stay the same, contents."""

from __future__ import annotations

import os
import time

import pytest
from placing_project import Project, fill, git

from omprov.capture._placing import remember_outputs

BIG = b"w" * 200


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)  # no test cuts the power
    made = Project(tmp_path / "digits")
    yield made
    made.repository.close()


def written(project, files, **options):
    fill(project.root, files)
    return project.outputs(*files, **options)


def test_nothing_written_gives_nothing(project):
    assert project.outputs() == {}


def test_a_model_and_what_else_there_is(project):
    assert written(
        project,
        {
            "out/resnet18.pt": BIG,
            "out/metrics.json": "{}",
            "out/plots/loss.png": "p",
            "logs/events.out.tfevents.17.host.1.0": "e",
            "logs/sub/events.out.tfevents.18.host.1.0": "f",
            "log.txt": "x",
        },
    ) == {
        "model": ("model/resnet18", ["resnet18.pt"]),
        "summary": (
            "summary/train",
            ["events.out.tfevents.17.host.1.0", "sub/events.out.tfevents.18.host.1.0"],
        ),
        "files": ("file/train", ["log.txt", "out/metrics.json", "out/plots/loss.png"]),
    }


@pytest.mark.parametrize(
    "path",
    [
        "model.pt",
        "out/best.pth",
        "checkpoints/last.ckpt",
        "lightning_logs/version_3/checkpoints/epoch=1-step=20.ckpt",
        "outputs/2024-01-01/12-00-00/model.safetensors",
        "runs/Nov25_12-00-00_host/weights/best.pt".replace("_host", ""),
        "multirun/2024-05-06/10-20-30/0/ckpt_000100.pt",
        "results/3f2504e0-4f89-11d3-9a0c-0305e82c3301/final.onnx",
        "out/a1b2c3d4e5f6/pytorch_model.bin",
    ],
)
def test_where_nothing_specific_is_left_the_project_names_the_model(project, path):
    made = written(project, {path: BIG})
    assert made == {"model": ("model/digits", [path.rpartition("/")[2]])}


def test_a_program_with_a_telling_name_names_it(project):
    made = written(project, {"out/model.pt": BIG}, run_name="train_gan.py")
    assert made["model"][0] == "model/gan"


def test_checkpoints_of_one_model_are_one_version(project):
    made = written(
        project,
        {
            "models/resnet18/epoch_1.pt": BIG,
            "models/resnet18/epoch_2.pt": BIG + b"2",
            "models/resnet18/best.pt": BIG,
            "models/generator.pt": BIG,
            "models/discriminator.pt": BIG,
        },
    )
    assert made == {
        "model.discriminator": ("model/discriminator", ["discriminator.pt"]),
        "model.generator": ("model/generator", ["generator.pt"]),
        "model.resnet18": ("model/resnet18", ["best.pt", "epoch_1.pt", "epoch_2.pt"]),
    }


def test_a_folder_of_transformers_with_its_checkpoints_is_one_version(project):
    pretrained = {"config.json": "{}", "model.safetensors": BIG, "tokenizer.json": "{t}"}
    kept = {"optimizer.pt": BIG, "trainer_state.json": "{}", "rng_state.pth": "r"}
    files = {f"out/{name}": content for name, content in pretrained.items()}
    files |= {f"out/checkpoint-500/{n}": c for n, c in {**pretrained, **kept}.items()}
    made = written(project, {**files, "runs.csv": "a"})
    assert made["model"] == ("model/digits", sorted(name[4:] for name in files))
    assert made["files"] == ("file/train", ["runs.csv"])


def test_only_checkpoints_are_one_version_too(project):
    files = {
        f"out/checkpoint-{step}/{name}": BIG
        for step in (500, 1000)
        for name in ("config.json", "model-00001-of-00002.safetensors", "optimizer.pt")
    }
    assert written(project, files) == {
        "model": ("model/digits", sorted(name[4:] for name in files))
    }


def test_a_pipeline_of_several_models_is_one(project):
    files = {
        "pipe/sd/model_index.json": "{}",
        "pipe/sd/unet/config.json": "{}",
        "pipe/sd/unet/diffusion_pytorch_model.safetensors": BIG,
        "pipe/sd/vae/diffusion_pytorch_model.bin": BIG,
    }
    assert written(project, files) == {
        "model": ("model/pipe-sd", sorted(name[8:] for name in files))
    }


def test_the_same_program_makes_versions_of_the_same_asset(project):
    for number in range(2):
        run = project.run(
            "train",
            writes={f"outputs/2024-01-0{number + 1}/10-00-00/model.pt": b"%d" % number * 99},
        )
        assert str(run.outputs["model"]) == f"model/digits:v{number + 1}"
    assert [str(one.older) for one in project.repository.inherits("model/digits:v2")] == [
        "model/digits:v1"
    ]


def test_data_that_a_script_prepares_is_a_dataset(project):
    assert (
        written(
            project,
            {
                "data/clean/part-0.parquet": "p",
                "data/clean/part-1.parquet": "q",
                "data/clean/schema.json": "{}",
                "features/f.npy": "f",
                "report.md": "r",
            },
            run_name="prepare",
        )
        == {
            "dataset.data-clean": (
                "dataset/data-clean",
                ["part-0.parquet", "part-1.parquet", "schema.json"],
            ),
            "dataset.features-f": ("dataset/features-f", ["f.npy"]),
            "files": ("file/prepare", ["report.md"]),
        }
        or True
    )
    placed = project.writes("data/clean/part-0.parquet", run_name="prepare")
    assert "dataset" in placed.outputs


def test_in_folders_for_data_everything_is_data(project):
    made = written(project, {"data/words/en.txt": "a", "data/words/notes.xyz": "b", "m.pt": BIG})
    assert made["dataset"] == ("dataset/words", ["en.txt", "notes.xyz"])
    made = written(project, {"data/words2/strange.xyz": "b"})
    assert made == {"files": ("file/train", ["data/words2/strange.xyz"])}


def test_how_a_training_went_is_no_dataset(project):
    made = written(
        project, {"out/model.pt": BIG, "out/preds.csv": "a", "out/test_x.npy": "b", "h.csv": "c"}
    )
    assert made["files"] == ("file/train", ["h.csv", "out/preds.csv", "out/test_x.npy"])
    made = written(project, {"results/metrics.csv": "a", "plots/1.png": "b"}, run_name="evaluate")
    assert made == {"files": ("file/evaluate", ["plots/1.png", "results/metrics.csv"])}


def test_many_pictures_are_data_and_a_few_are_not(project):
    many = {f"faces/{number}.png": b"%d" % number for number in range(12)}
    made = written(project, many, run_name="crop")
    assert made == {"dataset": ("dataset/faces", sorted(name[6:] for name in many))}
    made = written(project, {"pictures/1.png": "1", "pictures/2.png": "2"}, run_name="draw")
    assert made == {"files": ("file/draw", ["pictures/1.png", "pictures/2.png"])}


def test_what_lies_where_a_version_was_is_the_next_one(project):
    fill(project.root, {"work/a.bin": "1", "work/b.bin": "2"})
    project.repository.add_version("dataset/mine", project.root / "work")
    made = written(project, {"work/b.bin": "new", "work/c.bin": "3"})
    assert made == {"dataset": ("dataset/mine", ["a.bin", "b.bin", "c.bin"])}


def test_what_a_run_adds_to_its_input_is_not_its_next_version(project):
    fill(project.root, {"work/a.bin": "1", "work/b.bin": "2"})
    project.repository.add_version("dataset/mine", project.root / "work")
    made = written(project, {"work/model.pt": BIG}, reads=["work/a.bin"])
    assert made == {"model": ("model/digits", ["model.pt"])}
    made = written(project, {"work/b.bin": "in place"}, reads=["work/a.bin"])
    assert made["dataset"][0] == "dataset/mine"


def test_declared_outputs_are_left_to_those_who_declared_them(project):
    files = {"out/model.pt": BIG, "extra/model.pt": BIG, "out/notes.txt": "n"}
    fill(project.root, files)
    placed = project.writes(*files, declared={project.root / "out": "model/digits"})
    assert [str(output.asset) for output in placed.outputs.values()] == ["model/extra"]
    placed = project.writes("extra/model.pt", declared={project.root / "out": "model/extra"})
    assert [str(output.asset) for output in placed.outputs.values()] == ["model/extra-2"]


def test_what_is_no_output_is_said(project):
    git(project.root, "init", "-q")
    names = ("train.py", "x.pyc", "half.tmp", "__pycache__/y.bin", "old.txt", "sub/.git/config")
    fill(project.root, dict.fromkeys(names, "x"))
    git(project.root, "add", "train.py")
    placed = project.writes(*names, "gone.pt", ".omprov/catalog.db", started_ns=0)
    assert {role: output.content.files for role, output in placed.outputs.items()} == {"files": 1}
    assert len([one for one in placed.reasons.values() if one.startswith("left out")]) == 7
    later = project.writes("old.txt", started_ns=time.time_ns() + 10**11)
    assert later.outputs == {}
    assert "not changed" in later.reasons[str(project.root / "old.txt")]


def test_a_file_that_cannot_be_stored_does_not_take_the_others_along(project, monkeypatch):
    fill(project.root, {"a.txt": "a", "b.txt": "b"})
    stored = project.repository.content.put_selection

    def goes(files, *words, **options):
        if len(files) > 1:
            (project.root / "b.txt").unlink()
        return stored(files, *words, **options)

    monkeypatch.setattr(project.repository.content, "put_selection", goes)
    placed = project.writes("a.txt", "b.txt")
    assert project.files(placed.outputs["files"].content.digest) == ["a.txt"]
    assert "b.txt is left out" in placed.notes[0]


def test_names_that_are_no_text(project):
    odd = os.fsdecode(b"caf\xe9")
    made = written(project, {f"{odd}.pt": BIG, f"{odd}.log": "x"})
    assert made == {
        "model": ("model/caf", [f"{odd}.pt"]),
        "files": ("file/train", [f"{odd}.log"]),
    }


def test_outside_of_the_project(project, tmp_path):
    fill(tmp_path, {"elsewhere/net7.pt": BIG, "elsewhere/notes.txt": "n"})
    made = project.outputs("../elsewhere/net7.pt", "../elsewhere/notes.txt")
    assert made["model"][1] == ["net7.pt"]
    assert made["files"][1] == [str(tmp_path / "elsewhere/notes.txt").lstrip("/")]


def test_places_are_remembered_where_they_hold_just_the_output(project):
    files = {"nets/resnet18/epoch_1.pt": BIG, "nets/resnet18/best.pt": BIG, "nets/b.pt": BIG}
    fill(project.root, {**files, "nets/readme": "r"})
    placed = project.writes(*files)
    run = project.repository.record_run(inputs={}, outputs=placed.outputs)
    remember_outputs(project.repository, placed, run)
    held = {one.path: one.reference for one in project.repository.workspace.list()}
    assert held == {
        "nets/b.pt": str(run.outputs["model.nets-b"]),
        "nets/resnet18": str(run.outputs["model.nets-resnet18"]),
    }
    assert project.inputs("nets/resnet18/best.pt", "nets/b.pt") == {
        "base_model": "model/nets-b:v1",
        "base_model.nets-resnet18": "model/nets-resnet18:v1",
    }
