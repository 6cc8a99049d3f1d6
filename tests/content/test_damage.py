from __future__ import annotations

import resource
import signal
import struct
import subprocess
import sys

import pytest
from blake3 import blake3
from content_folders import make_folder, random_bytes, read_folder
from hypothesis import given, settings
from hypothesis import strategies as st

from omprov.content import ContentStore
from omprov.content._adding._writer import ObjectWriter
from omprov.content._format._objects import (
    FileObject,
    Key,
    ObjectType,
    Reference,
    encode_file,
    encode_reference,
    is_intact,
)
from omprov.errors import Damaged, NotFound, SchemaMismatch, StorageFull

FILES = {"a": b"1" * 50, "b/c": b"text " * 40, "b/d": b"", "big": random_bytes(1, 300_000)}


def the_pack(store):
    (pack,) = (store.path / "packs").iterdir()
    return pack


def flip(path, place):
    raw = bytearray(path.read_bytes())
    raw[place] ^= 0x40
    path.write_bytes(raw)


def test_every_flipped_byte_of_a_small_pack_is_found(store):
    store.put_files({"a": b"1" * 50, "b/c": b"text " * 40})
    pack = the_pack(store)
    sound = pack.read_bytes()
    for place in range(len(sound)):
        flip(pack, place)
        (damage,) = store.fsck()
        assert damage.pack == pack.stem
        pack.write_bytes(sound)
    assert store.fsck() == []


def test_every_cut_of_a_small_pack_is_found(store):
    store.put_files({"a": b"1" * 50})
    pack = the_pack(store)
    sound = pack.read_bytes()
    for length in range(len(sound)):
        pack.write_bytes(sound[:length])
        (damage,) = store.fsck(full=length % 2 == 0)
        assert damage.objects
    pack.write_bytes(sound)
    assert store.fsck() == []


@settings(max_examples=40, deadline=None)
@given(place=st.integers(0, 10**6))
def test_a_damaged_object_is_named_and_the_rest_stays_readable(tmp_path_factory, place):
    base = tmp_path_factory.mktemp("d")
    with ContentStore.create(base / "s") as store:
        digest = store.put_files(FILES).digest
        other = store.put_files({"other": b"untouched"}).digest
        pack = max((store.path / "packs").iterdir(), key=lambda path: path.stat().st_size)
        flip(pack, place % pack.stat().st_size)
    with ContentStore.open(base / "s") as store:
        damages = store.fsck()
        assert [damage.pack for damage in damages] == [pack.stem]
        lost = store.check_reachable([digest, other], damages)
        assert set(lost) <= {digest}
        assert damages[0].objects or not lost
        assert store.open_file(other, "other").read() == b"untouched"
        readable = 0
        for path, content in FILES.items():
            try:
                assert store.open_file(digest, path).read() == content
                readable += 1
            except Damaged as error:
                told = str(error)
                assert "damaged" in told or "decompress" in told
        assert readable >= len(FILES) - 1 or lost


def test_putting_the_content_again_heals_what_is_forgotten(store):
    digest = store.put_files(FILES).digest
    place = store._index.find(Key(ObjectType.CHUNK, bytes.fromhex(store_digest(FILES["a"]))))
    flip(the_pack(store), place.packed.offset)
    damages = store.fsck()
    assert set(store.check_reachable([digest], damages)) == {digest}
    store.put_files(FILES)
    assert set(store.check_reachable([digest], damages)) == {digest}
    store.forget_damaged(damages)
    assert set(store.check_reachable([digest])) == {digest}
    store.put_files(FILES)
    assert store.check_reachable([digest], store.fsck()) == {}
    store.rebuild_index()
    for path, content in FILES.items():
        assert store.open_file(digest, path).read() == content


def test_an_object_damaged_in_one_pack_is_read_from_another(store):
    content = random_bytes(4, 5000)
    digest = store.put_files({"a": content}).digest
    first = the_pack(store)
    store._index.clear()
    with ObjectWriter(store.path, store._index) as writer:
        writer.add(Key(ObjectType.CHUNK, bytes.fromhex(store_digest(content))), content)
        writer.add(Key(ObjectType.CHUNK, bytes.fromhex(store_digest(b"more"))), b"more")
        writer.commit()
    store.rebuild_index()
    place = store._index.find(Key(ObjectType.CHUNK, bytes.fromhex(store_digest(content))))
    flip(store.path / "packs" / f"{place.pack}.pack", place.packed.offset)
    assert store.open_file(digest, "a").read() == content
    damages = store.fsck()
    assert len(damages) == 1
    assert store.check_reachable([digest], damages) == {}
    assert first.exists()


def store_digest(content):
    return blake3(content).hexdigest()


def test_a_lost_pack_is_told_with_what_was_in_it(tmp_path):
    with ContentStore.create(tmp_path / "s") as store:
        digest = store.put_files(FILES).digest
        kept = store.put_files({"k": b"1"}).digest
        pack = max((store.path / "packs").iterdir(), key=lambda path: path.stat().st_size)
        pack.unlink()
        (damage,) = store.fsck()
        assert damage.pack == pack.stem
        assert ("tree", digest) in damage.objects
        assert set(store.check_reachable([digest, kept])) == {digest}
        with pytest.raises((Damaged, NotFound)):
            store.tree(digest).open("a")


@pytest.mark.parametrize(("name", "loss"), [("a", "chunk"), ("big", "chunk"), ("b/c", "chunk")])
def test_a_missing_object_makes_its_trees_incomplete(store, name, loss):
    digest = store.put_files(FILES).digest
    leaf = store.tree(digest).get(name)
    if name == "big":
        with store._index._lock:
            (victim,) = store._index._database.execute(
                "SELECT digest FROM object WHERE type = 1 AND raw > 1000 LIMIT 1"
            ).fetchone()
    else:
        victim = bytes.fromhex(leaf.digest)
    store._index._database.execute("DELETE FROM object WHERE digest = ?", (victim,))
    found = store.check_reachable([digest])
    assert found == {digest: f"{loss} {victim.hex()} is missing"}


def test_a_newer_pack_is_refused_clearly(store):
    digest = store.put_files({"a": b"1"}).digest
    pack = the_pack(store)
    raw = bytearray(pack.read_bytes())
    raw[8] = raw[-44] = 2
    records = struct.unpack_from("<Q", raw, len(raw) - 56)[0]
    raw[-40:-8] = blake3(raw[records:-40]).digest()
    pack.unlink()
    (store.path / "packs" / f"{blake3(raw).hexdigest()}.pack").write_bytes(raw)
    for use in (store.fsck, lambda: store.tree(digest), lambda: store.put_files({"b": b"2"})):
        store._index.clear()
        with pytest.raises(SchemaMismatch, match="Upgrade omprov"):
            use()


def test_a_file_kept_by_reference_says_where_it_lies(store, tmp_path):
    content = b"far away"
    raw = encode_reference(Reference("file:///nowhere/key", len(content), "etag"))
    digest = bytes.fromhex(store_digest(content))
    target = Key(ObjectType.REFERENCE, bytes.fromhex(store_digest(raw)))
    summary = store.put_files({"a": content})
    the_pack(store).unlink()
    tree = store.hash_tree(make_folder(tmp_path / "in", {"a": content}))
    assert tree == summary
    with ObjectWriter(store.path, store._index) as writer:
        store._reader.refresh()
        writer.add(target, raw)
        file = encode_file(FileObject(target, len(content)), digest)
        writer.add(Key(ObjectType.FILE, digest), file)
        from omprov.content._adding._putting import write_tree
        from omprov.content._format._nodes import Entry

        write_tree([Entry(b"a", 1, len(content), 1, digest)], writer)
        writer.commit()
    assert store.check_reachable([summary.digest]) == {}
    with pytest.raises(NotFound, match="/nowhere/key"):
        store.open_file(summary.digest, "a")
    with pytest.raises(NotFound, match="/nowhere/key"):
        store.materialize(summary.digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == {}


def test_a_file_object_is_bound_to_its_file():
    file = FileObject(Key(ObjectType.LIST, bytes(32)), 300_000)
    raw = encode_file(file, b"d" * 32)
    assert is_intact(Key(ObjectType.FILE, b"d" * 32), raw)
    assert not is_intact(Key(ObjectType.FILE, b"e" * 32), raw)


FILL = """
import resource, signal, sys
from omprov.content import ContentStore
from omprov.errors import StorageFull
store = ContentStore.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    store.put_tree(sys.argv[2])
except StorageFull as error:
    print("full:", error)
"""


@pytest.mark.parametrize("limit", [10, 5_000, 150_000, 1_100_000])
def test_a_full_disk_leaves_nothing_half_written(tmp_path, limit):
    folder = make_folder(
        tmp_path / "in", {f"{n}": random_bytes(n, 9000) for n in range(150)} | {"z": b"1"}
    )
    with ContentStore.create(tmp_path / "s") as store:
        before = store.put_files({"kept": b"1"}).digest
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path / "s"), str(folder), str(limit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "full:" in done.stdout, done.stderr
    with ContentStore.open(tmp_path / "s") as store:
        assert list((store.path / "tmp").iterdir()) == []
        assert store.fsck() == []
        assert store.check_reachable([before]) == {}
        summary = store.put_tree(folder)
        assert store.check_reachable([summary.digest]) == {}


def test_a_full_disk_leaves_no_half_written_file_in_a_checkout(store, tmp_path):
    digest = store.put_files({"a": b"1", "big": random_bytes(1, 3_000_000)}).digest
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, old[1]))
        with pytest.raises(StorageFull, match="out"):
            store.materialize(digest, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert read_folder(tmp_path / "out") == {"a": b"1"}
    store.materialize(digest, tmp_path / "out")
    assert store.changes_on_disk(digest, tmp_path / "out") is not None
