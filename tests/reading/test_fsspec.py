"""``omprov://`` as pandas, Arrow, loaders and fsspec itself use it."""

from __future__ import annotations

import io
import multiprocessing
import os
import pickle
import random
import tomllib
from importlib import import_module
from pathlib import Path

import fsspec
import fsspec_readers
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest

import omprov
from omprov.errors import InvalidInput, NotFound, Unavailable

ENTRY_POINT = "omprov._fsspec:OmprovFileSystem"
if "omprov" not in fsspec.available_protocols():
    fsspec.register_implementation("omprov", ENTRY_POINT.replace(":", "."))

LARGE = random.Random(1).randbytes(1_500_000)
TABLE = pa.table({"x": range(1000), "y": [f"name {n}" for n in range(1000)]})


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OMPROV_URL", raising=False)
    data = tmp_path / "data"
    (data / "sub" / "deep").mkdir(parents=True)
    (data / "empty").mkdir()
    (data / "labels.csv").write_text("name,size\na,1\nb,2\n")
    (data / "large.bin").write_bytes(LARGE)
    (data / "none").write_bytes(b"")
    (data / "sub" / "café:1.csv").write_text("name,size\nc,3\n")
    for number in range(3):
        (data / "sub" / "deep" / f"{number}.txt").write_text(f"{number}")
    (data / "link.csv").symlink_to("labels.csv")
    (data / "linked").symlink_to("sub")
    (data / "gone").symlink_to("/nowhere")
    pa.parquet.write_table(TABLE, data / "table.parquet", row_group_size=100)
    with omprov.connect(tmp_path) as made:
        made.add_version("dataset/digits", data)
        (data / "labels.csv").write_text("name,size\nz,9\n")
        made.add_version("dataset/digits", data)
        made.add_version("model/net", {"weights": b"42"})
        yield made


@pytest.fixture
def fs(repository):
    return fsspec.filesystem("omprov", repository=str(repository.path))


def test_the_entry_point_names_the_file_system():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["fsspec.specs"] == {"omprov": ENTRY_POINT}
    module, name = ENTRY_POINT.split(":")
    assert issubclass(getattr(import_module(module), name), fsspec.AbstractFileSystem)


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    "version",
    [
        "omprov://dataset/digits:v2",
        "omprov:///default/dataset/digits:v2",
        "omprov://dataset/digits:latest",
        "omprov://dataset/digits",
    ],
)
def test_pandas_reads_tables(version):
    frame = pd.read_csv(f"{version}/labels.csv")
    assert frame.to_dict("list") == {"name": ["z"], "size": [9]}
    frame = pd.read_parquet(f"{version}/table.parquet", columns=["y"])
    assert frame["y"].tolist() == TABLE["y"].to_pylist()


def test_an_option_or_the_environment_names_the_repository(
    repository, tmp_path, tmp_path_factory, monkeypatch
):
    address = "omprov://dataset/digits:v1/labels.csv"
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    option = {"repository": str(tmp_path)}
    assert len(pd.read_csv(address, storage_options=option)) == 2
    with pytest.raises(NotFound, match="omprov init"):
        fsspec.open(address).open()
    monkeypatch.setenv("OMPROV_URL", str(repository.path))
    with fsspec.open(address, "rt") as file:
        assert file.readline() == "name,size\n"
    with pytest.raises(Unavailable, match="cannot be reached"):
        fsspec.open("omprov://127.0.0.1:1/default/dataset/digits:v1/labels.csv").open()


def test_the_nearest_repository_is_the_one_of_the_current_folder(repository, tmp_path, monkeypatch):
    address = "omprov://dataset/digits:v1/labels.csv"
    assert len(pd.read_csv(address)) == 2
    with omprov.connect(tmp_path / "other") as other:
        other.add_version("dataset/digits", {"labels.csv": b"name\nz\n"})
    monkeypatch.chdir(tmp_path / "other")
    assert pd.read_csv(address).to_dict("list") == {"name": ["z"]}


def test_arrow_reads_datasets(fs):
    path = "dataset/digits:v1/table.parquet"
    found = pyarrow.dataset.dataset(path, filesystem=fs, format="parquet")
    assert found.to_table(filter=pyarrow.dataset.field("x") >= 990).num_rows == 10
    folder = pyarrow.dataset.dataset(
        "dataset/digits:v1/sub", filesystem=fs, format="csv", exclude_invalid_files=True
    )
    assert "dataset/digits:v1/sub/café:1.csv" in folder.files
    assert pyarrow.parquet.read_table(path, filesystem=fs).equals(TABLE)


def test_globs_open_many_files(fs):
    files = fsspec.open_files(
        "omprov://dataset/digits:v1/sub/deep/*.txt", repository=fs.storage_options["repository"]
    )
    assert [file.open().read() for file in files] == [b"0", b"1", b"2"]
    found = fs.glob("dataset/digits:v1/**/*.txt")
    assert found == fs.glob("dataset/digits:v1/sub/deep/[0-2].txt")
    assert len(found) == 3


def test_a_folder_is_a_mapping(fs):
    mapping = fs.get_mapper("dataset/digits:v1/sub/deep")
    assert dict(mapping) == {"0.txt": b"0", "1.txt": b"1", "2.txt": b"2"}


def test_listings_go_from_projects_to_files(fs):
    assert fs.ls("", detail=False) == ["builtin", "default"] or "default" in fs.ls("", detail=False)
    assert fs.ls("default", detail=False) == ["default/dataset", "default/model"]
    assert fs.ls("omprov:///default/dataset", detail=False) == ["default/dataset/digits"]
    assert fs.ls("omprov://dataset", detail=False) == ["dataset/digits"]
    assert fs.ls("omprov://dataset/digits", detail=False) == [
        "dataset/digits:v1",
        "dataset/digits:v2",
    ]
    names = {one["name"]: one["type"] for one in fs.ls("dataset/digits:v1")}
    assert {name.rpartition("/")[2]: kind for name, kind in names.items()} == {
        "empty": "directory",
        "gone": "other",
        "labels.csv": "file",
        "large.bin": "file",
        "link.csv": "file",
        "linked": "other",
        "none": "file",
        "sub": "directory",
        "table.parquet": "file",
    }
    assert fs.ls("dataset/digits:v1/none", detail=False) == ["dataset/digits:v1/none"]


def test_walks_find_every_file(fs, tmp_path):
    found = fs.find("dataset/digits:v2/sub")
    assert found == [
        f"dataset/digits:v2/sub/{name}"
        for name in ("café:1.csv", "deep/0.txt", "deep/1.txt", "deep/2.txt")
    ]
    walked = {path: (set(folders), set(files)) for path, folders, files in fs.walk(found[0][:17])}
    assert walked["dataset/digits:v2"][0] >= {"empty", "sub"}
    assert fs.du("dataset/digits:v2/sub/deep") == 3
    fs.get("dataset/digits:v2/sub", str(tmp_path / "got"), recursive=True)
    assert (tmp_path / "got" / "deep" / "1.txt").read_text() == "1"


def test_what_is_known_of_a_file(fs, repository):
    path = "dataset/digits:v1/large.bin"
    info = fs.info(path)
    assert (info["name"], info["size"], info["type"]) == (path, len(LARGE), "file")
    leaf = repository.tree("dataset/digits:v1").get("large.bin")
    assert fs.ukey(path) == info["digest"] == leaf.digest
    assert fs.created(path) == fs.modified(path)
    assert fs.created(path) == repository.get_version("dataset/digits:v1").created
    assert fs.isdir("dataset/digits:v1")
    assert fs.isdir("dataset/digits:v1/sub/deep")
    assert fs.isfile("dataset/digits:v1/linked/deep/0.txt")
    assert fs.exists("dataset/digits:v1/link.csv")
    assert fs.size("dataset/digits:v1/link.csv") == fs.size("dataset/digits:v1/labels.csv")
    for missing in ("dataset/digits:v1/x", "dataset/digits:v9/none", "dataset/no", "no/kind/x"):
        assert not fs.exists(missing)
        with pytest.raises(FileNotFoundError):
            fs.info(missing)
    with pytest.raises(FileNotFoundError, match=r"did you mean labels\.csv"):
        fs.open("dataset/digits:v1/lables.csv")
    with pytest.raises(IsADirectoryError):
        fs.open("dataset/digits:v1/sub")
    assert fs.unstrip_protocol(path) == f"omprov://{path}"
    assert fs.unstrip_protocol(f"default/{path}") == f"omprov:///default/{path}"
    assert fsspec.core.url_to_fs(fs.unstrip_protocol(f"default/{path}"))[1] == f"default/{path}"


def test_ranges_are_read(fs):
    path, small = "dataset/digits:v1/large.bin", "dataset/digits:v1/labels.csv"
    assert fs.cat_file(path, 1_000_000, 1_000_010) == LARGE[1_000_000:1_000_010]
    assert fs.tail(path, 5) == LARGE[-5:]
    assert fs.head(path, 5) == LARGE[:5]
    parts = fs.cat_ranges([path, small, path, path], [5, 0, -4, 700_000], [9, 4, None, 900_000])
    assert parts == [LARGE[5:9], b"name", LARGE[-4:], LARGE[700_000:900_000]]
    broken = fs.cat_ranges([path, "dataset/digits:v1/x"], 0, 1)
    assert broken[0] == LARGE[:1]
    assert isinstance(broken[1], FileNotFoundError)
    with fs.open(path) as file:
        assert file.size == len(LARGE)
        assert file.seek(-10, os.SEEK_END) == len(LARGE) - 10
        assert file.read() == LARGE[-10:]
        assert file.read1(10) == b""
    assert file.closed


def test_lines_are_read_as_of_any_file(fs):
    with fs.open("dataset/digits:v1/labels.csv", "r") as file:
        assert list(file) == ["name,size\n", "a,1\n", "b,2\n"]
    with fs.open("dataset/digits:v1/labels.csv") as file:
        assert file.readline() == b"name,size\n"
        assert io.BufferedReader(file).read() == b"a,1\nb,2\n"


def test_processes_started_anew_read_what_they_are_given(fs):
    files = fsspec.open_files(
        "omprov://dataset/digits:v1/sub/deep/*.txt", repository=fs.storage_options["repository"]
    )
    samples = fsspec_readers.Samples(files)
    half = fs.open("dataset/digits:v1/large.bin")
    half.seek(700_000)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        numbers = range(len(samples))
        loaded = pool.starmap(fsspec_readers.load, [(samples, number) for number in numbers])
        assert loaded == [b"0", b"1", b"2"]
        assert pool.apply(fsspec_readers.read_on, (half,)) == LARGE[700_000:]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # forking beside threads, from 3.12 on
def test_forked_processes_read_with_what_was_open_before(fs):
    file = fs.open("dataset/digits:v1/large.bin")
    file.seek(1_000_000)
    with multiprocessing.get_context("fork").Pool(
        2, initializer=globals().update, initargs=({"inherited": (fs, file)},)
    ) as pool:
        assert pool.apply(read_inherited) == (LARGE[1_000_000:], b"1")
    assert file.read() == LARGE[1_000_000:]


def read_inherited():
    fs, file = globals()["inherited"]
    return file.read(), fs.cat_file("dataset/digits:v1/sub/deep/1.txt")


def test_a_file_system_is_pickled(fs):
    again = pickle.loads(pickle.dumps(fs))
    assert again.cat_file("model/net:v1/weights") == b"42"


def test_nothing_is_written(fs, tmp_path):
    path = "dataset/digits:v1/labels.csv"
    (tmp_path / "new").write_text("new")
    calls = [
        lambda: fs.open(path, "wb"),
        lambda: fs.open(path, "ab"),
        lambda: fs.rm(path),
        lambda: fs.mkdir("dataset/digits:v1/x"),
        lambda: fs.makedirs("dataset/digits:v1/x"),
        lambda: fs.touch(path),
        lambda: fs.pipe(path, b"x"),
        lambda: fs.pipe_file(path, b"x"),
        lambda: fs.put(str(tmp_path / "new"), path),
        lambda: fs.mv(path, "dataset/digits:v1/x"),
        lambda: fs.cp(path, "dataset/digits:v1/x"),
    ]
    for call in calls:
        with pytest.raises(InvalidInput, match="versions never change"):
            call()
        with pytest.raises(NotImplementedError):
            call()
    assert fs.cat_file(path) == b"name,size\na,1\nb,2\n"
