"""Collecting garbage: what goes, what stays, and what others do meanwhile."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from blake3 import blake3
from content_folders import make_folder, random_bytes, read_folder

from omprov.content import ContentStore
from omprov.content._adding._writer import ObjectWriter
from omprov.content._care import _collect, _repack, _survey
from omprov.content._care._condemned import CONDEMNED
from omprov.content._format._nodes import Entry, EntryKind
from omprov.content._format._objects import Key, ObjectType
from omprov.content._reliance import Reliance, only_collector, packs_removable
from omprov.errors import Busy, Damaged, StorageFull

NOW = timedelta(0)
DAY = timedelta(days=1)


def files(seed, count=6, size=2000):
    return {f"{n % 3}/{n}": random_bytes(seed * 1000 + n, size) for n in range(count)}


def packs(store):
    return sorted((store.path / "packs").iterdir())


def looks(folder):
    stats = {path: path.stat() for path in folder.rglob("*") if ".sqlite" not in path.name}
    return {path: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in stats.items()}


def age(store, *names, hours=48):
    for pack in [store.path / "packs" / f"{name}.pack" for name in names] or packs(store):
        stat = pack.stat()
        earlier = stat.st_mtime_ns - hours * 3_600_000_000_000
        os.utime(pack, ns=(earlier, earlier))


def collect(store, *digests, grace=NOW, **extra):
    return store.collect(lambda: digests, grace=grace, **extra)


def check(store, contents):
    assert store.fsck() == []
    assert store.check_reachable(contents) == {}
    for digest, held in contents.items():
        for path, content in held.items():
            assert store.open_file(digest, path).read() == content


def test_what_no_root_reaches_goes_and_the_rest_stays(store):
    kept = {store.put_files(files(seed)).digest: files(seed) for seed in (1, 2)}
    lost = [store.put_files(files(seed)).digest for seed in (3, 4)]
    before = store.size()
    done = collect(store, *kept)
    assert (done.packs, done.removed, done.made, done.bytes) == (4, 2, 0, before)
    assert store.size() == before - done.freed
    check(store, kept)
    assert not any(store.contains(digest) for digest in lost)
    store.rebuild_index()
    check(store, kept)
    assert not any(store.contains(digest) for digest in lost)


def test_a_dry_run_foresees_it_and_changes_nothing(store):
    kept = store.put_files(files(1)).digest
    for seed in range(2, 15):
        store.put_files(files(seed) | {"shared": random_bytes(0, 50_000)})
    (store.path / "tmp" / "leftover").write_bytes(b"12345")
    before = looks(store.path)
    foreseen = collect(store, kept, dry_run=True)
    assert looks(store.path) == before
    assert collect(store, kept) == foreseen
    assert foreseen.leftovers == 5


def test_what_was_just_put_stays_for_the_grace_period(store):
    digest = store.put_files(files(1)).digest
    done = collect(store, grace=DAY)
    assert (done.removed, done.young) == (0, 1)
    check(store, {digest: files(1)})
    age(store)
    assert collect(store, grace=DAY).removed == 1
    assert not store.contains(digest)


def test_what_was_put_again_stays_for_the_grace_period(store, tmp_path):
    contents = files(1) | {"big": random_bytes(7, 700_000)}
    folder = make_folder(tmp_path / "in", {"big": contents["big"], "small": b"1"})
    digest = store.put_tree(folder).digest
    age(store)
    store.put_tree(folder)
    assert collect(store, grace=DAY).removed == 0
    store.materialize(digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == read_folder(folder)


def test_what_an_uncommitted_tree_names_in_old_packs_stays(store, tmp_path):
    """A large file that looks unchanged is relied upon by its file object alone."""
    big = random_bytes(7, 700_000)
    chunks = store.put_files({"big": big})
    folder = make_folder(tmp_path / "in", {"big": big})
    digest = store.put_tree(folder).digest
    assert digest == chunks.digest
    collect(store, digest)
    split_packs(store)
    age(store)
    key = Key(ObjectType.FILE, bytes.fromhex(store.tree(digest).get("big").digest))
    with Reliance(store.path, store._index) as reliance:
        assert reliance.known([key]) == {key}
    done = collect(store, grace=DAY)
    assert done.young == 1
    entry = Entry(b"big", EntryKind.FILE, len(big), 1, key.digest)
    assert store._reader.open_entry(entry).read() == big
    age(store)
    assert collect(store, grace=DAY).removed == 2
    assert packs(store) == []


def split_packs(store):
    """Put every object into a pack of its own."""
    old = packs(store)
    keys = [key for pack in old for key in store._index.objects_of(pack.stem)]
    raws = [store._reader.get(key) for key in keys]
    for path in old:
        path.unlink()
    store._index.clear()
    for key, raw in zip(keys, raws, strict=True):
        with ObjectWriter(store.path, store._index) as writer:
            writer.add(key, raw)
            writer.commit()
    store._reader.close()


def test_thousands_of_small_packs_become_few(store):
    kept = {store.put_files({"a": b"%d" % n}).digest: {"a": b"%d" % n} for n in range(300)}
    assert len(packs(store)) == 300
    done = collect(store, *kept)
    assert (done.removed, done.made) == (300, 1)
    assert len(packs(store)) == 1
    check(store, kept)
    assert collect(store, *kept).removed == 0


def test_a_pack_that_is_mostly_dead_is_rewritten(store, monkeypatch):
    chunk = random_bytes(1, 10_000)
    with ObjectWriter(store.path, store._index) as writer:
        for n in range(40):
            raw = random_bytes(100 + n, 10_000)
            writer.add(Key(ObjectType.CHUNK, blake3(raw).digest()), raw)
        writer.add(Key(ObjectType.CHUNK, blake3(chunk).digest()), chunk)
        writer.commit()
    digest = store.put_files({"a": chunk}).digest
    done = collect(store, digest)
    assert (done.removed, done.made) == (1, 1)
    assert store.size() < 12_000
    check(store, {digest: {"a": chunk}})


def test_a_pack_that_is_a_little_dead_stays(store):
    raws = [random_bytes(100 + n, 10_000) for n in range(40)]
    with ObjectWriter(store.path, store._index) as writer:
        for raw in raws:
            writer.add(Key(ObjectType.CHUNK, blake3(raw).digest()), raw)
        writer.commit()
    digest = store.put_files({f"{n}": raw for n, raw in enumerate(raws[4:])}).digest
    assert collect(store, digest).removed == 0


def test_copies_of_an_object_become_one(store):
    contents = files(1)
    digest = store.put_files(contents).digest
    store._index.clear()
    with ObjectWriter(store.path, store._index) as writer:
        for content in contents.values():
            writer.add(Key(ObjectType.CHUNK, blake3(content).digest()), content)
        writer.commit()
    store.rebuild_index()
    assert len(packs(store)) == 2
    assert collect(store, digest).removed == 1
    check(store, {digest: contents})
    store.rebuild_index()
    check(store, {digest: contents})


@pytest.mark.parametrize("broken", ["larger", "smaller"])
def test_of_two_copies_the_whole_one_is_kept(store, broken):
    """Copies are verified before one of them goes."""
    contents = files(1)
    digest = store.put_files(contents).digest
    (larger,) = packs(store)
    store._index.clear()
    with ObjectWriter(store.path, store._index) as writer:
        for content in contents.values():
            writer.add(Key(ObjectType.CHUNK, blake3(content).digest()), content)
        writer.commit()
    (smaller,) = set(packs(store)) - {larger}
    victim = larger if broken == "larger" else smaller
    raw = bytearray(victim.read_bytes())
    raw[20] ^= 1
    victim.write_bytes(raw)
    store.rebuild_index()
    collect(store, digest)
    for path, content in contents.items():
        assert store.open_file(digest, path).read() == content
    assert store.check_reachable([digest], store.fsck()) == {}


@pytest.mark.parametrize("bits", [0xFFFF_FFFF_FFFF_FFF8, 0x38, 0])
def test_objects_that_share_a_short_key_and_copies_in_many_packs_stay_whole(
    store, monkeypatch, bits
):
    """So many of both, in rounds of so little, that every path is taken."""
    monkeypatch.setattr("omprov.content._care._condemned.DIGEST_BITS", bits)
    monkeypatch.setattr(_collect, "PACK_SIZE", 15_000)
    monkeypatch.setattr(_survey, "FEW", 2)
    kept, source = {}, random.Random(1)
    for number in range(60):
        if source.random() < 0.4:
            store._index.clear()  # what is put now becomes another copy
            store._index.add_pack("0" * 64, [])
            for pack in packs(store):
                store._index.add_pack(pack.stem, [])
        contents = {f"{n}": random_bytes(source.randrange(30), 700) for n in range(3)}
        contents["big"] = random_bytes(source.randrange(2), 300_000 if number % 20 == 0 else 900)
        digest = store.put_files(contents).digest
        kept[digest] = contents
        if source.random() < 0.3:
            kept.pop(source.choice(sorted(kept)))
        if number % 7 == 6:
            store.rebuild_index()
            collect(store, *kept)
            check(store, kept)
    before = len(packs(store))
    store.rebuild_index()
    check(store, kept)
    assert collect(store, *kept).damaged == ()
    assert len(packs(store)) <= before
    check(store, kept)


def test_the_only_copy_of_something_stays_though_it_is_damaged(store):
    contents = {"a": random_bytes(1, 5000), "b": random_bytes(2, 5000)}
    digest = store.put_files(contents).digest
    other = store.put_files({"c": b"gone", "a": contents["a"]}).digest
    place = store._index.find(
        Key(ObjectType.CHUNK, bytes.fromhex(store.tree(digest).get("a").digest))
    )
    pack = store.path / "packs" / f"{place.pack}.pack"
    raw = bytearray(pack.read_bytes())
    raw[place.packed.offset] ^= 1
    pack.write_bytes(raw)
    done = collect(store, other)
    assert done.damaged == (pack.stem,)
    assert pack.exists()
    assert store.open_file(other, "c").read() == b"gone"
    assert [damage.pack for damage in store.fsck()] == [pack.stem]


@pytest.mark.parametrize("what", ["tree", "footer"])
def test_a_damaged_store_is_left_alone(store, what):
    digest = store.put_files(files(1)).digest
    store.put_files(files(2))
    place = store._index.find(Key(ObjectType.TREE, bytes.fromhex(digest)))
    pack = store.path / "packs" / f"{place.pack}.pack"
    raw = bytearray(pack.read_bytes())
    raw[place.packed.offset + 20 if what == "tree" else -60] ^= 1
    pack.write_bytes(raw)
    before = packs(store)
    with pytest.raises(Damaged):
        collect(store, digest)
    assert packs(store) == before


def test_a_content_that_is_not_here_is_no_obstacle(store):
    digest = store.put_files(files(1)).digest
    assert collect(store, digest, "ab" * 32).absent == 1
    check(store, {digest: files(1)})


def test_only_one_collects_at_a_time(store):
    with only_collector(store.path), pytest.raises(Busy, match="another process"):
        collect(store)
    assert collect(store, dry_run=True).packs == 0


def test_a_pack_that_cannot_be_freshened_holds_nothing_to_rely_on(store, monkeypatch):
    digest = store.put_files(files(1)).digest
    before = len(packs(store))

    def refused(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as patch:
        patch.setattr("os.utime", refused)
        assert store.put_files(files(1) | {"new": b"1"}).digest != digest
    assert len(packs(store)) == before + 1
    first = packs(store)
    check(store, {digest: files(1)})
    assert len(first) == 2


def test_a_pack_that_has_gone_holds_nothing_to_rely_on(store):
    digest = store.put_files(files(1)).digest
    with (
        ContentStore.open(store.path) as other,
        ObjectWriter(other.path, other._index) as writer,
    ):
        key = Key(ObjectType.TREE, bytes.fromhex(digest))
        packs(store)[0].unlink()
        assert writer.lacks([key]) == {key}


def test_a_writer_at_work_keeps_what_it_relies_on(store):
    digest = store.put_files(files(1)).digest
    key = Key(ObjectType.TREE, bytes.fromhex(digest))
    with ObjectWriter(store.path, store._index) as writer:
        assert writer.lacks([key]) == set()
        assert collect(store).young == 1
        assert store.contains(digest)
    assert collect(store).removed == 1
    assert not store.contains(digest)


def test_what_is_freshened_during_a_collection_stays(store, monkeypatch):
    """The look-up comes between the walk and the removal."""
    digest = store.put_files(files(1)).digest
    key = Key(ObjectType.TREE, bytes.fromhex(digest))
    real = _survey.survey
    calls = []

    def survey_then_rely(*args, **extra):
        found = real(*args, **extra)
        if not calls:
            calls.append(found)
            with Reliance(store.path, store._index) as reliance:
                assert reliance.known([key]) == {key}
        return found

    monkeypatch.setattr(_collect, "survey", survey_then_rely)
    done = collect(store)
    assert (len(calls), done.removed, done.young) == (1, 0, 1)
    check(store, {digest: files(1)})


def test_a_chunk_relied_upon_between_condemning_and_removing_stays(store, monkeypatch):
    content = random_bytes(1, 3000)
    store.put_files({"a": content})
    key = Key(ObjectType.CHUNK, blake3(content).digest())
    real = _repack.Repacker.move

    def rely_then_move(self, victims):
        moved = real(self, victims)
        with Reliance(store.path, store._index) as reliance:
            found.append(reliance.known([key, *nodes]))
        return moved

    nodes = [Key(ObjectType.TREE, bytes.fromhex(store.put_files({"a": content}).digest))]
    found = []
    monkeypatch.setattr(_repack.Repacker, "move", rely_then_move)
    done = collect(store)
    assert found == [{key}]  # and the tree is condemned: it cannot be relied upon
    assert done.removed == 0
    assert store._reader.get(key) == content
    assert (store.path / CONDEMNED).exists()
    monkeypatch.undo()
    again = store.put_files({"a": content}).digest
    check(store, {again: {"a": content}})
    collect(store, again)
    assert not (store.path / CONDEMNED).exists()
    check(store, {again: {"a": content}})


def test_a_collector_that_was_killed_leaves_nothing_to_rely_on(store, monkeypatch, tmp_path):
    """Chunks go, the file object that names them stays: adding the file stores it whole."""
    big = random_bytes(7, 700_000)
    folder = make_folder(tmp_path / "in", {"big": big})
    store.put_tree(folder)
    while not store._stats.find([(folder / "big").stat()]):  # it must look unchanged for the test
        store.put_tree(folder)
    split_packs(store)
    removed = []
    real = _collect._Sweep._remove

    def killed_after_a_few(self, pack):
        if len(removed) == 4:
            raise KeyboardInterrupt
        removed.append(pack)
        return real(self, pack)

    monkeypatch.setattr(_collect._Sweep, "_remove", killed_after_a_few)
    with pytest.raises(KeyboardInterrupt):
        collect(store)
    monkeypatch.undo()
    store.close()
    with ContentStore.open(store.path) as again:
        digest = again.put_tree(folder).digest
        check(again, {digest: {"big": big}})
        again.rebuild_index()
        again.put_tree(folder)
        check(again, {digest: {"big": big}})
        collect(again, digest)
        check(again, {digest: {"big": big}})


def test_a_broken_list_of_the_condemned_lets_no_node_be_relied_upon(store):
    digest = store.put_files(files(1)).digest
    (store.path / CONDEMNED).write_bytes(b"anything")
    with Reliance(store.path, store._index) as reliance:
        keys = store._index.objects_of(packs(store)[0].stem)
        assert {key.type for key in reliance.known(keys)} == {ObjectType.CHUNK}
    collect(store, digest)
    assert not (store.path / CONDEMNED).exists()
    check(store, {digest: files(1)})


def test_a_reader_that_holds_a_pack_open_goes_on(store):
    kept = {store.put_files({"a": b"%d" % n}).digest: {"a": b"%d" % n} for n in range(20)}
    with ContentStore.open(store.path) as reader:
        check(reader, kept)
        collect(store, *kept)
        check(reader, kept)
        (store.path / "index.sqlite").unlink()
        check(reader, kept)


def test_an_index_of_one_process_alone_finds_the_other_copy_of_an_object(store):
    contents = files(1)
    digest = store.put_files(contents).digest
    (first,) = packs(store)
    store._index.clear()
    store.put_files({})
    with ObjectWriter(store.path, store._index) as writer:
        for key in [Key(ObjectType.CHUNK, blake3(c).digest()) for c in contents.values()]:
            writer.add(
                key,
                next(c for c in contents.values() if blake3(c).digest() == key.digest),
            )
        writer.commit()
    store.rebuild_index()
    for pack in packs(store):
        if pack != first and len(store._index.objects_of(pack.stem)) > 1:
            pack.unlink()
    check(store, {digest: contents})


def test_readers_and_writers_work_beside_a_collector(store):
    kept = {store.put_files(files(seed)).digest: files(seed) for seed in range(6)}
    wrong, stop = [], threading.Event()

    def work(seed):
        try:
            with ContentStore.open(store.path) as own:
                number = 0
                while not stop.is_set():
                    number += 1
                    contents = files(seed * 100 + number % 4, size=300)
                    digest = own.put_files(contents).digest
                    for path, content in contents.items():
                        assert own.open_file(digest, path).read() == content
                    for digest, held in list(kept.items()):
                        assert own.open_file(digest, "0/0").read() == held["0/0"]
        except BaseException as error:  # noqa: BLE001 - it has to be seen
            wrong.append(error)

    threads = [threading.Thread(target=work, args=[seed]) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    collected = 0
    for number in range(60):
        contents = files(10_000 + number)
        digest = store.put_files(contents).digest
        age(store, store._index.find(Key(ObjectType.TREE, bytes.fromhex(digest))).pack)
        if number % 2:
            kept[digest] = contents
        collected += store.collect(lambda: list(kept), grace=DAY).removed
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert collected > 60
    check(store, kept)


def test_whole_files_that_nobody_links_to_go(store, tmp_path):
    digest = store.put_files({"a": b"12345", "b": b"123"}).digest
    store.materialize(digest, tmp_path / "out", mode="link")
    (tmp_path / "out" / "a").unlink()
    assert collect(store, digest, grace=DAY).files == 0
    assert collect(store, digest).files == 5
    assert collect(store, digest).files == 0
    store.materialize(digest, tmp_path / "again", mode="link")
    assert read_folder(tmp_path / "again") == {"a": b"12345", "b": b"123"}


def test_a_whole_file_that_goes_while_it_is_linked_is_made_again(store, tmp_path, monkeypatch):
    digest = store.put_files({"a": b"12345"}).digest
    real, taken = os.link, []

    def link(source, target, **where):
        if not taken:
            taken.append(source)
            source.unlink()
        real(source, target, **where)

    monkeypatch.setattr("os.link", link)
    store.materialize(digest, tmp_path / "out", mode="link")
    assert read_folder(tmp_path / "out") == {"a": b"12345"}


FILL = """
import resource, sys
from datetime import timedelta
from omprov.content import ContentStore
from omprov.errors import StorageFull
store = ContentStore.open(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
try:
    store.collect(lambda: sys.argv[2].split(","), grace=timedelta(0))
except StorageFull as error:
    print("full:", error.exit_code, error)
"""


@pytest.mark.parametrize("limit", [10, 5_000, 90_000])
def test_a_full_disk_leaves_the_store_as_it_was(store, limit):
    kept = {store.put_files(files(seed)).digest: files(seed) for seed in range(12)}
    before = looks(store.path / "packs")
    code = [sys.executable, "-c", FILL, str(store.path), ",".join(kept), str(limit)]
    done = subprocess.run(code, capture_output=True, text=True, check=False)
    assert done.stdout.startswith("full: 5"), done.stderr
    assert looks(store.path / "packs") == before
    assert not (store.path / CONDEMNED).exists()
    assert list((store.path / "tmp").iterdir()) == []
    check(store, kept)
    collect(store, *kept)
    check(store, kept)


@pytest.fixture
def small_disk(tmp_path):
    if os.getuid() != 0:
        pytest.skip("only root may mount")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("root without the right to mount")
    yield folder
    subprocess.run(["umount", folder], check=True)


def fill(disk, left):
    """Leave so many bytes of the disk free."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    os.truncate(filler, filler.stat().st_size - left)
    return filler


@pytest.mark.parametrize("left", [0, 8192, 65_536])
def test_space_is_freed_on_a_disk_that_is_full(small_disk, left):
    with ContentStore.create(small_disk / "s") as store:
        kept = {store.put_files(files(seed)).digest: files(seed) for seed in range(12)}
        for seed in range(50, 60):
            store.put_files(files(seed, size=8000))
        filler = fill(small_disk, left)
        if left:
            assert collect(store, *kept).removed == 22
        else:  # not even for the list of what is to go
            with pytest.raises(StorageFull):
                collect(store, *kept)
        filler.unlink()
    with ContentStore.open(small_disk / "s") as store:
        check(store, kept)
        collect(store, *kept)
        assert len(packs(store)) == 1
        check(store, kept)


def test_an_add_on_a_full_disk_leaves_the_store_as_it_was(small_disk):
    with ContentStore.create(small_disk / "s") as store:
        kept = {store.put_files(files(seed)).digest: files(seed) for seed in range(3)}
        filler = fill(small_disk, 100_000)
        before = looks(store.path / "packs")
        with pytest.raises(StorageFull):
            store.put_files(files(9, size=50_000))
        assert {**looks(store.path / "packs")} == before
        assert list((store.path / "tmp").iterdir()) == []
        filler.unlink()
        check(store, kept)
        kept[store.put_files(files(9)).digest] = files(9)
        check(store, kept)


def test_a_writer_waits_while_packs_are_removed(store):
    digest = store.put_files(files(1)).digest
    done = threading.Event()

    def put():
        store.put_files(files(1))
        done.set()

    thread = threading.Thread(target=put)
    with packs_removable(store.path):
        thread.start()
        assert not done.wait(0.05)
    thread.join()
    check(store, {digest: files(1)})


def test_no_room_is_told(store, monkeypatch):
    for seed in range(9):
        store.put_files(files(seed))
    kept = [store.put_files(files(seed)).digest for seed in range(9)]

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(_repack.os, "write", full)
        with pytest.raises(StorageFull):
            collect(store, *kept)
    check(store, {digest: files(seed) for seed, digest in enumerate(kept)})


@pytest.mark.parametrize("first", ["bytes", "reference"])
def test_a_reference_is_no_copy_of_content_that_is_held(store, tmp_path, first):
    """A file object with the list and one with a reference lie under one key; the list stays."""
    big = random_bytes(5, 700_000)
    folder = make_folder(tmp_path / "in", {"big": big})
    both = [
        lambda: store.put_tree(folder),
        lambda: store.put_reference(folder, hashed=True).summary,
    ]
    if first == "reference":
        both.reverse()
    held = both[0]()
    age(store)
    store.put_files({"other": random_bytes(6, 900_000)})
    assert both[1]().digest == held.digest
    for _ in range(2):
        collect(store, held.digest)
        (folder / "big").unlink(missing_ok=True)
        assert store.open_file(held.digest, "big").read() == big
        assert store.fsck() == []
        store.rebuild_index()
