"""cat, show --files and checkout --only: what a user sees."""

from __future__ import annotations

import json
import subprocess

import pytest

from omprov.repository import Repository


@pytest.fixture
def digits(omprov):
    omprov.write({"data/labels.csv": "1\n", "data/sub/a:b.txt": "first", "data/sub/z.txt": "z"})
    omprov("add", "data", "--as", "dataset/digits")
    omprov.write({"data/labels.csv": "2\n", "data/v1": "a file of that name"})
    (omprov.folder / "data" / "link").symlink_to("sub/z.txt")
    omprov("add", "data")
    omprov("alias", "dataset/digits:v1", "best")
    return omprov


@pytest.mark.parametrize(
    ("words", "content"),
    [
        (["dataset/digits:v1:labels.csv"], "1\n"),
        (["dataset/digits:best:labels.csv"], "1\n"),
        (["dataset/digits::labels.csv"], "2\n"),
        (["dataset/digits:labels.csv"], "2\n"),
        (["digits:labels.csv"], "2\n"),
        (["dataset/digits:latest:sub/a:b.txt"], "first"),
        (["dataset/digits:sub/a:b.txt"], "first"),
        (["dataset/digits:v1:sub/a:b.txt"], "first"),
        (["dataset/digits::v1"], "a file of that name"),
        (["dataset/digits:link"], "z"),
        (["dataset/digits:v1", "labels.csv"], "1\n"),
        (["dataset/digits", "sub/a:b.txt"], "first"),
    ],
)
def test_cat_writes_the_bytes_of_a_file(digits, words, content):
    assert digits("cat", *words) == content


def test_a_digest_prefix_may_carry_its_own_colon(digits):
    digest = digits.json("show", "dataset/digits:v1")["version"]["digest"]
    prefix = digest if digest.startswith("b3:") else f"b3:{digest}"
    assert digits("cat", f"dataset/digits:@{prefix[:20]}:labels.csv") == "1\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["dataset/digits:v9:labels.csv"], 3, "no version 'dataset/digits:v9'"),
        (["dataset/digits:bets:labels.csv"], 3, "did you mean dataset/digits:best?"),
        (["dataset/digits:v9"], 3, "no version 'dataset/digits:v9'"),
        (["dataset/digits:v1"], 2, "no file in it"),
        (["dataset/digits"], 2, "names no file"),
        (["dataset/digits:v1:lables.csv"], 3, "did you mean labels.csv?"),
        (["dataset/digits:lables.csv"], 3, "did you mean labels.csv?"),
        (["dataset/digits:v1:sub"], 3, "It is a folder"),
        (["dataset/nothing:a"], 3, "no asset 'dataset/nothing'"),
    ],
)
def test_cat_says_what_is_wrong(digits, words, code, message):
    assert digits("cat", *words, code=code) == ""
    assert message in digits.errors


def test_cat_is_binary_and_says_in_json_what_the_file_is(omprov):
    content = bytes(range(256)) * 5000
    (omprov.folder / "big.bin").write_bytes(content)
    omprov("add", "big.bin", "--as", "file/big")
    with omprov.process("cat", "file/big:big.bin") as process:
        assert process.stdout.read() == content
    assert process.returncode == 0
    answer = omprov.json("cat", "file/big:big.bin")
    assert (answer["path"], answer["size"]) == ("big.bin", len(content))
    assert answer["digest"].startswith("b3:")
    assert answer["version"] == "file/big:v1"


def test_a_reader_that_goes_away_is_no_error(omprov):
    (omprov.folder / "big.bin").write_bytes(b"line\n" * 1_000_000)
    omprov("add", "big.bin", "--as", "file/big")
    process = omprov.process("cat", "file/big:big.bin")
    head = subprocess.run(
        ["head", "-n", "1"], stdin=process.stdout, capture_output=True, check=True
    )
    process.stdout.close()
    assert head.stdout == b"line\n"
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


def test_show_lists_the_files_either_way(digits):
    shown = digits("show", "dataset/digits:v1", "--files")
    assert "2 B  labels.csv" in shown
    assert "5 B  sub/a:b.txt" in shown
    files = digits.json("show", "dataset/digits:v1", "--files")["files"]
    assert [file["path"] for file in files] == ["labels.csv", "sub/a:b.txt", "sub/z.txt"]
    assert digits.json("show", "dataset/digits:v1")["files"] is None
    (digits.folder / "empty").mkdir()
    digits("add", "empty", "--as", "dataset/empty")
    assert digits.json("show", "dataset/empty", "--files")["files"] == []


def read(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def test_chosen_parts_are_checked_out_and_never_recorded_as_the_whole(digits):
    out = digits.folder / "out"
    words = ("checkout", "dataset/digits:v1", "out")
    shown = digits(*words, "--only", "sub/z.txt")
    assert shown == "out holds sub/z.txt of dataset/digits:v1\n"
    assert digits.json(*words, "--only", "labels.csv")["only"] == ["labels.csv"]
    assert read(out) == {"sub/z.txt": "z", "labels.csv": "1\n"}
    assert digits.json("status", "out")["folders"][0]["removed"] == []
    digits.write({"out/labels.csv": "changed"})
    (out / "sub" / "z.txt").unlink()
    (state,) = digits.json("status", "out")["folders"]
    assert (state["modified"], state["removed"]) == (["labels.csv"], ["sub/z.txt"])
    digits("add", "out", code=4)
    assert "holds only parts of dataset/digits:v1 (labels.csv, sub/z.txt)" in digits.errors
    digits("add", "out", "--as", "dataset/digits", code=4)
    assert len(digits.json("log", "dataset/digits")["assets"][0]["versions"]) == 2
    digits(*words, "--force")
    assert digits.json("status", "out")["folders"][0]["removed"] == []
    assert read(out) == {"labels.csv": "1\n", "sub/a:b.txt": "first", "sub/z.txt": "z"}
    digits.write({"out/labels.csv": "3\n"})
    assert digits.json("add", "out")["version"]["number"] == 3


def test_chosen_parts_may_become_an_asset_of_their_own(digits):
    digits("checkout", "dataset/digits:v1", "out", "--only", "sub")
    assert digits.json("add", "out", "--as", "dataset/sub")["version"]["reference"].endswith("v1")
    assert digits.json("add", "out")["created"] is False


def test_a_part_put_into_a_whole_folder_is_a_change_of_it(digits):
    digits("checkout", "dataset/digits:v1", "data", "--only", "labels.csv")
    (state,) = digits.json("status", "data")["folders"]
    assert state["version"] == "dataset/digits:v2"
    assert (state["modified"], state["removed"]) == (["labels.csv"], [])
    digits("checkout", "dataset/digits:v1", "data", "--only", "nothing", code=3)


def test_earlier_releases_read_a_workspace_without_parts(digits):
    digits("checkout", "dataset/digits:v1", "other")
    folders = json.loads((digits.folder / ".omprov/workspace.json").read_text())["folders"]
    assert all(set(folder) == {"path", "version", "reference", "digest"} for folder in folders)


def test_files_opened_from_python_follow_links_within_the_version(digits):
    with Repository.open(digits.folder, who="me", clock=lambda: None) as repository:
        assert repository.open_file("dataset/digits", "link").read() == b"z"
        assert repository.find_file("digits:v1:sub/z.txt")[1] == "sub/z.txt"
