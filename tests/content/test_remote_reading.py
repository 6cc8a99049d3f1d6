"""Reading what is only in a remote, through a cache of bounded size."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from contextlib import closing

import pytest
from content_folders import make_folder, random_bytes, read_folder

from omprov.content import (
    BlockCache,
    ContentStore,
    RemoteSettings,
    RemoteSetup,
    open_bucket,
)
from omprov.errors import Damaged, NotFound, Unavailable

BIG = random_bytes(1, 12_000_000)
FILES = {
    "big": BIG,
    "small": b"a few words",
    "empty": b"",
    "x": {f"f{n}": random_bytes(n, 5000) for n in range(400)},
    "link": ("->", "small"),
}
MIB = 1 << 20


@pytest.fixture
def away(tmp_path):
    """A remote folder, and the digest of what is in it."""
    settings = RemoteSettings("away", str(tmp_path / "away"))
    with ContentStore.create(tmp_path / "origin") as origin:
        digest = origin.put_tree(make_folder(tmp_path / "files", FILES)).digest
        with closing(origin.remote(settings)) as remote:
            origin.push(remote, [digest])
    return settings, digest


@pytest.fixture
def open_here(tmp_path):
    """Opens one and the same store, empty at first, with remotes to read from."""
    ContentStore.create(tmp_path / "here").close()
    opened = []

    def open_it(*remotes, limit=1 << 30, folder=None):
        setup = RemoteSetup(remotes, limit, None if folder is None else str(folder))
        opened.append(ContentStore.open(tmp_path / "here", pickle.loads(pickle.dumps(setup))))
        return opened[-1]

    yield open_it
    for store in opened:
        store.close()


def test_everything_is_read_straight_from_a_remote(tmp_path, away, open_here):
    settings, digest = away
    store = open_here(settings)
    assert not store.contains(digest)
    assert store.open_file(digest, "x/f7").read() == FILES["x"]["f7"]
    with store.open_file(digest, "big") as file:
        file.seek(5_000_000)
        assert file.read(10) == BIG[5_000_000:5_000_010]
    store.materialize(digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == FILES
    assert list(store.changes_on_disk(digest, tmp_path / "out")) == []
    assert not store.contains(digest)
    assert store.size() == 0
    assert store.check_reachable([digest]) != {}  # a remote alone keeps nothing here


def test_adding_stores_what_only_a_remote_has(tmp_path, away, open_here):
    settings, digest = away
    store = open_here(settings)
    assert store.open_file(digest, "small").read() == b"a few words"
    assert store.put_tree(tmp_path / "files").digest == digest
    assert store.contains(digest)
    assert store.check_reachable([digest]) == {}


def test_a_small_read_does_not_fetch_a_pack(away, open_here):
    settings, digest = away
    store = open_here(settings)
    assert store.open_file(digest, "small").read() == b"a few words"
    assert store.cache.size() <= 4 * MIB


def test_what_is_cached_is_read_without_the_remote(tmp_path, away, open_here):
    settings, digest = away
    assert open_here(settings).open_file(digest, "big").read() == BIG
    (tmp_path / "away").rename(tmp_path / "gone")
    store = open_here(settings)
    assert store.open_file(digest, "big").read() == BIG
    store.cache.clear()
    assert store.cache.size() == 0
    with pytest.raises(Unavailable, match=r"remote away.* is the disk there"):
        open_here(settings).open_file(digest, "big").read()
    (tmp_path / "gone").rename(tmp_path / "away")
    assert open_here(settings).open_file(digest, "big").read() == BIG


def test_what_is_not_cached_names_the_remote_that_cannot_be_reached(
    s3_url, s3_options, tmp_path, away, open_here
):
    _, digest = away
    there = RemoteSettings("office", s3_url, s3_options)
    with ContentStore.open(tmp_path / "origin") as origin, closing(origin.remote(there)) as remote:
        origin.push(remote, [digest])
    assert open_here(there).open_file(digest, "small").read() == b"a few words"
    nowhere = {**s3_options, "endpoint": "http://127.0.0.1:1"}
    store = open_here(RemoteSettings("office", s3_url, nowhere))
    with pytest.raises(Unavailable, match=r"remote office: .*cannot be reached") as caught:
        store.open_file(digest, "big")
    assert caught.value.exit_code == 5


def test_the_second_remote_is_asked_when_the_first_does_not_have_it(tmp_path, away, open_here):
    settings, digest = away
    empty = RemoteSettings("empty", str(tmp_path / "no-store-yet"))
    unreachable = RemoteSettings(
        "far",
        "s3://x/y",
        {"endpoint": "http://127.0.0.1:1", "access_key_id": "x", "secret_access_key": "x"},
    )
    store = open_here(empty, unreachable, settings)
    assert store.open_file(digest, "small").read() == b"a few words"
    with pytest.raises(Unavailable, match="remote far"):
        store.tree("0" * 64)
    with pytest.raises(NotFound, match="in no remote either"):
        open_here(empty, settings).tree("0" * 64)


@pytest.mark.parametrize("limit", [0, MIB // 2, MIB, 3 * MIB])
def test_the_cache_keeps_its_limit(tmp_path, away, open_here, limit):
    settings, digest = away
    store = open_here(settings, limit=limit)
    for _ in range(2):
        assert store.open_file(digest, "big").read() == BIG
        assert store.cache.size() <= limit
        assert bytes_in(store.cache) <= limit


def bytes_in(cache: BlockCache) -> int:
    return sum(path.stat().st_size for path in cache.folder.glob("??/*"))


def test_those_go_that_were_not_used_for_longest(tmp_path):
    with closing(BlockCache(tmp_path / "cache", 3000)) as cache:
        for number in range(3):
            cache.write("a" * 64, number, bytes([number]) * 1000)
        assert cache.read("a" * 64, 0) == bytes(1000)
        cache.write("b" * 64, 0, b"x" * 1500)
        assert [cache.read("a" * 64, number) is not None for number in range(3)] == [
            True,
            False,
            False,
        ]
        assert cache.read("b" * 64, 0) == b"x" * 1500
        assert bytes_in(cache) == cache.size() == 2500
        cache.limit = 2000
        cache.shrink()
        assert cache.size() == bytes_in(cache) == 1500
        cache.clear()
        assert cache.list() == []
        assert cache.read("b" * 64, 0) is None
        cache.write("b" * 64, 0, b"again")
        assert cache.read("b" * 64, 0) == b"again"


def test_a_block_that_was_altered_is_fetched_again(away, open_here):
    settings, digest = away
    assert open_here(settings).open_file(digest, "big").read() == BIG
    store = open_here(settings)
    for path in store.cache.folder.glob("??/*"):
        path.write_bytes(bytes(path.stat().st_size))
    assert store.open_file(digest, "big").read() == BIG
    assert open_here(settings).open_file(digest, "big").read() == BIG


def test_a_remote_that_gives_other_bytes_is_not_believed(tmp_path, away, open_here):
    settings, digest = away
    for pack in (tmp_path / "away" / "packs").iterdir():
        data = bytearray(pack.read_bytes())
        data[MIB : 2 * MIB] = bytes(MIB)
        pack.write_bytes(data)
    with pytest.raises(Damaged, match=str(tmp_path / "away")):
        open_here(settings).open_file(digest, "big").read()


def test_reading_goes_on_where_the_disk_of_the_cache_is_full(away, open_here, full_disk):
    settings, digest = away
    store = open_here(settings, folder=full_disk / "cache")
    assert store.open_file(digest, "big").read() == BIG
    assert bytes_in(store.cache) < 2 * MIB


READ = """
import sys, json
from omprov.content import ContentStore, RemoteSettings, RemoteSetup
path, url, digest, limit = sys.argv[1:]
setup = RemoteSetup([RemoteSettings("away", url)], int(limit))
with ContentStore.open(path, setup) as store:
    total = sum(len(store.open_file(digest, "big").read()) for _ in range(3))
    print(json.dumps(total))
"""


def test_several_processes_share_a_cache(tmp_path, away, open_here):
    settings, digest = away
    limit = 4 * MIB
    words = [str(tmp_path / "here"), settings.url, digest, str(limit)]
    children = [
        subprocess.Popen([sys.executable, "-c", READ, *words], stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    for child in children:
        answer, _ = child.communicate()
        assert json.loads(answer) == 3 * len(BIG)
    cache = open_here(settings, limit=limit).cache
    assert bytes_in(cache) <= cache.size() <= limit


def test_a_pack_that_is_damaged_here_is_read_from_a_remote(tmp_path, away):
    settings, digest = away
    for pack in (tmp_path / "origin" / "packs").iterdir():
        data = bytearray(pack.read_bytes())
        data[100:2000] = bytes(1900)
        pack.write_bytes(data)
    with ContentStore.open(tmp_path / "origin") as alone, pytest.raises(Damaged):
        alone.materialize(digest, tmp_path / "out1")
    with ContentStore.open(tmp_path / "origin", RemoteSetup([settings])) as store:
        store.materialize(digest, tmp_path / "out2")
    assert read_folder(tmp_path / "out2") == FILES


def test_the_knowledge_of_a_remote_follows_the_remote(tmp_path, away, open_here):
    settings, digest = away
    store = open_here(settings)
    assert store.open_file(digest, "small").read() == b"a few words"
    bucket = open_bucket(settings.url)
    for blob in list(bucket.list("packs")):
        bucket.delete(blob.name)
    with closing(store.remote(settings)) as remote:
        remote.refresh()
        assert remote.index.packs() == set()
