"""A folder that looks as it did when it was stored is known without reading or opening anything."""

from __future__ import annotations

import os
import random
import shutil

import pytest

from omprov.content import ContentStore, looks_as
from omprov.content._adding import _intake, _looks, _scan
from omprov.content._format._objects import Key, ObjectType


@pytest.fixture(autouse=True)
def _settled_at_once(monkeypatch):
    """Tests do not wait until what they have just written counts as settled."""
    monkeypatch.setattr(_scan, "SETTLED", -(10**18))
    monkeypatch.setattr(_looks, "_EVERY", 3)


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "data"
    (made / "a" / "b").mkdir(parents=True)
    (made / "empty").mkdir()
    for place in ("x", "a/y", "a/b/z", "a/b/é", "a0", "b"):
        (made / place).write_text(place)
    (made / "link").symlink_to("x")
    return made


def is_known(store, path, summary):
    return looks_as(store.path, path, summary.looks)


def replace_link(folder):
    (folder / "link").unlink()
    (folder / "link").symlink_to("b")


def put_in_place_of(folder):
    (folder / "new").write_text("y")
    shutil.copystat(folder / "x", folder / "new")
    (folder / "new").rename(folder / "x")


CHANGES = {
    "a longer file": lambda folder: (folder / "a/y").write_text("longer"),
    "another time": lambda folder: os.utime(folder / "a/b/z", ns=(1, 1)),
    "another file in its place": put_in_place_of,
    "another mode": lambda folder: (folder / "b").chmod(0o755),
    "one file more": lambda folder: (folder / "a/b/zz").touch(),
    "one file less": lambda folder: (folder / "a0").unlink(),
    "an empty folder more": lambda folder: (folder / "a/c").mkdir(),
    "an empty folder less": lambda folder: (folder / "empty").rmdir(),
    "another name": lambda folder: (folder / "x").rename(folder / "w"),
    "moved down": lambda folder: (folder / "b").rename(folder / "empty/b"),
    "another target": replace_link,
    "rules": lambda folder: (folder / ".omprovignore").write_text("x\n"),
    "gone": shutil.rmtree,
    "a file in its place": lambda folder: (shutil.rmtree(folder), folder.write_text("")),
    "something that cannot be stored": lambda folder: os.mkfifo(folder / "a/pipe"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_shows(store, folder, change):
    summary = store.put_tree(folder)
    assert is_known(store, folder, summary)
    CHANGES[change](folder)
    assert not is_known(store, folder, summary)


def test_what_no_tree_holds_does_not_show(store, folder):
    (folder / ".omprovignore").write_text("*.log\n")
    summary = store.put_tree(folder)
    (folder / "a" / "x.log").write_text("1")
    (folder / ".git").mkdir()
    os.utime(folder / "a", ns=(1, 1))
    (folder / "a").chmod(0o700)
    assert is_known(store, folder, summary)
    assert store.put_tree(folder) == summary


@pytest.mark.parametrize("seed", range(20))
def test_what_is_known_is_what_would_be_stored(store, tmp_path, seed):
    dice = random.Random(seed)
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(dice.randrange(12)):
        place = folder / "/".join(dice.choices("abc", k=dice.randrange(3)))
        place.mkdir(parents=True, exist_ok=True)
        (place / f"f{number}").write_text("x" * number)
    summary = store.put_tree(folder)
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    for _ in range(dice.randrange(3)):
        if files:
            with dice.choice(files).open("a") as file:
                file.write("more" * dice.randrange(2))
    assert is_known(store, folder, summary) == (store.put_tree(folder).digest == summary.digest)


def test_a_single_file_is_known_too(store, folder):
    summary = store.put_tree(folder / "x")
    assert is_known(store, folder / "x", summary)
    (folder / "x").write_text("longer")
    assert not is_known(store, folder / "x", summary)


def test_what_changed_a_moment_ago_is_not_remembered(store, folder, monkeypatch):
    monkeypatch.setattr(_scan, "SETTLED", _looks.SETTLED)
    assert store.put_tree(folder).looks is None
    assert store.put_tree(folder).looks is None


@pytest.mark.parametrize("count", [3, 700])  # in this process, and by a crew
def test_what_changes_between_being_found_and_being_read_is_not_remembered(
    store, tmp_path, monkeypatch, count
):
    monkeypatch.setattr(_intake, "cores", lambda: 2)
    folder = tmp_path / "data"
    folder.mkdir()
    for number in range(count):
        (folder / f"f{number:03}").write_text(str(number))
    assert is_known(store, folder, store.put_tree(folder))
    for number in range(count):
        (folder / f"f{number:03}").write_text(f"again {number}")
    found_in = _scan.found_in

    def changing_in(*words):
        for number, one in enumerate(found_in(*words)):
            yield one
            if number == count:  # the last file
                (folder / "f000").write_text("meanwhile")

    monkeypatch.setattr(_scan, "found_in", changing_in)
    assert store.put_tree(folder).looks is None


def test_a_store_that_may_lack_something_is_looked_at(tmp_path, folder):
    path = tmp_path / "store"
    with ContentStore.create(path) as store:
        summary = store.put_tree(folder)
        assert is_known(store, folder, summary)
        (pack,) = store._index.packs()
        store._index.forget(pack, [Key(ObjectType.CHUNK, b"d" * 32)])
        assert not is_known(store, folder, summary)
        summary = store.put_tree(folder)
        assert is_known(store, folder, summary)
    (path / "index.sqlite").unlink()
    with ContentStore.open(path) as store:
        assert not is_known(store, folder, summary)
        summary = store.put_tree(folder)
        assert is_known(store, folder, summary)
        for pack in (path / "packs").iterdir():
            pack.unlink()
        assert not is_known(store, folder, summary)
        store.put_tree(folder)
        assert store.tree(summary.digest).open("x").read() == b"x"
