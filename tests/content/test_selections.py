"""Chosen files as one tree: the same as a folder that holds just them."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from content_folders import folders, make_folder, random_bytes
from hypothesis import given, settings

from omprov.content import ContentStore
from omprov.errors import Conflict, InvalidInput


def below(folder: Path) -> dict[str, Path]:
    """Return every file and symlink in a folder, by its path there."""
    return {
        os.path.relpath(path, folder): path
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@settings(max_examples=40, deadline=None)
@given(folder=folders)
def test_all_files_of_a_folder_are_its_tree(folder):
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        make_folder(base / "in", folder)
        chosen = below(base / "in")
        for path in sorted((base / "in").rglob("*"), reverse=True):  # a selection has no others
            if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
                path.rmdir()
        with ContentStore.create(base / "a") as held, ContentStore.create(base / "b") as elsewhere:
            whole = held.put_tree(base / "in")
            assert held.put_selection(chosen) == whole
            assert elsewhere.put_selection(chosen, by_reference=True) == whole
            regular = {path: at for path, at in chosen.items() if not at.is_symlink()}
            digests = held.hash_files(regular.values())
            assert {os.path.relpath(path, base / "in"): d for path, d in digests.items()} == {
                leaf.path: leaf.digest
                for leaf in held.tree(whole.digest).walk()
                if leaf.mode != "symlink"
            }


def test_files_get_other_places_and_come_back(store, tmp_path):
    make_folder(tmp_path / "in", {"a": b"one", "deep": {"b": random_bytes(1, 700_000)}})
    summary = store.put_selection(
        {"x/first": tmp_path / "in/a", "x/y/second": tmp_path / "in/deep/b", "z": tmp_path / "in/a"}
    )
    tree = store.tree(summary.digest)
    assert [leaf.path for leaf in tree.walk()] == ["x/first", "x/y/second", "z"]
    assert tree.open("x/first").read() == b"one"
    assert tree.open("x/y/second").read() == random_bytes(1, 700_000)
    assert summary.files == 3


def test_more_files_than_one_process_reads(tmp_path):
    many = {f"{number % 7}/{number}": b"%d" % number for number in range(1500)}
    nested: dict[str, dict[str, bytes]] = {}
    for path, content in many.items():
        folder, name = path.split("/")
        nested.setdefault(folder, {})[name] = content
    make_folder(tmp_path / "in", nested)
    told = []
    with ContentStore.create(tmp_path / "store") as store:
        summary = store.put_selection(
            {path: tmp_path / "in" / path for path in many}, progress=told.append
        )
        assert summary == store.put_tree(tmp_path / "in")
        assert told[0].items == 1500 == sum(done.items for done in told[1:])


@pytest.mark.parametrize("path", ["", "/a", "a//b", "../a", "a/.git/b", ".omprov", "a/"])
def test_paths_that_no_file_can_have_are_refused(store, tmp_path, path):
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(InvalidInput):
        store.put_selection({path: tmp_path / "a"})


def test_what_cannot_be_read_is_said(store, tmp_path):
    make_folder(tmp_path / "in", {"a": b"x", "b": b"y"})
    with pytest.raises(InvalidInput, match="below a file"):
        store.put_selection({"a": tmp_path / "in/a", "a/b": tmp_path / "in/b"})
    with pytest.raises(Conflict):
        store.put_selection({"a": tmp_path / "gone"})
    with pytest.raises(Conflict):
        store.hash_files([tmp_path / "gone"])
    assert store.put_selection({}).files == 0
