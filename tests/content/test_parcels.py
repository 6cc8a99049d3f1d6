"""Objects that go from store to store in parcels: what is missing, once, and nothing that harms."""

from __future__ import annotations

import random

import pytest
import zstandard
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from omprov.content import ContentStore, parse_key, show_key
from omprov.content._format._nodes import Entry, EntryKind, encode_node
from omprov.content._format._objects import FileObject, Key, ObjectType, encode_file
from omprov.content._parcels._parcel import encode_parcel
from omprov.content._remotes._new_packs import StoredObject, compressed
from omprov.errors import Conflict, Damaged, InvalidInput, NotFound


@pytest.fixture
def stores(tmp_path):
    opened = [ContentStore.create(tmp_path / name) for name in ("here", "there", "third")]
    yield opened
    for store in opened:
        store.close()


def send(source, target, digest):
    """Send a tree; return how many objects were asked for, and how many were new."""
    asked, new = [], []

    def ask(keys):
        asked.extend(keys)
        return target.lacking(keys)

    source.send(digest, ask, lambda name, data: new.append(target.take_in(name, data)))
    return len(asked), sum(new)


def fetching(store, digest, log=None):
    needed = store.reachable(digest)

    def fetch(keys):
        assert all(key in needed for key in keys)
        if log is not None:
            log.append(len(keys))
        return store.parcel_of(keys)

    return fetch


def noise(seed, size):
    return random.Random(seed).randbytes(size)


def test_a_tree_arrives_whole_and_is_not_sent_again(stores):
    here, there, third = stores
    content = {f"{n % 3}/{n}": noise(n, 1_000) for n in range(50)} | {"big": noise(0, 20 << 20)}
    tree = here.put_files(content)
    assert send(here, there, tree.digest)[1] > 50
    assert send(here, there, tree.digest) == (1, 0)
    third.bring(tree.digest, fetching(there, tree.digest))
    for store in (there, third):
        assert {path: store.open_file(tree.digest, path).read() for path in content} == content
        assert store.fsck() == []


def test_a_small_change_asks_and_sends_little(stores):
    here, there, _ = stores
    content = {f"{n % 20}/{n}": noise(n, 300) for n in range(2_000)}
    send(here, there, here.put_files(content).digest)
    changed = here.put_files({**content, "7/7": b"other"})
    asked, new = send(here, there, changed.digest)
    assert new <= 5  # the file, the page, its folder, the top
    assert asked < 200


@given(
    st.dictionaries(
        st.sampled_from(["a", "b/c", "b/d/e", "b/d/f", "g"]),
        st.sampled_from([b"", b"1", b"22" * 400, bytes(300 << 10), noise(1, 400 << 10)]),
        min_size=1,
    )
)
@settings(max_examples=15, deadline=None)
def test_any_tree_is_read_from_afar_as_it_is(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("stores")
    with (
        ContentStore.create(folder / "here") as here,
        ContentStore.create(folder / "far") as far,
    ):
        digest = far.put_files(content).digest
        tree = here.tree_elsewhere(digest, fetching(far, digest))
        assert {leaf.path: tree.open(leaf.path).read() for leaf in tree.walk()} == content
        files = here.iter_files_elsewhere(digest, fetching(far, digest))
        assert {one.path: one.size for one in files} == {p: len(c) for p, c in content.items()}
        assert not here.contains(digest)


def test_reading_in_order_fetches_ahead(stores):
    here, far, _ = stores
    digest = far.put_files({"big": noise(3, 16 << 20)}).digest
    log = []
    tree = here.tree_elsewhere(digest, fetching(far, digest, log))
    assert len(tree.open("big").read()) == 16 << 20
    assert len(log) < sum(log) / 8


def test_what_was_sent_before_a_break_is_of_use(stores):
    here, there, _ = stores
    digest = here.put_files({str(n): noise(n, 9 << 20) for n in range(6)}).digest
    parcels = []

    def put(name, data):
        if len(parcels) == 2:
            raise ConnectionResetError
        parcels.append(there.take_in(name, data))

    with pytest.raises(ConnectionResetError):
        here.send(digest, there.lacking, put)
    assert not there.contains(digest)
    _, new = send(here, there, digest)
    assert new + sum(parcels) == len(here.reachable(digest))


def parcel(*objects):
    return encode_parcel(objects)


def node(*entries):
    raw = encode_node(0, entries)
    return compressed(Key(ObjectType.TREE, blake3(raw).digest()), raw)


def chunk(content):
    return compressed(Key(ObjectType.CHUNK, blake3(content).digest()), content)


def file_entry(name, content):
    return Entry(name, EntryKind.FILE, len(content), 1, blake3(content).digest())


def test_nothing_counts_before_what_it_names(stores):
    _, there, _ = stores
    top = node(file_entry(b"a", b"hello"))
    with pytest.raises(Conflict, match="names 1 object"):
        there.take_in(*parcel(top))
    assert there.lacking([top.key]) == {top.key}
    assert there.take_in(*parcel(top, chunk(b"hello"))) == 2
    assert there.open_file(top.key.digest.hex(), "a").read() == b"hello"


@pytest.mark.parametrize("name", [b".git/", b".omprov/"])
def test_what_a_checkout_must_not_write_is_refused(stores, name):
    _, there, _ = stores
    hooks = node(file_entry(b"post-commit", b"evil"))
    folder = Entry(name, EntryKind.FOLDER, 4, 1, hooks.key.digest)
    with pytest.raises(InvalidInput, match="no version may hold"):
        there.take_in(*parcel(chunk(b"evil"), hooks, node(folder)))


def test_addresses_are_refused(stores, tmp_path):
    here, there, _ = stores
    raw = b"OMR\x01" + b'{"etag":"","size":5,"uri":"file:///etc/passwd"}'
    reference = compressed(Key(ObjectType.REFERENCE, blake3(raw).digest()), raw)
    with pytest.raises(InvalidInput, match="by reference"):
        there.take_in(*parcel(reference))
    digest = blake3(b"12345").digest()
    raw = encode_file(FileObject(reference.key, 5), digest)
    with pytest.raises(InvalidInput, match="by reference"):
        there.take_in(*parcel(compressed(Key(ObjectType.FILE, digest), raw)))
    (tmp_path / "data").write_bytes(b"12345")
    kept = here.put_reference(tmp_path / "data").summary
    with pytest.raises(InvalidInput, match="by reference"):
        send(here, there, kept.digest)


def test_damage_and_disguise_are_refused(stores):
    _, there, _ = stores
    name, data = parcel(chunk(b"hello" * 100))
    with pytest.raises(InvalidInput, match="not what its name"):
        there.take_in(name, data[:-1] + b"x")
    wrong = chunk(b"hello")._replace(key=Key(ObjectType.CHUNK, bytes(32)))
    with pytest.raises(Damaged):
        there.take_in(*parcel(wrong))
    with pytest.raises(InvalidInput):
        there.take_in(blake3(b"no pack").hexdigest(), b"no pack")
    broken = b"OMT\x01 and no more"
    tree = compressed(Key(ObjectType.TREE, blake3(broken).digest()), broken)
    with pytest.raises(InvalidInput, match="not laid out"):
        there.take_in(*parcel(tree))


def test_what_would_fill_the_memory_is_refused(stores):
    _, there, _ = stores
    bomb = zstandard.ZstdCompressor().compress(bytes(100 << 20))
    key = Key(ObjectType.CHUNK, bytes(32))
    for raw in (1 << 10, 100 << 20):
        with pytest.raises(InvalidInput):
            there.take_in(*parcel(StoredObject(key, bomb, raw, 1)))


def test_what_comes_without_being_asked_for_is_refused(stores):
    here, far, _ = stores
    digest = far.put_files({"a": b"1"}).digest
    with pytest.raises(Damaged, match="nobody asked"):
        here.bring(digest, lambda _: parcel(chunk(b"other"))[1])
    with pytest.raises(NotFound):
        here.bring(digest, lambda _: parcel()[1])
    assert not here.contains(digest)


def test_a_tree_does_not_reach_what_it_does_not_name(stores):
    here, *_ = stores
    first, second = here.put_files({"a": b"1"}).digest, here.put_files({"a": b"2"}).digest
    needed = here.reachable(first)
    assert Key(ObjectType.TREE, bytes.fromhex(first)) in needed
    assert Key(ObjectType.TREE, bytes.fromhex(second)) not in needed
    assert len(needed) == 2


def test_keys_are_read_as_they_are_written():
    key = Key(ObjectType.FILE, bytes(range(32)))
    assert parse_key(show_key(key)) == key
    for text in ("file", "file:00", "spoon:" + "00" * 32, "FILE:" + "00" * 32, "file:" + "0G" * 32):
        with pytest.raises(InvalidInput):
            parse_key(text)
