import os
import socket

import pytest
from blake3 import blake3
from diff_oracle import trees
from hypothesis import given

from omprov.diff import Delta, FolderTree, MemoryTree, changes_between, merge_walks
from omprov.errors import InvalidInput, NotFound


def leaves(tree):
    return {leaf.path: leaf for leaf in tree.walk()}


@given(trees(), trees())
def test_changes_are_what_differs_by_path(old, new):
    before, after = leaves(old), leaves(new)
    expected = [
        Delta(path, before.get(path), after.get(path))
        for path in sorted(before.keys() | after.keys(), key=os.fsencode)
        if before.get(path) != after.get(path)
    ]
    assert list(changes_between(old, new)) == expected
    assert list(merge_walks(old, new)) == expected
    assert list(new.changes_from(old)) == expected


@given(trees())
def test_a_tree_sums_its_leaves(tree):
    assert tree.files == len(leaves(tree))
    assert tree.size == sum(leaf.size for leaf in tree.walk())
    for leaf in tree.walk():
        with tree.open(leaf.path) as file:
            content = file.read()
        assert (leaf.size, leaf.digest) == (len(content), blake3(content).hexdigest())


@given(trees(), trees())
def test_equal_digests_mean_equal_leaves(old, new):
    assert (old.digest == new.digest) == (leaves(old) == leaves(new))


def test_a_folder_is_a_tree_of_the_same_leaves_as_in_memory(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "empty folder").mkdir()
    (tmp_path / "a-b").write_bytes(b"1")
    (tmp_path / "a" / "b" / "x").write_bytes(b"2" * 3_000_000)
    (tmp_path / "a" / "run").write_bytes(b"")
    (tmp_path / "a" / "run").chmod(0o755)
    (tmp_path / "a" / "link").symlink_to("b//x")
    (tmp_path / "loop").symlink_to(".")
    odd = os.fsdecode(b"\xff")
    (tmp_path / odd).write_bytes(b"3")
    in_memory = MemoryTree(
        {
            "a-b": b"1",
            "a/b/x": b"2" * 3_000_000,
            "a/run": b"",
            "a/link": b"b//x",
            "loop": b".",
            odd: b"3",
        },
        modes={"a/run": "executable", "a/link": "symlink", "loop": "symlink"},
    )
    folder = FolderTree(tmp_path)
    assert list(folder.walk()) == list(in_memory.walk())
    assert folder.digest == in_memory.digest
    assert [leaf.path for leaf in folder.walk()][:2] == ["a-b", "a/b/x"]
    assert folder.open("a/link").read() == b"b//x"


def test_what_is_no_folder_is_refused(tmp_path):
    with pytest.raises(NotFound):
        FolderTree(tmp_path / "nowhere")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(InvalidInput, match="is not a folder"):
        FolderTree(tmp_path / "file")


def test_a_pipe_or_socket_in_a_folder_is_refused_by_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as endpoint:
        endpoint.bind("endpoint")
        with pytest.raises(InvalidInput, match="endpoint"):
            _ = FolderTree(tmp_path).files


@pytest.mark.parametrize("path", ["", "/a", "a/", "a//b", "./a", "a/..", "a\0b"])
def test_a_path_that_no_folder_could_hold_is_refused(path):
    with pytest.raises(InvalidInput, match="cannot be a path"):
        MemoryTree({path: b""})


def test_a_file_below_a_file_is_refused():
    with pytest.raises(InvalidInput, match="lies below 'a'"):
        MemoryTree({"a": b"", "a/b": b""})


def test_a_missing_leaf_is_refused():
    with pytest.raises(NotFound):
        MemoryTree({"a": b""}).open("b")
