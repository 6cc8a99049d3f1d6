"""Folders recorded by reference: the same trees without the bytes, read back where they lie."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from content_folders import folders, leaves, make_folder, random_bytes, read_folder
from hypothesis import given, settings

from omprov.content import ContentStore
from omprov.content._format._nodes import EntryKind
from omprov.content._references._addresses import file_address, path_at
from omprov.diff import get_measure
from omprov.errors import (
    Conflict,
    InvalidInput,
    LocalChanges,
    NotFound,
    SourceChanged,
    Unavailable,
)

LARGE = random_bytes(3, 900_000)
DATA = {"a.txt": b"one two\n", "big": LARGE, "sub": {"x": ("x", b"#!"), "l": ("->", "../a.txt")}}


@settings(max_examples=25, deadline=None)
@given(folder=folders, changed=folders)
def test_by_reference_and_stored_are_the_same(folder, changed):
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        make_folder(base / "in", folder)
        make_folder(base / "new", changed)
        with (
            ContentStore.create(base / "held") as held,
            ContentStore.create(base / "elsewhere") as elsewhere,
        ):
            stored = held.put_tree(base / "in")
            referenced = elsewhere.put_reference(base / "in")
            assert referenced.summary == stored
            assert referenced.identified_by == "digest"
            assert elsewhere.put_reference(base / "in") == referenced
            newer = elsewhere.put_reference(base / "new").summary
            assert newer == held.put_tree(base / "new")
            one, other = held.tree(stored.digest), elsewhere.tree(stored.digest)
            assert list(one.walk()) == list(other.walk())
            for leaf in one.walk():
                assert other.open(leaf.path).read() == one.open(leaf.path).read()
            assert [
                list(store.tree(newer.digest).changes_from(store.tree(stored.digest)))
                for store in (held, elsewhere)
            ] == [list(held.tree(newer.digest).changes_from(one))] * 2
            for mode in ("copy", "reflink", "link"):
                elsewhere.materialize(stored.digest, base / mode, mode=mode)
                assert read_folder(base / mode) == folder
                assert list(elsewhere.changes_on_disk(stored.digest, base / mode)) == []
                elsewhere.materialize(newer.digest, base / mode, current=stored.digest)
                assert leaves(read_folder(base / mode)) == leaves(changed)
            assert elsewhere.fsck() == []
            assert elsewhere.check_reachable([stored.digest, newer.digest]) == {}
            assert elsewhere.check_sources([stored.digest, newer.digest], read=True) == {}


@settings(max_examples=25, deadline=None)
@given(folder=folders)
def test_by_size_and_time_everything_comes_back_but_the_executable_bit(folder):
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        make_folder(base / "in", folder)
        with ContentStore.create(base / "store") as store:
            referenced = store.put_reference(base / "in", hashed=False)
            assert store.put_reference(base / "in", hashed=False) == referenced
            digest = referenced.summary.digest
            assert list(store.changes_on_disk(digest, base / "in")) == []
            store.materialize(digest, base / "out")
            found = leaves(folder)
            without = {
                path: what[1] if isinstance(what, tuple) and what[0] == "x" and what[1] else what
                for path, what in found.items()
            }
            assert leaves(read_folder(base / "out")) == without
            assert list(store.changes_on_disk(digest, base / "out")) == []
            assert store.check_reachable([digest]) == {}
            assert store.check_sources([digest]) == {}
            again = store.materialize(digest, base / "out", current=digest)
            assert (again.written, again.removed) == (0, 0)


def test_no_bytes_are_stored(store, tmp_path):
    store.put_reference(make_folder(tmp_path / "in", DATA))
    assert store.size() < 2_000


def test_a_second_time_only_what_changed_is_read(store, tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "in", {f"{n}": b"%d" % n for n in range(50)})
    for path in folder.iterdir():
        os.utime(path, ns=(10**18, 10**18))
    monkeypatch.setattr(type(store._stats), "now", lambda self: 2**62)
    store.put_reference(folder)
    from omprov.content._references import _record

    read = []
    real = _record.read_steadily
    monkeypatch.setattr(
        _record, "read_steadily", lambda path, do: read.append(path) or real(path, do)
    )
    size = store.size()
    store.put_reference(folder)
    assert read == []
    assert store.size() == size
    (folder / "7").write_bytes(b"other")
    store.put_reference(folder)
    assert read == [os.fsencode(folder / "7")]


def test_nothing_is_read_by_size_and_time(store, tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "in", {"a": b"1", "e": b"", "d": {"b": LARGE}})
    monkeypatch.setattr(
        "omprov.content._adding._disk.open",
        lambda *_: pytest.fail("a file was opened"),
        raising=False,
    )
    referenced = store.put_reference(folder, hashed=False)
    assert referenced.identified_by == "size and time"
    kinds = {path: e.kind for path, e in store.tree(referenced.summary.digest).iter_entries()}
    assert kinds == {
        b"a": EntryKind.REFERENCE,
        b"e": EntryKind.FILE,
        b"d/": EntryKind.FOLDER,
        b"d/b": EntryKind.REFERENCE,
    }
    assert list(store.changes_on_disk(referenced.summary.digest, folder)) == []
    (folder / "a").write_bytes(b"2222")
    changes = list(store.changes_on_disk(referenced.summary.digest, folder))
    assert [delta.path for delta in changes] == ["a"]


def test_a_single_file_and_ignored_names(store, tmp_path):
    folder = make_folder(
        tmp_path / "in", {".omprovignore": b"*.tmp\n", "x.tmp": b"1", "a": b"1", ".git": {"h": b""}}
    )
    assert store.put_reference(folder).summary == store.put_tree(folder)
    one = store.put_reference(folder / "a")
    assert one.address == file_address(os.fsencode(folder / "a"))
    assert one.summary == store.put_tree(folder / "a")
    again = store.put_reference(f"file://{folder}/a")
    assert again == one


def test_names_that_are_no_utf8_have_addresses(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9 %41/\n#?"
    address = file_address(path)
    assert address.isascii()
    assert address.isprintable()
    assert path_at(address) == path


def test_what_is_not_there_is_refused(store, tmp_path):
    with pytest.raises(NotFound, match="nowhere"):
        store.put_reference(tmp_path / "nowhere")
    with pytest.raises(InvalidInput, match="is no remote"):
        store.put_reference("ftp://host/x")
    folder = make_folder(tmp_path / "in", {})
    os.mkfifo(folder / "queue")
    with pytest.raises(InvalidInput, match="queue is a named pipe"):
        store.put_reference(folder)


@pytest.mark.parametrize("hashed", [True, False])
def test_a_source_that_changed_is_told_and_nothing_is_half_written(store, tmp_path, hashed):
    folder = make_folder(tmp_path / "in", DATA)
    digest = store.put_reference(folder, hashed=hashed).summary.digest
    (folder / "big").write_bytes(LARGE[:-1] + b"!")
    os.utime(folder / "big", ns=(10**18, 10**18))
    with pytest.raises(SourceChanged, match=r"big has ") as told:
        store.materialize(digest, tmp_path / "out")
    assert told.value.exit_code == 5
    assert not (tmp_path / "out" / "big").exists()
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {"a.txt", "sub"}
    with pytest.raises(SourceChanged, match=r"big"):
        store.open_file(digest, "big")
    losses = store.check_sources([digest])[digest]
    assert losses.count == 1
    assert "changed at its source" in losses.reasons[0]
    assert store.check_sources([digest], read=True)[digest].count == 1


def test_other_bytes_behind_the_same_size_and_time_are_found_by_digest(store, tmp_path):
    folder = make_folder(tmp_path / "in", {"big": LARGE})
    digest = store.put_reference(folder).summary.digest
    stat = (folder / "big").stat()
    (folder / "big").write_bytes(LARGE[:-1] + b"!" if LARGE[-1:] != b"!" else LARGE[:-1] + b"?")
    os.utime(folder / "big", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert store.check_sources([digest]) == {}
    assert store.check_sources([digest], read=True)[digest].count == 1
    with pytest.raises(SourceChanged, match="it was BLAKE3"):
        store.open_file(digest, "big").read()
    with store.open_file(digest, "big") as file:  # parts cannot be verified by the digest
        file.seek(500_000)
        assert file.read(10) == LARGE[500_000:500_010]


def test_a_file_that_was_only_touched_is_the_same(store, tmp_path):
    folder = make_folder(tmp_path / "in", {"big": LARGE})
    digest = store.put_reference(folder).summary.digest
    os.utime(folder / "big", ns=(10**18, 10**18))
    assert store.check_sources([digest], read=True) == {}
    with store.open_file(digest, "big") as file:
        assert file.seek(-5, os.SEEK_END) == len(LARGE) - 5
        assert file.read() == LARGE[-5:]
    store.materialize(digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == {"big": LARGE}


@pytest.mark.parametrize("hashed", [True, False])
def test_a_source_that_is_gone_is_told(store, tmp_path, hashed):
    folder = make_folder(tmp_path / "in", DATA)
    digest = store.put_reference(folder, hashed=hashed).summary.digest
    (folder / "a.txt").unlink()
    with pytest.raises(NotFound, match=r"a\.txt.*kept by reference"):
        store.open_file(digest, "a.txt").read()
    with pytest.raises(NotFound, match=r"a\.txt.*kept by reference"):
        store.materialize(digest, tmp_path / "out")
    assert not any(path.is_file() for path in (tmp_path / "out").rglob("*"))
    (folder / "a.txt").mkdir()
    with pytest.raises(NotFound, match="kept by reference"):
        store.open_file(digest, "a.txt").read()


def test_a_file_that_changes_while_it_is_read_is_told(store, tmp_path):
    folder = make_folder(tmp_path / "in", {"big": random_bytes(1, 5_000_000)})
    digest = store.put_reference(folder, hashed=False).summary.digest
    with store.open_file(digest, "big") as file:
        file.read(10)
        (folder / "big").write_bytes(b"short")
        with pytest.raises(SourceChanged):
            file.read()


def test_a_denied_source_says_so(store, tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "in", {"a": b"1"})
    digest = store.put_reference(folder).summary.digest
    real = os.open

    def denied(path, *rest, **extra):
        if path == os.fsencode(folder / "a"):
            raise PermissionError(13, "Permission denied")
        return real(path, *rest, **extra)

    monkeypatch.setattr("omprov.content._references._source_places.os.open", denied)
    with pytest.raises(Unavailable, match="permission denied"):
        store.open_file(digest, "a").read()


def test_a_seekable_file_reads_any_range(store, tmp_path):
    content = random_bytes(9, 3_000_000)
    digest = store.put_reference(make_folder(tmp_path / "in", {"f": content})).summary.digest
    with store.open_file(digest, "f") as file:
        for start, length in ((2_000_000, 100), (0, 10), (2_999_990, 50), (5, 1_000_000)):
            file.seek(start)
            assert file.read(length) == content[start : start + length]
        file.seek(1)
        file.seek(5, os.SEEK_CUR)
        assert file.tell() == 6
        assert file.read() == content[6:]
        assert file.read() == b""
        with pytest.raises(ValueError):
            file.seek(-1)


def test_bytes_that_are_stored_later_supersede_the_reference(store, tmp_path):
    folder = make_folder(tmp_path / "in", DATA)
    referenced = store.put_reference(folder).summary
    assert store.count_elsewhere([referenced.digest]) == 3
    assert {f.path for f in store.iter_files(referenced.digest) if f.reference} == {
        "a.txt",
        "big",
        "sub/x",
    }
    assert store.put_tree(folder) == referenced
    assert store.count_elsewhere([referenced.digest]) == 0
    for path in ("a.txt", "big", "sub/x"):
        (folder / path).unlink()
    store.materialize(referenced.digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == DATA


def test_a_reference_never_hides_stored_bytes_even_after_the_index_is_rebuilt(store, tmp_path):
    folder = make_folder(tmp_path / "in", DATA)
    store.put_reference(folder)
    stored = store.put_tree(folder)
    size = store.size()
    store.put_reference(folder)
    assert store.size() == size
    for path in ("a.txt", "big", "sub/x"):
        (folder / path).unlink()
    for _ in range(2):
        store.rebuild_index()
        assert store.check_reachable([stored.digest]) == {}
        assert store.count_elsewhere([stored.digest]) == 0
        assert store.open_file(stored.digest, "big").read() == LARGE
    assert store.fsck() == []


def test_data_that_moved_is_found_at_its_new_place(store, tmp_path):
    folder = make_folder(tmp_path / "in", DATA)
    digest = store.put_reference(folder).summary.digest
    folder.rename(tmp_path / "moved")
    assert store.check_sources([digest])[digest].count == 3
    assert store.put_reference(tmp_path / "moved").summary.digest == digest
    assert store.check_sources([digest]) == {}
    store.materialize(digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == DATA
    for _ in range(2):
        store.rebuild_index()
        store.materialize(digest, tmp_path / "again")
        assert read_folder(tmp_path / "again") == DATA


def test_of_two_equal_files_the_one_that_is_left_serves_once_recorded_again(store, tmp_path):
    folder = make_folder(tmp_path / "in", {"a": b"same", "b": b"same"})
    store.put_reference(folder)
    (folder / "a").unlink()
    newer = store.put_reference(folder).summary
    assert store.open_file(newer.digest, "b").read() == b"same"


def test_a_checkout_never_overwrites_the_only_copy(store, tmp_path):
    folder = make_folder(tmp_path / "in", {"a": b"old", "b": b"kept"})
    old = store.put_reference(folder).summary.digest
    (folder / "a").unlink()
    (folder / "c").write_bytes(b"new")
    new = store.put_reference(folder).summary.digest
    for force in (False, True):
        with pytest.raises(Conflict, match=r"would be lost"):
            store.materialize(old, folder, current=new, force=force)
    assert read_folder(folder) == {"b": b"kept", "c": b"new"}
    (tmp_path / "link").symlink_to("in")
    with pytest.raises(Conflict, match=r"would be lost"):
        store.materialize(old, tmp_path / "link", current=new)
    store.materialize(new, folder, current=new)
    store.put_tree(folder)  # now it is held, and may go
    other = store.put_files({"b": b"kept", "d": b"4"}).digest
    store.materialize(other, folder, current=new)
    assert read_folder(folder) == {"b": b"kept", "d": b"4"}


def test_copies_of_what_nobody_hashed_are_recognised_as_long_as_the_cache_lives(tmp_path):
    folder = make_folder(tmp_path / "in", {"a": b"1", "b": b"2"})
    with ContentStore.create(tmp_path / "store") as store:
        digest = store.put_reference(folder, hashed=False).summary.digest
        store.materialize(digest, tmp_path / "out")
        (tmp_path / "out" / "a").write_bytes(b"mine")
        changes = list(store.changes_on_disk(digest, tmp_path / "out"))
        assert [delta.path for delta in changes] == ["a"]
        with pytest.raises(LocalChanges, match="a"):
            store.materialize(digest, tmp_path / "out", current=digest)
    (tmp_path / "store" / "references.sqlite").unlink()
    with ContentStore.open(tmp_path / "store") as store:
        with pytest.raises(LocalChanges, match="a, b"):
            store.materialize(digest, tmp_path / "out", current=digest)
        store.materialize(digest, tmp_path / "out", current=digest, force=True)
        assert read_folder(tmp_path / "out") == {"a": b"1", "b": b"2"}


def test_words_are_read_through_the_source(store, tmp_path):
    folder = make_folder(tmp_path / "in", {"a": b"one two three\n"})
    old = store.put_reference(folder, hashed=False).summary.digest
    store.put_tree(folder)
    other = make_folder(tmp_path / "other", {"a": b"one two four\n"})
    new = store.put_reference(other).summary.digest
    difference = get_measure("words").compare(store.tree(old), store.tree(new))
    assert (difference.amount, difference.total) == (2, 6)


def test_a_checkout_in_link_mode_is_read_only_and_keeps_no_second_copy(store, tmp_path):
    digest = store.put_reference(make_folder(tmp_path / "in", {"big": LARGE})).summary.digest
    store.materialize(digest, tmp_path / "out", mode="link")
    stat = (tmp_path / "out" / "big").stat()
    assert (stat.st_mode & 0o777, stat.st_nlink) == (0o444, 1)
    assert not (store.path / "files").exists()


@contextmanager
def read_only(folder: Path):
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def may_mount() -> bool:
    with tempfile.TemporaryDirectory() as name:
        tried = subprocess.run(["mount", "--bind", name, name], capture_output=True, check=False)
        if tried.returncode == 0:
            subprocess.run(["umount", name], check=True)
        return tried.returncode == 0


@pytest.mark.skipif(not may_mount(), reason="nothing can be mounted here")
def test_a_disk_that_cannot_be_written_is_recorded_and_checked_out(store, tmp_path):
    folder = make_folder(tmp_path / "in", DATA)
    with read_only(folder):
        with pytest.raises(OSError, match="Read-only"):
            (folder / "a.txt").write_bytes(b"")
        for hashed in (True, False):
            digest = store.put_reference(folder, hashed=hashed).summary.digest
            store.materialize(digest, tmp_path / f"{hashed}")
            assert (tmp_path / f"{hashed}" / "big").read_bytes() == LARGE
