"""Which folders become datasets, rule by rule, and that the order of reads does not matter."""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from placing_project import fill, git

from omprov.capture._placing._ground import Ground
from omprov.capture._placing._grouping import group_files


def groups(root: Path, *names: str, avoided=()) -> dict[str, str]:
    """Return path, below the root → sort of each group."""
    ground = Ground(root, [os.path.realpath(root / name) for name in avoided])
    real = [os.path.realpath(root / name) for name in names]
    base = os.path.realpath(root)
    return {os.path.relpath(one.path, base): one.sort for one in group_files(real, ground)}


CASES = {
    "parts are one dataset": (
        ["data/train/a.bin", "data/val/b.bin"],
        ["data/train/a.bin", "data/val/b.bin"],
        {"data": "folder"},
    ),
    "one part alone stands for the dataset": (
        ["data/train/a.bin", "data/train/b.bin", "data/val/b.bin"],
        ["data/train/a.bin", "data/train/b.bin"],
        {"data": "folder"},
    ),
    "one file of a part does, too": (
        ["data/train/a.bin", "data/val/b.bin"],
        ["data/train/a.bin"],
        {"data": "folder"},
    ),
    "a container of which one folder is read": (
        ["data/cifar10/a.bin", "data/cifar10/b.bin", "data/mnist/c.idx"],
        ["data/cifar10/a.bin", "data/cifar10/b.bin"],
        {"data/cifar10": "folder"},
    ),
    "a container of which two folders that differ are read": (
        ["data/cifar10/a.bin", "data/cifar10/b.bin", "data/mnist/c.npy", "data/mnist/d.npy"],
        ["data/cifar10/a.bin", "data/cifar10/b.bin", "data/mnist/c.npy", "data/mnist/d.npy"],
        {"data/cifar10": "folder", "data/mnist": "folder"},
    ),
    "a container of classes": (
        ["data/cat/1.png", "data/cat/2.png", "data/dog/1.png"],
        ["data/cat/1.png", "data/dog/1.png"],
        {"data": "folder"},
    ),
    "a container with files of its own that are read": (
        ["data/labels.csv", "data/imgs/1.png"],
        ["data/labels.csv", "data/imgs/1.png"],
        {"data": "folder"},
    ),
    "a folder of classes": (
        ["flowers/rose/1.png", "flowers/daisy/2.png", "flowers/LICENSE.txt"],
        ["flowers/rose/1.png", "flowers/daisy/2.png"],
        {"flowers": "folder"},
    ),
    "the top folder below the root": (
        ["faces/2020/a.png", "faces/2020/b.png", "faces/index.csv", "train.py"],
        ["faces/2020/a.png", "faces/2020/b.png"],
        {"faces": "folder"},
    ),
    "folders that only hold folders are gone down": (
        ["store/sets/digits/a.bin", "store/sets/digits/b.bin", "store/sets/more/c.bin"],
        ["store/sets/digits/a.bin", "store/sets/digits/b.bin"],
        {"store/sets/digits": "folder"},
    ),
    "a file read alone": (
        ["data/iris.csv", "data/titanic.csv", "data/housing.csv"],
        ["data/iris.csv"],
        {"data/iris.csv": "file"},
    ),
    "a file that is a part by its name": (
        ["data/train.csv", "data/test.csv"],
        ["data/train.csv"],
        {"data": "folder"},
    ),
    "a folder that is a file by its suffix": (
        ["big.zarr/0.0", "big.zarr/0.1"],
        ["big.zarr/0.1"],
        {"big.zarr": "folder"},
    ),
    "files in the root": (
        ["train.py", "iris.csv", "extra.csv"],
        ["iris.csv", "extra.csv"],
        {"iris.csv": "file", "extra.csv": "file"},
    ),
    "many files in the root": (
        ["a1.csv", "a2.csv", "a3.csv", "a4.csv"],
        ["a1.csv", "a2.csv", "a3.csv", "a4.csv"],
        {".": "chosen"},
    ),
    "data beside source": (
        ["src/model.py", "src/words.txt", "src/tables/x.csv", "src/tables/y.csv"],
        ["src/words.txt", "src/tables/x.csv", "src/tables/y.csv"],
        {"src/words.txt": "file", "src/tables": "folder"},
    ),
    "what runs made is of many sorts": (
        ["outputs/prep/a.npy", "outputs/prep/b.npy", "outputs/other/c.npy", "outputs/d.npy"],
        ["outputs/prep/a.npy", "outputs/prep/b.npy", "outputs/other/c.npy", "outputs/d.npy"],
        {"outputs/prep": "folder", "outputs/other/c.npy": "file", "outputs/d.npy": "file"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rule(tmp_path, case):
    files, reads, expected = CASES[case]
    fill(tmp_path / "proj", {name: name for name in files})
    assert groups(tmp_path / "proj", *reads) == expected


def test_a_folder_in_which_the_run_wrote_is_no_dataset_but_its_folders_are(tmp_path):
    names = ["data/raw/a.csv", "data/raw/b.csv", "data/clean/a.csv"]
    fill(tmp_path, dict.fromkeys(names, "x"))
    assert groups(tmp_path, *names[:2], avoided=names[2:]) == {"data/raw": "folder"}


def test_a_folder_with_source_that_git_tracks_is_none_however_deep_it_lies(tmp_path):
    names = ["data/tools/get.py", "data/README.md", "data/x/a.bin", "data/x/b.bin", "data/c.bin"]
    fill(tmp_path, dict.fromkeys(names, "x"))
    reads = names[2:]
    assert groups(tmp_path, *reads) == {"data": "folder"}
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "data/README.md")
    assert groups(tmp_path, *reads) == {"data": "folder"}
    git(tmp_path, "add", "data/tools")
    assert groups(tmp_path, *reads) == {"data/x": "folder", "data/c.bin": "file"}


def test_outside_it_is_the_deepest_folder_of_all_reads(tmp_path):
    fill(
        tmp_path,
        {
            "store/nets/imagenet/train/n01/a.jpg": "a",
            "store/nets/imagenet/train/n02/b.jpg": "b",
            "store/nets/imagenet/val/n01/c.jpg": "c",
            "store/nets/notes.txt": "x",
            "words/deep/down/en.txt": "x",
            "proj/train.py": "x",
        },
    )
    deep = "../store/nets/imagenet"
    first, second = f"{deep}/train/n01/a.jpg", f"{deep}/train/n02/b.jpg"
    assert groups(tmp_path / "proj", first, second) == {deep: "folder"}
    assert groups(tmp_path / "proj", first, second, f"{deep}/val/n01/c.jpg") == {deep: "folder"}
    assert groups(tmp_path / "proj", first, "../words/deep/down/en.txt") == {
        deep: "folder",
        "../words/deep/down/en.txt": "file",
    }


def test_never_the_top_the_home_or_what_holds_the_project(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    fill(tmp_path, {name: name for name in ("home/a.csv", "home/b.csv", "home/proj/train.py")})
    ground = Ground(tmp_path / "home/proj")
    home = os.path.realpath(tmp_path / "home")
    for folder in ("/", "/mnt", "/mnt/disk", "/home/ada", home, str(Path(home).parent), "/proc"):
        assert ground.is_forbidden(folder), folder
    assert groups(tmp_path / "home/proj", "../a.csv", "../b.csv") == {
        "../a.csv": "file",
        "../b.csv": "file",
    }


def test_a_symlink_in_the_project_gives_the_dataset_its_place(tmp_path):
    fill(tmp_path, {"disk/x/a/1.png": "1", "disk/x/b/2.png": "2", "proj/train.py": ""})
    (tmp_path / "proj/faces").symlink_to(tmp_path / "disk/x")
    ground = Ground(tmp_path / "proj")
    real = os.path.realpath(tmp_path / "disk/x")
    assert ground.shown(f"{real}/a/1.png") == ("faces", "a", "1.png")
    found = group_files([f"{real}/a/1.png", f"{real}/b/2.png"], ground)
    assert [(one.path, one.sort) for one in found] == [(real, "folder")]


PARTS = ["data", "train", "cifar", "out", "x", "src", "a.py", "b.csv", "train.csv", "c.png"]
FILES = st.lists(
    st.lists(st.sampled_from(PARTS[:6]), max_size=3).flatmap(
        lambda folders: st.sampled_from(PARTS[6:]).map(lambda name: "/".join([*folders, name]))
    ),
    min_size=1,
    max_size=12,
    unique=True,
)


@settings(max_examples=150, deadline=None)
@given(files=FILES, reads=st.data())
def test_the_order_of_reads_does_not_matter_and_every_read_is_in_one_group(files, reads):
    with tempfile.TemporaryDirectory() as name:
        root = Path(os.path.realpath(name)) / "proj"
        fill(root, dict.fromkeys(files, "x"))
        chosen = reads.draw(st.lists(st.sampled_from(files), min_size=1, unique=True))
        avoided = [str(root / name) for name in files if name not in chosen][:2]
        paths = [str(root / name) for name in chosen]
        expected = group_files(paths, Ground(root, avoided))
        for seed in range(3):
            random.Random(seed).shuffle(paths)
            assert group_files(paths, Ground(root, avoided)) == expected
        assert sorted(path for one in expected for path in one.files) == sorted(paths)
        for one in expected:
            assert one.path != str(root) or one.sort == "chosen"
            assert all(path == one.path or path.startswith(one.path + "/") for path in one.files)
            if one.sort == "folder":
                assert not any(path.startswith(one.path + "/") for path in avoided)
