"""The chunk index is made again from the packs alone; and fsck sees where it went wrong."""

from __future__ import annotations

import sqlite3

import pytest
from content_folders import random_bytes

from omprov.content import ContentStore, _database, rebuild_index
from omprov.errors import Busy, NotFound

FILES = {"a": random_bytes(1, 5000), "b/c": random_bytes(2, 300_000), "d": b""}


@pytest.fixture
def kept(tmp_path):
    with ContentStore.create(tmp_path / "s") as store:
        digests = [store.put_files(FILES | {"n": b"%d" % n}).digest for n in range(5)]
        return tmp_path / "s", digests, store._index.count()


def check(path, digests, expected):
    with ContentStore.open(path) as store:
        assert store._index.count() == expected
        assert store.fsck() == []
        assert store.check_reachable(digests) == {}
        for digest in digests:
            assert store.open_file(digest, "b/c").read() == FILES["b/c"]


@pytest.mark.parametrize("what", ["missing", "garbage", "empty", "cut short", "another schema"])
def test_an_index_is_made_again(kept, what):
    path, digests, expected = kept
    index = path / "index.sqlite"
    match what:
        case "missing":
            index.unlink()
        case "garbage":
            index.write_bytes(random_bytes(3, 50_000))
        case "empty":
            index.write_bytes(b"")
        case "cut short":
            index.write_bytes(index.read_bytes()[:5000])
        case _:
            index.unlink()
            sqlite3.connect(index).execute("CREATE TABLE object (something)").connection.close()
    rebuilt = rebuild_index(path)
    assert (rebuilt.packs, rebuilt.objects, rebuilt.unreadable) == (*expected, ())
    check(path, digests, expected)


@pytest.mark.parametrize("lock", ["EXCLUSIVE", "IMMEDIATE"])
def test_an_index_that_somebody_keeps_locked_is_made_anew(kept, monkeypatch, lock):
    path, digests, expected = kept
    monkeypatch.setattr(_database, "_PATIENCE", 0.01)
    other = sqlite3.connect(path / "index.sqlite", isolation_level=None)
    if lock == "EXCLUSIVE":
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute(f"BEGIN {lock}")
    other.execute("DELETE FROM pack")
    try:
        with ContentStore.open(path) as store:
            store.put_files({"new": b"1"})
    except Busy:
        pass
    else:
        raise AssertionError("it is not locked")
    assert rebuild_index(path).packs >= expected[0]
    other.close()
    with ContentStore.open(path) as store:
        assert store.check_reachable(digests) == {}


def test_a_pack_that_cannot_be_read_is_named(kept):
    path, digests, expected = kept
    pack = min((path / "packs").iterdir())
    pack.write_bytes(pack.read_bytes()[:-1])
    rebuilt = rebuild_index(path)
    assert rebuilt.unreadable == (pack.stem,)
    assert rebuilt.packs == expected[0] - 1
    with ContentStore.open(path) as store:
        assert [damage.pack for damage in store.fsck()] == [pack.stem]
        assert store.check_reachable(digests)


def test_there_has_to_be_a_store(tmp_path):
    with pytest.raises(NotFound):
        rebuild_index(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE object SET position = position + 1 WHERE raw = 5000",
        "UPDATE object SET stored = 7 WHERE raw = 5000",
        "DELETE FROM object WHERE raw = 5000",
        "UPDATE object SET digest = zeroblob(32) WHERE raw = 5000",
    ],
)
def test_an_index_that_is_wrong_is_found_and_mended(kept, change):
    path, digests, expected = kept
    database = sqlite3.connect(path / "index.sqlite")
    with database:
        assert database.execute(change).rowcount == 1
    database.close()
    with ContentStore.open(path) as store:
        (damage,) = store.fsck()
        assert "--rebuild-index" in damage.reason
        assert set(store.check_reachable(digests, [damage])) == set(digests)
    rebuild_index(path)
    check(path, digests, expected)
