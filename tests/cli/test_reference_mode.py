from __future__ import annotations

import json
import os

import pytest


@pytest.fixture
def data(omprov):
    omprov.write({"data/a.txt": "one two\n", "data/b.txt": "three\n"})
    return omprov


def test_a_folder_is_recorded_by_reference_and_every_view_says_so(data):
    said = data("add", "--reference", "data", "--as", "dataset/scans", "-m", "As delivered")
    assert "dataset/scans:v1  2 files · 14 B · by reference" in said
    assert "by reference" in data("log", "dataset/scans")
    shown = data("show", "dataset/scans", "--files")
    place = f"file://{data.folder}/data"
    assert "by reference" in shown
    assert f"{place}/a.txt" in shown
    answer = data.json("show", "dataset/scans", "--files")
    assert answer["by_reference"] is True
    assert answer["version"]["source"] == {"reference": place, "identified by": "digest"}
    assert answer["files"][0]["reference"] == f"{place}/a.txt"
    assert "unchanged" in data("status")
    assert "nothing changed" in data("add", "--reference", "data")


def test_versions_by_reference_have_parents_weights_and_twins(data):
    data("add", "--reference", "data", "--as", "dataset/scans")
    data.write({"data/b.txt": "four\n"})
    assert "modified b.txt" in data("status")
    said = data("add", "--reference", "data")
    assert "inherits dataset/scans:v1  0.5" in said
    data.write({"data/b.txt": "three\n"})
    added = data.json("add", "--reference", "data")
    weights = {edge["older"]: edge["weight"] for edge in added["inherits"]}
    assert weights["dataset/scans:v1"] == 0
    assert "0.5" in data("diff", "dataset/scans:v1", "dataset/scans:v2")
    assert data("diff", "dataset/scans:v1", "dataset/scans:v3", "--measure", "words")
    assert "v3" in data("graph", "dataset/scans")
    inherited_by = data.json("show", "dataset/scans:v1")["inherited_by"]
    assert {edge["newer"] for edge in inherited_by} == {"dataset/scans:v2", "dataset/scans:v3"}


def test_a_checkout_reads_the_source_and_says_when_it_changed(data):
    data("add", "--reference", "data", "--as", "dataset/scans")
    data("checkout", "dataset/scans", "copy")
    assert (data.folder / "copy/a.txt").read_text() == "one two\n"
    data.write({"data/a.txt": "two one\n"})
    data("checkout", "dataset/scans", "again", code=5)
    assert "has changed at its source since it was recorded" in data.errors
    (data.folder / "data/a.txt").unlink()
    data("checkout", "dataset/scans", "again", code=3)
    assert "kept by reference" in data.errors


def test_the_source_itself_is_never_the_place_of_another_version(data):
    data("add", "--reference", "data", "--as", "dataset/scans")
    data.write({"data/a.txt": "changed\n"})
    data("add", "--reference", "data")
    for force in ((), ("--force",)):
        data("checkout", "dataset/scans:v1", *force, code=4)
        assert "would be lost" in data.errors
    assert (data.folder / "data/a.txt").read_text() == "changed\n"


def test_nothing_is_read_where_that_is_asked_for(data):
    added = data.json("add", "--reference", "--no-hash", "data", "--as", "dataset/scans")
    assert added["version"]["source"]["identified by"] == "size and time"
    files = data.json("show", "dataset/scans", "--files")["files"]
    assert [file["digest"] for file in files] == [None, None]
    assert files[0]["etag"].startswith("mtime:")
    assert "unchanged" in data("status")
    data("checkout", "dataset/scans", "copy")
    assert "data" in data("status")
    os.utime(data.folder / "data/a.txt", ns=(1, 1))
    assert "modified a.txt" in data("status", "data")
    data("checkout", "dataset/scans", "again", code=5)
    assert "has changed at its source" in data.errors


def test_storing_the_bytes_later_is_said_and_makes_the_version_whole(data):
    data("add", "--reference", "data", "--as", "dataset/scans")
    assert "nothing changed; its bytes are stored here now" in data("add", "data")
    assert data.json("show", "dataset/scans")["by_reference"] is False
    for name in ("a.txt", "b.txt"):
        (data.folder / "data" / name).unlink()
    data("checkout", "dataset/scans:v1", "copy")
    assert (data.folder / "copy/b.txt").read_text() == "three\n"


def test_fsck_counts_what_it_does_not_verify_and_looks_when_asked(data):
    data("add", "--reference", "data", "--as", "dataset/scans")
    assert "2 files by reference, not verified" in data("fsck")
    assert data.json("fsck")["by_reference"] == 2
    assert "All is well" in data("fsck", "--sources")
    assert "All is well" in data("fsck", "--read-sources")
    path = data.folder / "data/a.txt"
    stat = path.stat()
    path.write_text("two one\n")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert "All is well" in data("fsck", "--sources")
    assert "hits dataset/scans:v1" in data("fsck", "--read-sources", code=1)
    path.unlink()
    found = json.loads(data("fsck", "--json", "--sources", code=1))["findings"]
    assert found[0]["versions"] == ["dataset/scans:v1"]
    assert "a.txt" in found[0]["what"]


def test_mistakes_are_told(data):
    data("add", "s3://bucket/x", "--as", "dataset/scans", code=2)
    assert "--reference records what lies there" in data.errors
    data("add", "data", "--no-hash", "--as", "dataset/scans", code=2)
    assert "go with --reference" in data.errors
    data("add", "--reference", "s3://bucket/x", code=2)
    assert "--as dataset/scans" in data.errors
    data("add", "--reference", "nowhere", "--as", "dataset/scans", code=3)
    data("add", "--reference", "ftp://host/x", "--as", "dataset/scans", code=2)
    data("add", "--reference", ".omprov", "--as", "dataset/scans", code=2)


def test_a_run_reads_its_inputs_through_the_source(data):
    data("add", "--reference", "data", "--as", "dataset/scans")
    data(
        "run",
        "-i",
        "dataset=dataset/scans",
        "-o",
        "model/net=out",
        "--",
        "sh",
        "-c",
        "mkdir out; cat data/a.txt > out/w",
    )
    assert "dataset/scans:v1" in data("lineage", "model/net")


def test_a_measure_that_cannot_read_the_older_state_counts_files_and_says_so(data):
    data("add", "--reference", "data", "--as", "algorithm/train")
    data.write({"data/b.txt": "four\n"})
    (edge,) = data.json("add", "--reference", "data")["inherits"]
    assert edge["weight"] == 0.5
    assert edge["difference"]["measure"] == "files"
    assert edge["difference"]["exact"] is False
    assert "files instead of words" in edge["difference"]["note"]
    data("diff", "algorithm/train:v1", "algorithm/train:v2", code=5)
    assert "has changed at its source" in data.errors
