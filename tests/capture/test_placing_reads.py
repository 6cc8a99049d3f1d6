"""From files that a run read to versions: known, changed, copied, unknown, from elsewhere."""

from __future__ import annotations

import os
import shutil
import time

import pytest
from placing_project import Project, fill, git

from omprov.capture._placing import copy_limit, place_reads
from omprov.errors import InvalidInput
from omprov.repository import Output

SPLITS = {"data/train/a.bin": "aaaa", "data/train/b.bin": "bbbb", "data/val/c.bin": "cccc"}


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setattr("os.fsync", lambda _: None)  # no test cuts the power
    made = Project(tmp_path / "digits")
    yield made
    made.repository.close()


def parents(project, version):
    return [str(one.older) for one in project.repository.inherits(version)]


def test_an_unknown_folder_is_recorded_once_and_then_known(project):
    fill(project.root, SPLITS)
    first = project.reads(*SPLITS)
    assert {role: str(one) for role, one in first.inputs.items()} == {"dataset": "dataset/data:v1"}
    assert project.files(first.inputs["dataset"].digest) == [
        "train/a.bin",
        "train/b.bin",
        "val/c.bin",
    ]
    assert all(reason.startswith("dataset/data:v1: ") for reason in first.reasons.values())
    assert "was not known" in first.notes[0]
    again = project.reads("data/val/c.bin")
    assert again.inputs == first.inputs
    assert again.notes == ()
    assert project.repository.workspace.find(project.root / "data").reference == "dataset/data:v1"


def test_a_known_folder_that_changed_gets_its_next_version_and_a_revert_one_more(project):
    fill(project.root, SPLITS)
    project.reads(*SPLITS)
    fill(project.root, {"data/train/a.bin": "changed"})
    placed = project.reads("data/train/b.bin")
    assert str(placed.inputs["dataset"]) == "dataset/data:v2"
    assert "differs from dataset/data:v1" in placed.notes[0]
    assert parents(project, "dataset/data:v2") == ["dataset/data:v1"]
    fill(project.root, {"data/train/a.bin": "aaaa"})
    assert project.inputs("data/train/b.bin") == {"dataset": "dataset/data:v3"}
    assert sorted(parents(project, "dataset/data:v3")) == ["dataset/data:v1", "dataset/data:v2"]
    assert project.inputs("data/train/b.bin") == {"dataset": "dataset/data:v3"}


def test_the_innermost_known_folder_counts(project):
    fill(project.root, SPLITS)
    project.repository.add_version("dataset/all", project.root / "data")
    project.repository.add_version("dataset/validation", project.root / "data/val")
    placed = project.inputs("data/val/c.bin", "data/train/a.bin")
    assert placed == {"dataset": "dataset/all:v1", "dataset.validation": "dataset/validation:v1"}


def test_a_project_recorded_as_a_whole_does_not_swallow_its_data(project):
    fill(project.root, {**SPLITS, "train.py": "pass"})
    project.repository.add_version("algorithm/train", project.root)
    assert project.inputs(*SPLITS) == {"dataset": "dataset/data:v1"}


def test_a_local_copy_is_the_version_that_it_was_made_from(project):
    version = project.repository.add_version("dataset/mem", {"a/x.bin": b"x"}).version
    twin = project.repository.add_version("dataset/twin", {"a/x.bin": b"x"}).version
    copy = project.repository.local_copy(version)
    path = os.path.relpath(copy / "a/x.bin", project.root)
    assert project.inputs(path) == {"dataset": str(twin)}
    assert project.inputs(path, declared={"dataset": version}) == {}
    placed = project.reads(".omprov/catalog.db", path, declared={"dataset": version})
    assert "belongs to the repository" in placed.reasons[str(project.root / ".omprov/catalog.db")]


def test_a_copied_folder_is_the_same_version_and_an_edited_copy_inherits_it(project):
    fill(project.root, SPLITS)
    project.inputs(*SPLITS)
    shutil.copytree(project.root / "data", project.root / "same")
    assert project.inputs("same/train/a.bin", "same/val/c.bin") == {"dataset": "dataset/data:v1"}
    shutil.copytree(project.root / "data", project.root / "data_v2")
    fill(project.root, {"data_v2/train/a.bin": "edited"})
    edited = project.reads("data_v2/train/a.bin", "data_v2/val/c.bin").inputs
    assert {role: str(one) for role, one in edited.items()} == {"dataset": "dataset/data_v2:v1"}
    (edge,) = project.repository.inherits("dataset/data_v2:v1")
    assert str(edge.older) == "dataset/data:v1"
    assert edge.weight == pytest.approx(1 / 3)


def test_data_that_has_nothing_in_common_inherits_nothing(project):
    fill(project.root, {**SPLITS, "other/1.bin": "1", "other/2.bin": "2"})
    project.inputs(*SPLITS)
    assert project.inputs("other/1.bin", "other/2.bin") == {"dataset": "dataset/other:v1"}
    assert parents(project, "dataset/other:v1") == []


def test_a_name_that_is_taken_by_something_else_becomes_longer(project):
    fill(
        project.root,
        {"a/faces/1.bin": "1", "a/faces/2.bin": "2", "b/faces/1.bin": "x", "b/faces/9.bin": "y"},
    )
    git(project.root, "init", "-q")
    fill(project.root, {"a/code.py": "", "b/code.py": ""})
    git(project.root, "add", "a/code.py", "b/code.py")
    assert project.inputs("a/faces/1.bin", "a/faces/2.bin") == {"dataset": "dataset/faces:v1"}
    assert project.inputs("b/faces/1.bin", "b/faces/9.bin") == {"dataset": "dataset/b-faces:v1"}


def test_removed_names_stay_taken(project):
    fill(project.root, SPLITS)
    project.repository.add_version("dataset/data", {"x": b"x"})
    project.repository.remove_asset("dataset/data")
    assert project.inputs(*SPLITS) == {"dataset": "dataset/data-2:v1"}


def test_a_workspace_that_forgot_records_nothing_twice(project):
    fill(project.root, SPLITS)
    project.inputs(*SPLITS)
    project.repository.workspace.forget(project.root / "data")
    assert project.inputs(*SPLITS) == {"dataset": "dataset/data:v1"}
    fill(project.root, {"data/train/a.bin": "changed"})
    project.repository.workspace.forget(project.root / "data")
    assert project.inputs(*SPLITS) == {"dataset": "dataset/data:v2"}
    assert parents(project, "dataset/data:v2") == ["dataset/data:v1"]


# -- roles


def test_roles_do_not_depend_on_what_else_is_read(project):
    fill(project.root, {"zoo/1.bin": "1", "zoo/2.bin": "2", "ant/1.bin": "3", "ant/2.bin": "4"})
    zoo, ant = ("zoo/1.bin", "zoo/2.bin"), ("ant/1.bin", "ant/2.bin")
    assert project.inputs(*zoo) == {"dataset": "dataset/zoo:v1"}
    both = {"dataset": "dataset/zoo:v1", "dataset.ant": "dataset/ant:v1"}
    assert project.inputs(*zoo, *ant) == both
    assert project.inputs(*ant, *zoo) == both
    assert project.inputs(*ant) == {"dataset": "dataset/ant:v1"}


def test_what_is_held_out_is_never_the_main_dataset(project):
    fill(project.root, {"code/x.py": ""})
    names = {
        "test-faces/1.bin": "1",
        "test-faces/2.bin": "2",
        "words/1.bin": "3",
        "words/2.bin": "4",
    }
    fill(project.root, names)
    project.inputs("test-faces/1.bin", "test-faces/2.bin")
    assert project.inputs(*names) == {
        "dataset": "dataset/words:v1",
        "dataset.test-faces": "dataset/test-faces:v1",
    }


def test_an_edited_copy_plays_the_role_of_what_it_was_copied_from(project):
    fill(
        project.root,
        {"faces/1.bin": "1", "faces/2.bin": "2", "words/1.bin": "3", "words/2.bin": "4"},
    )
    faces, words = ("faces/1.bin", "faces/2.bin"), ("words/1.bin", "words/2.bin")
    assert project.inputs(*words) == {"dataset": "dataset/words:v1"}
    assert project.inputs(*faces, *words) == {
        "dataset": "dataset/words:v1",
        "dataset.faces": "dataset/faces:v1",
    }
    shutil.copytree(project.root / "faces", project.root / "faces_new")
    fill(project.root, {"faces_new/1.bin": "edited"})
    assert project.inputs("faces_new/1.bin", "faces_new/2.bin", *words) == {
        "dataset": "dataset/words:v1",
        "dataset.faces": "dataset/faces_new:v1",
    }
    assert project.inputs("faces_new/1.bin", *faces, *words) == {
        "dataset": "dataset/words:v1",
        "dataset.faces": "dataset/faces:v1",
        "dataset.faces_new": "dataset/faces_new:v1",
    }


def test_runs_on_an_edited_copy_give_models_that_inherit(project):
    fill(project.root, SPLITS)
    project.run("train", reads=[*SPLITS], writes={"out/model.pt": b"1" * 99})
    shutil.copytree(project.root / "data", project.root / "data_v2")
    fill(project.root, {"data_v2/val/c.bin": "edited"})
    reads = [name.replace("data/", "data_v2/") for name in SPLITS]
    second = project.run("train", reads=reads, writes={"out/model.pt": b"2" * 99})
    (edge,) = project.repository.inherits(second.outputs["model"])
    assert (str(edge.newer), str(edge.older)) == ("model/digits:v2", "model/digits:v1")
    assert edge.weight == pytest.approx((0 + 1 / 3) / 2)


def test_declared_inputs_keep_their_roles(project):
    fill(project.root, SPLITS)
    declared = project.repository.add_version("dataset/mine", {"x": b"x"}).version
    assert project.inputs(*SPLITS, declared={"dataset": declared}) == {
        "dataset.data": "dataset/data:v1"
    }


# -- models and settings


def test_models_are_base_models(project):
    fill(
        project.root,
        {
            "nets/resnet18.pth": b"r" * 200,
            "nets/bert/config.json": "{}",
            "nets/bert/model.safetensors": b"b" * 300,
            "nets/bert/vocab.txt": "a b c",
            "data/train.pt": b"t" * 100,
            "data/test.pt": b"u" * 100,
        },
    )
    placed = project.reads(
        "nets/resnet18.pth",
        "nets/bert/config.json",
        "nets/bert/model.safetensors",
        "data/train.pt",
    )
    assert {role: str(one) for role, one in placed.inputs.items()} == {
        "base_model": "model/nets-bert:v1",
        "base_model.nets-resnet18": "model/nets-resnet18:v1",
        "dataset": "dataset/data:v1",
    }
    assert project.files(placed.inputs["base_model"].digest) == [
        "config.json",
        "model.safetensors",
        "vocab.txt",
    ]
    assert project.files(placed.inputs["dataset"].digest) == ["test.pt", "train.pt"]


def test_a_checkpoint_of_an_earlier_run_is_that_run_s_version_wherever_it_lies(project):
    model = {"a/net.pt": b"n" * 500, "a/vocab.json": b"v" * 80}
    fill(
        project.root,
        {"stored/net.pt": model["a/net.pt"], "stored/vocab.json": model["a/vocab.json"]},
    )
    content = project.repository.content.put_tree(project.root / "stored")
    runs = [
        project.repository.record_run(
            inputs={}, outputs={"model": Output("model/net", content)}, name="train"
        )
        for _ in range(2)
    ]
    fill(project.root, {"copied/base.pt": b"n" * 500, "copied/unrelated.pt": b"z" * 500})
    placed = project.reads("copied/base.pt", "copied/unrelated.pt")
    assert {role: str(one) for role, one in placed.inputs.items()} == {
        "base_model": str(runs[1].outputs["model"]),
        "base_model.copied-unrelated": "model/copied-unrelated:v1",
    }
    assert "content" in placed.reasons[str(project.root / "copied/base.pt")]


def test_settings_become_one_version_of_parameters(project):
    fill(
        project.root,
        {
            "conf/base.yaml": "lr: 1",
            "conf/model/big.yaml": "d: 2",
            "run.toml": "a=1",
            "train.py": "",
        },
    )
    names = ("conf/base.yaml", "conf/model/big.yaml", "run.toml")
    placed = project.reads(*names)
    assert {role: str(one) for role, one in placed.inputs.items()} == {
        "params.train-settings": "params/train-settings:v1"
    }
    (version,) = placed.inputs.values()
    assert project.files(version.digest) == ["conf/base.yaml", "conf/model/big.yaml", "run.toml"]
    fill(project.root, {"run.toml": "a=2"})
    assert project.inputs(*names) == {"params.train-settings": "params/train-settings:v2"}


def make_hub(folder, kind, name, revision, files):
    """Lay a snapshot into a cache as `huggingface_hub` does."""
    repo = folder / "hub" / f"{kind}--{name.replace('/', '--')}"
    fill(repo, {"refs/main": revision})
    for path, content in files.items():
        blob = repo / "blobs" / f"{hash(content) & 0xFFFFFFFF:08x}"
        fill(blob.parent, {blob.name: content})
        link = repo / "snapshots" / revision / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(blob, link.parent))
    return repo / "snapshots" / revision


def test_snapshots_of_the_hub_are_known_by_their_revision(project, tmp_path):
    base = {"config.json": "{}", "model.safetensors": b"m" * 900}
    first = make_hub(tmp_path, "models", "org/tiny-bert", "a" * 40, base)
    words = make_hub(tmp_path, "datasets", "words", "d" * 40, {"sub/en.parquet": b"p" * 70})
    reads = [first / "config.json", first / "model.safetensors", words / "sub/en.parquet"]
    placed = project.reads(*reads)
    assert {role: str(one) for role, one in placed.inputs.items()} == {
        "base_model": "model/org-tiny-bert:v1",
        "dataset": "dataset/words:v1",
    }
    model = placed.inputs["base_model"]
    assert model.source["revision"] == "a" * 40
    assert project.repository.is_by_reference(model)
    with project.repository.open_file(model, "model.safetensors") as file:
        assert file.read() == base["model.safetensors"]
    assert project.reads(reads[0]).inputs["base_model"] == model
    second = make_hub(tmp_path, "models", "org/tiny-bert", "b" * 40, {**base, "config.json": "{1}"})
    newer = project.reads(second / "config.json", second / "model.safetensors").inputs["base_model"]
    assert (newer.number, newer.source["revision"]) == (2, "b" * 40)
    assert parents(project, newer) == ["model/org-tiny-bert:v1"]


# -- how it is kept, and what cannot be


def test_large_data_is_recorded_by_reference(project):
    fill(project.root, {"data/train/a.bin": b"a" * 5000, "data/val/b.bin": b"b" * 5000})
    placed = project.reads("data/train/a.bin", limit=9_999)
    version = placed.inputs["dataset"]
    assert project.repository.is_by_reference(version)
    assert version.source["identified by"] == "digest"
    assert "by reference" in placed.notes[0]
    assert project.inputs("data/train/a.bin", limit=9_999) == {"dataset": "dataset/data:v1"}
    fill(project.root, {"data/val/b.bin": b"c" * 5000})
    changed = project.reads("data/train/a.bin", limit=9_999).inputs["dataset"]
    assert (str(changed), project.repository.is_by_reference(changed)) == ("dataset/data:v2", True)


def test_huge_data_is_known_by_sizes_and_times(project):
    fill(project.root, {"data/train/a.bin": b"a" * 5000, "data/val/b.bin": b"b" * 5000})
    placed = project.reads("data/train/a.bin", limit=100)
    assert placed.inputs["dataset"].source["identified by"] == "size and time"
    assert project.inputs("data/train/a.bin", limit=100) == {"dataset": "dataset/data:v1"}
    fill(project.root, {"data/val/b.bin": b"b" * 5001})
    changed = project.reads("data/train/a.bin", limit=100).inputs["dataset"]
    assert (changed.number, changed.source["identified by"]) == (2, "size and time")


def test_the_limit_is_a_setting(project):
    assert copy_limit(project.repository) == 10 << 30
    project.repository.config.set("capture.copy_limit", "5M")
    assert copy_limit(project.repository) == 5 << 20
    with pytest.raises(InvalidInput):
        project.repository.config.set("capture.copy_limit", "much")


def test_many_files_among_other_things_are_kept_without_them(project):
    names = [f"{number}.csv" for number in range(5)]
    fill(project.root, {**dict.fromkeys(names, "x"), "train.py": "", "junk.log": ""})
    placed = project.reads(*names)
    assert {role: str(one) for role, one in placed.inputs.items()} == {
        "dataset": "dataset/digits:v1"
    }
    assert project.files(placed.inputs["dataset"].digest) == names
    assert project.inputs(*names) == {"dataset": "dataset/digits:v1"}


def test_a_symlinked_dataset_is_named_after_the_link(project, tmp_path):
    fill(tmp_path, {"disk/x/1.bin": "1", "disk/x/2.bin": "2"})
    (project.root / "faces").symlink_to(tmp_path / "disk/x")
    assert project.inputs("faces/1.bin", "faces/2.bin") == {"dataset": "dataset/faces:v1"}
    fill(tmp_path, {"disk/x/1.bin": "changed"})
    assert project.inputs("faces/1.bin") == {"dataset": "dataset/faces:v2"}


def test_what_the_run_wrote_is_no_input_and_does_not_change_one(project):
    fill(project.root, SPLITS)
    project.inputs(*SPLITS)
    fill(project.root, {"data/train.cache": "cached", "data/extra.bin": "new"})
    written = ("data/train.cache", "data/extra.bin")
    placed = project.reads(*SPLITS, *written, writes=written)
    assert {role: str(one) for role, one in placed.inputs.items()} == {"dataset": "dataset/data:v1"}
    assert placed.reasons[str(project.root / "data/extra.bin")] == "left out: the run wrote it"


def test_files_that_are_gone_or_changed_are_said(project):
    fill(project.root, SPLITS)
    placed = project.reads(*SPLITS, "data/train/gone.bin", started_ns=0)
    assert any("gone.bin is gone" in note for note in placed.notes)
    assert any("3 files" in note and "changed after the run began" in note for note in placed.notes)
    assert project.reads(*SPLITS, started_ns=time.time_ns() + 10**10).notes == ()
    assert project.reads("data/nothing.bin").inputs == {}


def test_secrets_and_caches_are_left_out(project):
    names = (".env", "key.pem", "__pycache__/x.bin", "half.part", ".netrc")
    fill(project.root, dict.fromkeys(names, "x"))
    placed = project.reads(*names)
    assert placed.inputs == {}
    assert len(placed.reasons) == len(names)
    assert project.repository.list_assets() == []


def test_source_is_no_data_except_in_folders_for_data(project):
    names = ("helper.py", "lib/more.py", "data/corpus/a.py", "data/corpus/sub/b.js")
    fill(project.root, dict.fromkeys(names, "x" * 99))
    placed = project.reads(*names)
    assert [path for path, why in placed.reasons.items() if why.startswith("left out")] == [
        str(project.root / "helper.py"),
        str(project.root / "lib/more.py"),
    ]
    git(project.root, "init", "-q")
    git(project.root, "add", "data/corpus/a.py")
    assert "tracks" in project.reads("data/corpus/a.py").reasons[str(project.root / names[2])]


def test_a_clone_in_the_project_may_be_data(project):
    git(project.root, "init", "-q")
    fill(project.root, {"data/squad/train.json": "t", "data/squad/dev.json": "d"})
    git(project.root / "data/squad", "init", "-q")
    placed = project.reads("data/squad/train.json", "data/squad/dev.json")
    assert {role: str(one) for role, one in placed.inputs.items()} == {
        "dataset": "dataset/squad:v1"
    }
    assert project.files(placed.inputs["dataset"].digest) == ["dev.json", "train.json"]


def test_names_that_are_no_text(project):
    odd = os.fsdecode(b"caf\xe9")
    for path in (f"{odd}/1.bin", f"{odd}/\u00e4 \n.bin"):
        fill(project.root, {path: path.encode(errors="surrogateescape")})
    placed = project.reads(f"{odd}/1.bin", f"{odd}/\u00e4 \n.bin", f"{odd}/gone")
    assert {role: str(one) for role, one in placed.inputs.items()} == {"dataset": "dataset/caf:v1"}
    for note in placed.notes:
        note.encode()
    for reason in placed.reasons.values():
        reason.encode()
    assert project.inputs(f"{odd}/1.bin") == {"dataset": "dataset/caf:v1"}


def test_a_folder_that_cannot_be_stored_gives_the_files_that_were_read(project):
    fill(project.root, SPLITS)
    os.mkfifo(project.root / "data/pipe")
    placed = project.reads("data/train/a.bin", "data/val/c.bin")
    assert project.files(placed.inputs["dataset"].digest) == ["train/a.bin", "val/c.bin"]
    assert any("named pipe" in note for note in placed.notes)


def test_folders_with_chosen_parts_alone_count_as_their_version(project):
    files = {"train/a": b"1", "val/b": b"2"}
    version = project.repository.add_version("dataset/parts", files).version
    project.repository.checkout(version, project.root / "some", paths=["train"])
    assert project.inputs("some/train/a") == {"dataset": "dataset/parts:v1"}
    fill(project.root, {"some/train/a": "changed"})
    placed = project.reads("some/train/a")
    assert {role: str(one) for role, one in placed.inputs.items()} == {
        "dataset": "dataset/parts:v1"
    }
    assert "only parts" in placed.notes[0]


def test_the_order_of_reads_changes_nothing(tmp_path):
    names = ["data/a/1.csv", "data/a/2.csv", "data/b/1.npy", "w/net.pt", "x.toml", "z.csv"]
    outcomes = []
    for number, order in enumerate((names, names[::-1], names[3:] + names[:3])):
        project = Project(tmp_path / str(number) / "proj")
        fill(project.root, {name: name * 40 for name in names})
        outcomes.append(project.inputs(*order))
        project.repository.close()
    assert outcomes[0] == outcomes[1] == outcomes[2]
    assert len(outcomes[0]) == 5


def test_nothing_read_gives_nothing(project):
    assert project.inputs() == {}


def test_the_project_may_be_another_folder_than_the_repository_s(project, tmp_path):
    fill(tmp_path / "elsewhere", SPLITS)
    placed = place_reads(
        project.repository,
        project.accesses([tmp_path / "elsewhere" / name for name in SPLITS]),
        project_root=tmp_path / "elsewhere",
        run_name="train",
        limit_reference=1 << 30,
    )
    assert {role: str(one) for role, one in placed.inputs.items()} == {"dataset": "dataset/data:v1"}
