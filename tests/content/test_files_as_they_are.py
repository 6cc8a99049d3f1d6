"""Odd files go into the store and come back as they were, or are refused by name."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest
from content_folders import leaves, make_folder, random_bytes, read_folder

from omprov.content import ContentStore
from omprov.errors import InvalidInput, LocalChanges

ODD = {
    "n" * 255: b"as long as a name may be",
    "é" * 127: b"the same in bytes",
    "a\nb\tc": b"newline",
    " ": b"blank",
    "-rf": b"looks like an option",
    "*?[a]": b"looks like a pattern",
    "A": {"a": b"1", "A": b"2"},
    "a": {"a": b"3", "A": b"4"},
    "caf\udce9": ("x", b"no UTF-8"),
    "caf\u00e9": b"composed",
    "cafe\u0301": b"decomposed",
    "\u202egpj.exe": ("->", "caf\udce9"),
    "empty": b"",
    "none": {"none": {}},
}


@pytest.mark.parametrize("mode", ["copy", "reflink", "link"])
def test_odd_names_come_back(store, tmp_path, mode):
    digest = store.put_tree(make_folder(tmp_path / "in", ODD)).digest
    store.materialize(digest, tmp_path / "out", mode=mode)
    assert read_folder(tmp_path / "out") == ODD
    assert store.hash_tree(tmp_path / "out").digest == digest
    assert store.materialize(digest, tmp_path / "out", current=digest).written == 0
    for path, content in leaves(ODD).items():
        with store.open_file(digest, path) as file:
            expected = content if isinstance(content, bytes) else os.fsencode(content[1])
            assert file.read() == expected


def test_two_names_of_one_file_are_two_files_stored_once(store, tmp_path):
    content = random_bytes(1, 900_000)
    folder = make_folder(tmp_path / "in", {"a": content, "d": {}})
    (folder / "d" / "b").hardlink_to(folder / "a")
    digest = store.put_tree(folder).digest
    assert store.size() < 1_000_000
    store.materialize(digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == {"a": content, "d": {"b": content}}
    (tmp_path / "out" / "a").write_bytes(b"changed")
    assert (tmp_path / "out" / "d" / "b").read_bytes() == content


def test_a_symlink_stays_one_whatever_it_leads_to(store, tmp_path):
    folder = make_folder(
        tmp_path / "in",
        {
            "out": ("->", "../../secret"),
            "root": ("->", "/etc"),
            "self": ("->", "self"),
            "long": ("->", "x" * 4000),
            "d": {"up": ("->", "..")},
        },
    )
    digest = store.put_tree(folder).digest
    store.materialize(digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == read_folder(folder)
    links = [path for path in folder.rglob("*") if path.is_symlink()]
    assert store.tree(digest).size == sum(len(str(path.readlink())) for path in links)


def test_a_symlink_in_the_way_of_a_file_is_replaced_not_written_through(store, tmp_path):
    digest = store.put_files({"a": b"ours", "d/b": b"ours"}).digest
    outside = make_folder(tmp_path / "outside", {"a": b"theirs", "b": b"theirs"})
    work = make_folder(
        tmp_path / "work", {"a": ("->", str(outside / "a")), "d": ("->", str(outside))}
    )
    with pytest.raises(LocalChanges):
        store.materialize(digest, work)
    store.materialize(digest, work, force=True)
    assert read_folder(work) == {"a": b"ours", "d": {"b": b"ours"}}
    assert read_folder(outside) == {"a": b"theirs", "b": b"theirs"}


def test_a_device_is_refused_by_name(store, tmp_path):
    make_folder(tmp_path / "in", {"a": b"1"})
    try:
        os.mknod(tmp_path / "in" / "null", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("only root can make one")
    with pytest.raises(InvalidInput, match=r"in/null is a device: .* name it in \.omprovignore"):
        store.put_tree(tmp_path / "in")


def test_a_folder_without_permission_is_named(nobody):
    with tempfile.TemporaryDirectory() as name, ContentStore.create(Path(name) / "store") as store:
        folder = make_folder(Path(name) / "in", {"a": b"1", "d": {"b": b"2"}})
        with nobody(Path(name)):
            (folder / "d").chmod(0)
            with pytest.raises(InvalidInput, match="in/d cannot be read: permission denied"):
                store.put_tree(folder)
            (folder / "d").chmod(0o700)
            assert store.put_tree(folder).files == 2
