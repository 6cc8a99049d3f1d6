from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
from blake3 import blake3
from content_folders import folders, leaves, make_folder, random_bytes, read_folder
from hypothesis import given, settings

from omprov.content import ContentStore, Done, Expected, TreeSummary
from omprov.errors import (
    AlreadyExists,
    Conflict,
    Damaged,
    InvalidInput,
    NotFound,
    SchemaMismatch,
)


@settings(max_examples=40, deadline=None)
@given(folder=folders)
def test_a_folder_comes_back_as_it_was(folder):
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        make_folder(base / "in", folder)
        with ContentStore.create(base / "store") as store:
            summary = store.put_tree(base / "in")
            assert store.hash_tree(base / "in") == summary
            for mode in ("copy", "reflink", "link"):
                store.materialize(summary.digest, base / mode, mode=mode)
                assert read_folder(base / mode) == folder
                assert list(store.changes_on_disk(summary.digest, base / mode)) == []
            found = leaves(folder)
            tree = store.tree(summary.digest)
            assert [leaf.path for leaf in tree.walk()] == sorted(found, key=os.fsencode)
            assert tree.files == summary.files == len(found)
            assert tree.size == summary.size == sum(leaf.size for leaf in tree.walk())
            for leaf in tree.walk():
                content = tree.open(leaf.path).read()
                assert blake3(content).hexdigest() == leaf.digest
                assert len(content) == leaf.size
                assert tree.get(leaf.path) == leaf
            assert store.fsck() == []
            assert store.check_reachable([summary.digest]) == {}


def test_a_single_file_becomes_a_tree_with_one_entry(store, tmp_path):
    (tmp_path / "model.bin").write_bytes(b"weights")
    summary = store.put_tree(tmp_path / "model.bin")
    assert summary == store.put_files({"model.bin": b"weights"})
    assert summary == TreeSummary(summary.digest, 7, 1)


def test_a_relative_path_and_one_with_a_slash_at_its_end_are_the_same_folder(
    store, tmp_path, monkeypatch
):
    make_folder(tmp_path / "data", {"a": b"1", "b": {"c": b"2"}})
    monkeypatch.chdir(tmp_path)
    expected = store.put_tree(tmp_path / "data")
    assert store.put_tree("data") == store.put_tree("data/") == store.put_tree(b"./data//")
    assert store.put_tree("data/b/c") == store.put_files({"c": b"2"})
    monkeypatch.chdir(tmp_path / "data")
    assert store.put_tree(".") == expected


def test_a_symlink_given_as_the_path_itself_is_followed(store, tmp_path):
    make_folder(tmp_path / "data", {"a": b"1"})
    (tmp_path / "to-folder").symlink_to("data")
    (tmp_path / "to-file").symlink_to("data/a")
    assert store.put_tree(tmp_path / "to-folder") == store.put_tree(tmp_path / "data")
    assert store.put_tree(tmp_path / "to-file") == store.put_files({"to-file": b"1"})


def test_links_in_a_folder_are_never_followed(store, tmp_path):
    make_folder(
        tmp_path / "in", {"up": ("->", ".."), "self": ("->", "self"), "a": {"b": ("->", "../..")}}
    )
    summary = store.put_tree(tmp_path / "in")
    assert summary.files == 3
    assert store.tree(summary.digest).open("up").read() == b".."


def test_files_in_memory_and_on_disk_make_the_same_tree(store, tmp_path):
    files = {"a/b/c.txt": b"1", "a/b.txt": b"2", "z": random_bytes(1, 300_000), "e": b""}
    for path, content in files.items():
        (tmp_path / "in" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / path).write_bytes(content)
    assert store.put_files(files) == store.put_tree(tmp_path / "in")


@pytest.mark.parametrize("path", ["", "/a", "a/", "a//b", ".", "..", "a/../b", "a\0b"])
def test_paths_that_no_file_can_have_are_refused(store, path):
    with pytest.raises(InvalidInput):
        store.put_files({path: b""})


def test_a_path_cannot_be_both_file_and_folder(store):
    with pytest.raises(InvalidInput):
        store.put_files({"a": b"", "a/b": b""})
    with pytest.raises(InvalidInput):
        store.put_files({"a/b": b"", "a": b""})


def test_b3sum_agrees_on_every_file(store, tmp_path):
    make_folder(tmp_path / "in", {"small": b"abc", "large": random_bytes(2, 900_000)})
    tree = store.tree(store.put_tree(tmp_path / "in").digest)
    for leaf in tree.walk():
        assert leaf.digest == blake3((tmp_path / "in" / leaf.path).read_bytes()).hexdigest()


def test_an_executable_bit_and_an_empty_folder_are_part_of_the_digest(store, tmp_path):
    plain = store.put_tree(make_folder(tmp_path / "1", {"a": b"1"}))
    executable = store.put_tree(make_folder(tmp_path / "2", {"a": ("x", b"1")}))
    with_folder = store.put_tree(make_folder(tmp_path / "3", {"a": b"1", "b": {}}))
    assert len({plain.digest, executable.digest, with_folder.digest}) == 3


def test_a_socket_and_a_pipe_are_refused_by_name(store, tmp_path):
    folder = make_folder(tmp_path / "in", {"a": b"1"})
    os.mkfifo(folder / "queue")
    with pytest.raises(InvalidInput, match=r"queue is a named pipe"):
        store.put_tree(folder)
    (folder / "queue").unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(folder / "door"))
        with pytest.raises(InvalidInput, match=r"door is a socket"):
            store.put_tree(folder)
    with pytest.raises(InvalidInput, match="is a device"):
        store.put_tree("/dev/null")


def test_what_is_not_there_is_said_to_be_missing(store, tmp_path):
    with pytest.raises(NotFound, match="nowhere"):
        store.put_tree(tmp_path / "nowhere")
    with pytest.raises(NotFound):
        store.tree("0" * 64)
    with pytest.raises(InvalidInput):
        store.tree("no digest")
    tree = store.tree(store.put_files({"a/b": b"1"}).digest)
    for path in ("", "a", "b", "a/c", "a/b/c", "a/", "/a/b"):
        with pytest.raises(NotFound):
            tree.open(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(store, tmp_path):
    folder = make_folder(tmp_path / "in", {"secret": b"1"})
    (folder / "secret").chmod(0)
    with pytest.raises(InvalidInput, match="secret cannot be read"):
        store.put_tree(folder)


def test_ignored_names_stay_out(store, tmp_path):
    folder = make_folder(
        tmp_path / "in",
        {
            ".omprovignore": b"# comment\n*.tmp\nbuild/\n!keep.tmp\n/top\n",
            "a.tmp": b"",
            "keep.tmp": b"",
            "top": b"",
            "build": {"x": b""},
            ".git": {"HEAD": b""},
            ".omprov": {"x": b""},
            "sub": {
                ".omprovignore": b"*.log\n!a.tmp\n",
                "top": b"",
                "a.tmp": b"",
                "b.tmp": b"",
                "x.log": b"",
                "build": b"a file, no folder",
                "deep": {"y.log": b"", "caf\udce9.tmp": b"", "z": b""},
            },
        },
    )
    tree = store.tree(store.put_tree(folder).digest)
    assert [leaf.path for leaf in tree.walk()] == [
        ".omprovignore",
        "keep.tmp",
        "sub/.omprovignore",
        "sub/a.tmp",
        "sub/build",
        "sub/deep/z",
        "sub/top",
    ]


def test_ignoring_agrees_with_git(store, tmp_path):
    rules = b"*.o\n!keep.o\n/only-here\nbuild/\ndoc/*.txt\n**/cache\n\\#odd\ntrail \n"
    below = dict.fromkeys(
        ("a.o", "keep.o", "only-here", "cache", "#odd", "x.txt", "trail", "plain"), b""
    )
    folder = make_folder(
        tmp_path / "in",
        {**below, "doc": {**below, "build": b""}, "build": dict(below), "s": {"doc": dict(below)}},
    )
    (folder / ".omprovignore").write_bytes(rules)
    (folder / ".gitignore").write_bytes(rules)
    git = ["git", "-C", str(folder)]
    subprocess.run([*git, "init", "-q"], check=True)
    listed = subprocess.run(
        [*git, "ls-files", "-o", "-z", "--exclude-standard"], check=True, capture_output=True
    ).stdout
    tree = store.tree(store.put_tree(folder).digest)
    assert {leaf.path for leaf in tree.walk()} == set(os.fsdecode(listed).strip("\0").split("\0"))


def test_a_file_that_keeps_changing_is_refused(store, tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "in", {"log": b"0"})
    real, count = os.fstat, iter(range(1000))

    def growing(descriptor):
        with (folder / "log").open("ab") as file:
            file.write(b"%d" % next(count))
        return real(descriptor)

    monkeypatch.setattr("omprov.content._adding._disk.os.fstat", growing)
    with pytest.raises(Conflict, match="log changes while it is read"):
        store.put_tree(folder)


def test_a_file_that_changed_once_is_read_again(store, tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "in", {"log": b"old"})
    real, calls = os.fstat, []

    def changing_once(descriptor):
        calls.append(1)
        if len(calls) == 2:
            (folder / "log").write_bytes(b"newer")
        return real(descriptor)

    monkeypatch.setattr("omprov.content._adding._disk.os.fstat", changing_once)
    assert store.put_tree(folder) == store.put_files({"log": b"newer"})


def test_a_file_that_goes_while_the_folder_is_read_is_told(store, tmp_path, monkeypatch):
    folder = make_folder(tmp_path / "in", {"a": b"1", "b": b"2"})
    monkeypatch.setattr(
        "omprov.content._adding._walk.look", lambda path: (folder / "b").unlink() or os.lstat(path)
    )
    with pytest.raises((Conflict, FileNotFoundError)):
        store.put_tree(folder)


def test_progress_adds_up(store, tmp_path):
    folder = make_folder(tmp_path / "in", {"a": b"123", "b": {"c": b"4567", "d": {}}})
    told: list[Done | Expected] = []
    store.put_tree(folder, progress=told.append)
    assert told[0] == Expected(2, 7)
    assert sum(done.items for done in told[1:]) == 2
    assert sum(done.bytes for done in told[1:]) == 7


def test_the_same_content_is_stored_once(store, tmp_path):
    content = random_bytes(5, 500_000)
    store.put_tree(make_folder(tmp_path / "1", {"a": content, "b": content, "c": {"d": content}}))
    size = store.size()
    assert size < 520_000
    store.put_tree(make_folder(tmp_path / "2", {"a": content, "b": content, "c": {"d": content}}))
    assert store.size() == size


def test_a_tiny_version_takes_one_tiny_pack(store):
    store.put_files({"params.json": b"{}"})
    assert len(list((store.path / "packs").iterdir())) == 1
    assert store.size() < 400


def test_what_compresses_is_compressed(store):
    store.put_files({"zeros": bytes(200_000)})
    assert store.size() < 1000


def test_an_insertion_into_a_large_file_costs_little(store, tmp_path):
    content = random_bytes(7, 20_000_000)
    middle = len(content) // 2
    store.put_files({"big": content})
    before = store.size()
    inserted = random_bytes(8, len(content) // 100)
    grown = content[:middle] + inserted + content[middle:]
    summary = store.put_files({"big": grown})
    assert store.size() - before < 3 * len(inserted)
    assert store.open_file(summary.digest, "big").read() == grown


def test_ranges_of_a_large_file_are_read_alone(store, monkeypatch):
    content = random_bytes(9, 5_000_000)
    tree = store.tree(store.put_files({"big": content}).digest)
    read: list[int] = []
    real = os.pread

    def counting(descriptor, size, offset):
        read.append(size)
        return real(descriptor, size, offset)

    monkeypatch.setattr("omprov.content._reading.os.pread", counting)
    with tree.open("big") as file:
        assert file.seek(2_000_000) == 2_000_000
        assert file.read(100) == content[2_000_000:2_000_100]
        assert sum(read) < 700_000
        assert file.seek(-10, os.SEEK_END) == len(content) - 10
        assert file.read() == content[-10:]
        assert file.read() == b""
        file.seek(10_000_000)
        assert file.read(1) == b""
        file.seek(1)
        file.seek(5, os.SEEK_CUR)
        assert file.tell() == 6
        with pytest.raises((ValueError, OSError)):
            file.seek(-1)


def test_a_store_is_made_once_and_opened_again(tmp_path):
    with ContentStore.create(tmp_path / "s") as store:
        summary = store.put_files({"a": b"1"})
    with ContentStore.open(tmp_path / "s") as store:
        assert store.contains(summary.digest)
    with pytest.raises(AlreadyExists):
        ContentStore.create(tmp_path / "s")
    with pytest.raises(NotFound):
        ContentStore.open(tmp_path / "other")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thing").touch()
    with pytest.raises(AlreadyExists):
        ContentStore.create(tmp_path / "full")


def test_a_newer_layout_is_refused_clearly(tmp_path):
    ContentStore.create(tmp_path / "s").close()
    (tmp_path / "s" / "layout").write_text("omprov content store, layout 2\n")
    with pytest.raises(SchemaMismatch, match="Upgrade omprov"):
        ContentStore.open(tmp_path / "s")
    (tmp_path / "s" / "layout").write_text("something else\n")
    with pytest.raises(Damaged):
        ContentStore.open(tmp_path / "s")


@pytest.mark.parametrize("how", ["missing", "garbage", "cut", "other schema"])
def test_the_caches_are_made_again(tmp_path, how):
    folder = make_folder(tmp_path / "in", {"a": b"1", "b": {"c": random_bytes(1, 300_000)}})
    with ContentStore.create(tmp_path / "s") as store:
        summary = store.put_tree(folder)
    for name in ("index.sqlite", "stats.sqlite"):
        path = tmp_path / "s" / name
        match how:
            case "missing":
                path.unlink()
            case "garbage":
                path.write_bytes(random_bytes(1, 5000))
            case "cut":
                path.write_bytes(path.read_bytes()[:4096])
            case _:
                import sqlite3

                path.unlink()
                with sqlite3.connect(path) as database:
                    database.execute("CREATE TABLE other (x)")
                database.close()
    with ContentStore.open(tmp_path / "s") as store:
        assert store.check_reachable([summary.digest]) == {}
        assert store.put_tree(folder) == summary
        store.materialize(summary.digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == read_folder(folder)


def test_a_pack_that_another_process_wrote_is_found(tmp_path):
    with ContentStore.create(tmp_path / "s") as one, ContentStore.open(tmp_path / "s") as other:
        summary = one.put_files({"a": b"1"})
        other._index.clear()
        assert other.open_file(summary.digest, "a").read() == b"1"


def test_a_deep_folder_is_stored_and_one_too_deep_refused(store, tmp_path):
    dig(tmp_path / "deep", "d2", 600)
    assert store.put_tree(tmp_path / "deep").files == 1
    dig(tmp_path / "too deep", "d" * 200, 25)
    with pytest.raises(InvalidInput, match="longer than the system takes"):
        store.put_tree(tmp_path / "too deep")


def dig(folder, name, depth):
    """Make folders of one name within one another, and a file in the deepest."""
    folder.mkdir()
    here = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=here))
    os.close(here)


def test_trees_are_put_bottom_up(store, tmp_path):
    large = random_bytes(4, 700_000)
    place = make_folder(tmp_path / "in", {"a": b"1", "d": {"b": large, "e": b""}, "empty": {}})
    with store.tree_writer() as writer:
        below = writer.put_folder(b"d", [writer.put_file(b"b", large), writer.put_file(b"e", b"")])
        top = [writer.put_file(b"a", b"1"), below, writer.put_folder(b"empty", [])]
        digest = writer.put_folder(b"", top).digest.hex()
        for name in (b"..", b".", b"", b".git", b".omprov-partial", b"x/y"):
            with pytest.raises(InvalidInput, match="no folder may hold"):
                writer.put_folder(b"", [writer.put_file(name, b"")])
        writer.commit()
    assert digest == store.hash_tree(place).digest
    store.materialize(digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == read_folder(place)
    assert store.fsck() == []


def test_trees_that_were_not_committed_are_not_there(store):
    with store.tree_writer() as writer:
        digest = writer.put_folder(b"", [writer.put_file(b"a", b"1")]).digest.hex()
    assert not store.contains(digest)
