from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from content_folders import folders, leaves, make_folder, random_bytes, read_folder
from hypothesis import given, settings

from omprov.content import Checkout, ContentStore, MaterializeMode
from omprov.errors import Busy, Conflict, Damaged, InvalidInput, LocalChanges, NotFound

MODES: list[MaterializeMode] = ["copy", "reflink", "link"]


def put(store, folder):
    with tempfile.TemporaryDirectory() as name:
        return store.put_tree(make_folder(Path(name) / "in", folder)).digest


@settings(max_examples=60, deadline=None)
@given(old=folders, new=folders)
def test_going_from_one_version_to_another_gives_exactly_the_other(old, new):
    with tempfile.TemporaryDirectory() as name, ContentStore.create(Path(name) / "s") as store:
        first, second = put(store, old), put(store, new)
        work = Path(name) / "work"
        store.materialize(first, work)
        assert read_folder(work) == old
        store.materialize(second, work, current=first)
        assert leaves(read_folder(work)) == leaves(new)
        assert [d.path for d in store.changes_on_disk(second, work)] == []
        store.materialize(first, work, current=second, mode="link")
        assert leaves(read_folder(work)) == leaves(old)


@settings(max_examples=60, deadline=None)
@given(old=folders, edited=folders, new=folders)
def test_what_no_version_holds_is_never_lost_without_force(old, edited, new):
    with tempfile.TemporaryDirectory() as name, ContentStore.create(Path(name) / "s") as store:
        first, second = put(store, old), put(store, new)
        work = make_folder(Path(name) / "work", edited)
        before = leaves(read_folder(work))
        safe = [(p, strip(c)) for p, c in {**leaves(old)}.items()]
        safe += [(p, strip(c)) for p, c in leaves(new).items()]
        try:
            store.materialize(second, work, current=first)
        except LocalChanges as error:
            assert leaves(read_folder(work)) == before
            assert error.changes  # noqa: PT017 - either outcome is right
        else:
            after = leaves(read_folder(work))
            for path, content in before.items():
                kept = after.get(path)
                assert strip(kept) == strip(content) or (path, strip(content)) in safe
            assert leaves(new).items() <= after.items()
        store.materialize(second, work, current=first, force=True)
        assert leaves(new).items() <= leaves(read_folder(work)).items()


def strip(content):
    """Content without the executable bit."""
    return content[1] if isinstance(content, tuple) and content[0] == "x" else content


@settings(max_examples=40, deadline=None)
@given(one=folders, other=folders)
def test_changes_on_disk_are_those_of_the_two_folders(one, other):
    with tempfile.TemporaryDirectory() as name, ContentStore.create(Path(name) / "s") as store:
        digest = put(store, one)
        work = make_folder(Path(name) / "work", other)
        old, new = leaves(one), leaves(other)
        expected = {p for p in old.keys() | new.keys() if old.get(p) != new.get(p)}
        found = list(store.changes_on_disk(digest, work))
        assert [d.path for d in found] == sorted(expected, key=os.fsencode)
        assert all((d.old is None) == (d.path not in old) for d in found)
        assert all((d.new is None) == (d.path not in new) for d in found)


def test_only_what_differs_is_written(store, tmp_path):
    first = put(store, {"a": b"1", "b": b"2", "c": {"d": b"3"}})
    second = put(store, {"a": b"1", "b": b"9", "e": b"4"})
    assert store.materialize(first, tmp_path / "w") == Checkout(written=3, removed=0)
    inode = (tmp_path / "w" / "a").stat().st_ino
    assert store.materialize(first, tmp_path / "w") == Checkout(0, 0)
    assert store.materialize(second, tmp_path / "w", current=first) == Checkout(2, 1)
    assert (tmp_path / "w" / "a").stat().st_ino == inode
    assert not (tmp_path / "w" / "c").exists()


def test_files_that_no_version_knew_stay(store, tmp_path):
    first = put(store, {"a": b"1", "d": {"x": b"2"}, "e": {"y": b"3"}})
    second = put(store, {"a": b"2"})
    work = tmp_path / "w"
    store.materialize(first, work)
    make_folder(work, {"mine": b"0", "d": {"notes": b"1"}})
    store.materialize(second, work, current=first)
    assert read_folder(work) == {"a": b"2", "mine": b"0", "d": {"notes": b"1"}}


def test_a_deleted_file_comes_back(store, tmp_path):
    digest = put(store, {"a": b"1", "d": {"x": b"2"}})
    store.materialize(digest, tmp_path / "w")
    shutil.rmtree(tmp_path / "w" / "d")
    store.materialize(digest, tmp_path / "w", current=digest)
    assert read_folder(tmp_path / "w") == {"a": b"1", "d": {"x": b"2"}}


def test_an_edit_is_named_and_only_force_overwrites_it(store, tmp_path):
    first, second = put(store, {"a": b"1", "b": b"1"}), put(store, {"a": b"2"})
    work = tmp_path / "w"
    store.materialize(first, work)
    (work / "b").write_bytes(b"edited")
    with pytest.raises(LocalChanges) as caught:
        store.materialize(second, work, current=first)
    assert caught.value.changes == ("b",)
    assert read_folder(work) == {"a": b"1", "b": b"edited"}
    store.materialize(second, work, current=first, force=True)
    assert read_folder(work) == {"a": b"2"}


def test_nothing_is_written_or_removed_through_a_symlinked_folder(store, tmp_path):
    first, second = put(store, {"d": {"x": b"1", "y": b"2"}}), put(store, {"d": {"x": b"9"}})
    outside = make_folder(tmp_path / "outside", {"x": b"1", "y": b"2"})
    work = tmp_path / "w"
    work.mkdir()
    (work / "d").symlink_to(outside)
    with pytest.raises(LocalChanges):
        store.materialize(second, work, current=first)
    store.materialize(second, work, current=first, force=True)
    assert read_folder(outside) == {"x": b"1", "y": b"2"}
    assert read_folder(work) == {"d": {"x": b"9"}}
    third = put(store, {"z": b""})
    shutil.rmtree(work / "d")
    (work / "d").symlink_to(outside)
    store.materialize(third, work, current=second)
    assert read_folder(outside) == {"x": b"1", "y": b"2"}


def test_ignored_files_are_not_overwritten_either(store, tmp_path):
    digest = put(store, {"a.log": b"recorded"})
    work = make_folder(tmp_path / "w", {".omprovignore": b"*.log\n", "a.log": b"mine"})
    with pytest.raises(LocalChanges):
        store.materialize(digest, work)


def test_a_folder_in_the_way_of_a_file_and_the_reverse(store, tmp_path):
    file, folder = put(store, {"a": b"1"}), put(store, {"a": {"b": {"c": b"1"}, "e": {}}})
    work = tmp_path / "w"
    store.materialize(folder, work)
    store.materialize(file, work, current=folder)
    assert read_folder(work) == {"a": b"1"}
    store.materialize(folder, work, current=file)
    assert read_folder(work) == {"a": {"b": {"c": b"1"}, "e": {}}}
    (work / "a" / "mine").write_bytes(b"0")
    with pytest.raises(LocalChanges) as caught:
        store.materialize(file, work, current=folder)
    assert caught.value.changes == ("a/mine",)
    assert (work / "a" / "b" / "c").exists()


def test_a_symlink_in_a_folder_in_the_way_is_a_local_change(store, tmp_path):
    digest = put(store, {"a": b"1"})
    make_folder(tmp_path / "w", {"a": {"up": ("->", "..")}})
    with pytest.raises(LocalChanges) as caught:
        store.materialize(digest, tmp_path / "w")
    assert caught.value.changes == ("a/up",)


def test_a_pipe_in_the_way_is_a_local_change(store, tmp_path):
    digest = put(store, {"a": b"1"})
    work = tmp_path / "w"
    work.mkdir()
    os.mkfifo(work / "a")
    with pytest.raises(LocalChanges):
        store.materialize(digest, work)
    store.materialize(digest, work, force=True)
    assert read_folder(work) == {"a": b"1"}


def test_a_changed_executable_bit_is_set_back_without_complaint(store, tmp_path):
    digest = put(store, {"a": ("x", b"1")})
    store.materialize(digest, tmp_path / "w")
    (tmp_path / "w" / "a").chmod(0o644)
    assert [d.path for d in store.changes_on_disk(digest, tmp_path / "w")] == ["a"]
    store.materialize(digest, tmp_path / "w", current=digest)
    assert read_folder(tmp_path / "w") == {"a": ("x", b"1")}


def test_chosen_paths_alone_are_written(store, tmp_path):
    digest = put(store, {"a": {"b": {"c": b"1", "d": b"2"}, "e": b"3"}, "ab": b"4", "f": {}})
    store.materialize(digest, tmp_path / "1", paths=["a/b"])
    assert read_folder(tmp_path / "1") == {"a": {"b": {"c": b"1", "d": b"2"}}}
    store.materialize(digest, tmp_path / "2", paths=["a/b/c", "ab"])
    assert read_folder(tmp_path / "2") == {"a": {"b": {"c": b"1"}}, "ab": b"4"}
    with pytest.raises(NotFound):
        store.materialize(digest, tmp_path / "3", paths=["a/x"])
    make_folder(tmp_path / "1", {"ab": b"mine"})
    store.materialize(digest, tmp_path / "1", paths=["a"])
    assert read_folder(tmp_path / "1")["ab"] == b"mine"


def test_linked_files_share_one_read_only_copy(store, tmp_path):
    content = random_bytes(1, 300_000)
    digest = put(store, {"a": content, "b": content, "x": ("x", content), "e": b""})
    for name in ("1", "2"):
        store.materialize(digest, tmp_path / name, mode="link")
    assert (tmp_path / "1" / "a").stat().st_ino == (tmp_path / "2" / "b").stat().st_ino
    assert (tmp_path / "1" / "a").stat().st_mode & 0o777 == 0o444
    assert (tmp_path / "1" / "x").stat().st_mode & 0o777 == 0o555


def test_a_copy_altered_through_a_link_is_never_handed_out(store, tmp_path):
    digest = put(store, {"a": b"good"})
    store.materialize(digest, tmp_path / "1", mode="link")
    (tmp_path / "1" / "a").chmod(0o644)
    (tmp_path / "1" / "a").write_bytes(b"evil")
    store.materialize(digest, tmp_path / "2", mode="link")
    assert read_folder(tmp_path / "2") == {"a": b"good"}
    assert store.fsck() == []


def test_a_file_cannot_become_the_folder_itself(store, tmp_path):
    (tmp_path / "w").write_bytes(b"mine")
    for path in (tmp_path / "w", tmp_path / "w" / "below"):
        with pytest.raises(Conflict, match="is a file"):
            store.materialize(put(store, {}), path)
    assert (tmp_path / "w").read_bytes() == b"mine"


def test_a_digest_may_be_given_as_it_is_shown(store, tmp_path):
    digest = put(store, {"a": b"1"})
    assert store.contains(f"b3:{digest}")
    assert store.tree(f"b3:{digest}").digest == digest


def test_an_unknown_mode_is_refused(store, tmp_path):
    with pytest.raises(InvalidInput):
        store.materialize(put(store, {}), tmp_path / "w", mode="symlink")


def test_two_processes_do_not_write_to_one_folder_at_once(store, tmp_path, monkeypatch):
    monkeypatch.setattr("omprov.content._checkout._materialize._PATIENCE", 2)
    digest = put(store, {"a": b"1"})
    (tmp_path / "w").mkdir()
    held = os.open(tmp_path / "w", os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    try:
        with pytest.raises(Busy):
            store.materialize(digest, tmp_path / "w")
    finally:
        os.close(held)
    store.materialize(digest, tmp_path / "w")


def test_what_a_killed_checkout_left_is_removed_and_never_recorded(store, tmp_path):
    digest = put(store, {"a": b"1"})
    work = make_folder(tmp_path / "w", {".omprov-partial": {"0123": b"half"}, "a": b"1"})
    assert list(store.changes_on_disk(digest, work)) == []
    store.materialize(digest, work)
    assert read_folder(work) == {"a": b"1"}


@pytest.fixture
def mounted(tmp_path):
    """A folder with another file system mounted on ``work/sub``; only root can make one."""
    folder = tmp_path / "work" / "sub"
    folder.mkdir(parents=True)
    mount = shutil.which("mount")
    words = [mount or "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if mount is None or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield folder.parent
    subprocess.run(["umount", str(folder)], check=True)


def test_a_file_system_mounted_within_the_folder_is_told_before_anything_is_written(store, mounted):
    digest = put(store, {"a": b"1", "sub": {"b": b"2"}})
    with pytest.raises(Conflict, match=r"work/sub/ lies on another file system"):
        store.materialize(digest, mounted)
    assert sorted(path.name for path in mounted.iterdir()) == ["sub"]
    store.materialize(digest, mounted, paths=["a"])
    assert (mounted / "a").read_bytes() == b"1"


def test_a_file_that_cannot_be_moved_into_place_is_named(store, tmp_path, monkeypatch):
    digest = put(store, {"a": b"1"})

    def crossing(*_, **__):
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "rename", crossing)
    with pytest.raises(Conflict, match="work/a lies on another file system"):
        store.materialize(digest, tmp_path / "work")


OTHER_BOOKS = [".git/hooks/post-commit", ".omprov/catalog.db", "a/.git", "a/.hg/x"]


@pytest.mark.parametrize("path", OTHER_BOOKS)
def test_no_tree_holds_the_books_that_others_keep_on_a_folder(store, path):
    with pytest.raises(InvalidInput, match="other books"):
        store.put_files({"b": b"1", path: b"evil"})


@pytest.mark.parametrize("path", OTHER_BOOKS)
@pytest.mark.parametrize("standing", [{}, {"mine": b"1"}])
def test_a_crafted_tree_cannot_write_into_them(store, tmp_path, monkeypatch, path, standing):
    with monkeypatch.context() as patch:
        patch.setattr("omprov.content._adding._scan.ALWAYS_IGNORED", frozenset())
        digest = store.put_files({path: b"evil"}).digest
    work = make_folder(tmp_path / "work", standing)
    with pytest.raises(Damaged, match="which none may hold"):
        store.materialize(digest, work, force=True)
    assert b"evil" not in leaves(read_folder(work)).values()
