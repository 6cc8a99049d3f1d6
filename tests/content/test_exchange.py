"""Push and pull between real stores, through a folder and a server that speaks S3."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from content_folders import folders, make_folder, random_bytes, read_folder
from faulty_proxy import FAULTS, FaultyProxy
from hypothesis import given, settings
from hypothesis import strategies as st

from omprov.content import ContentStore, Done, Expected, RemoteSettings, open_bucket
from omprov.errors import Conflict, Damaged, NotFound, SchemaMismatch, StorageFull, Unavailable

LARGE = {
    "big": random_bytes(1, 3_000_000),
    "bigger": random_bytes(2, 20_000_000),
    "text": b"some words\n" * 50_000,
    "x": {"y": {f"f{n}": random_bytes(n, 3000) for n in range(300)}, "empty": {}},
}


@pytest.fixture(params=["file", "s3"])
def settings_of(request, tmp_path):
    """How a remote is reached, by either kind of bucket."""
    if request.param == "file":
        return RemoteSettings("away", str(tmp_path / "away"))
    url, options = request.getfixturevalue("s3_url"), request.getfixturevalue("s3_options")
    return RemoteSettings("away", url, options)


@contextmanager
def new_store(path: Path):
    with ContentStore.create(path) as store:
        yield store


def put(store: ContentStore, folder) -> str:
    with tempfile.TemporaryDirectory() as place:
        return store.put_tree(make_folder(Path(place, "d"), folder)).digest


def get(store: ContentStore, digest):
    with tempfile.TemporaryDirectory() as place:
        store.materialize(digest, Path(place, "d"))
        return read_folder(Path(place, "d"))


def push(store, settings_of, roots, progress=None):
    with closing(store.remote(settings_of)) as remote:
        return store.push(remote, roots, progress)


def pull(store, settings_of, roots, progress=None):
    with closing(store.remote(settings_of)) as remote:
        return store.pull(remote, roots, progress)


def test_what_was_pushed_is_pulled(tmp_path, settings_of):
    with new_store(tmp_path / "a") as a, new_store(tmp_path / "b") as b:
        digest = put(a, LARGE)
        sent = push(a, settings_of, [digest])
        assert (sent.moved, sent.complete, sent.absent) == ([digest], [], [])
        assert sent.bytes == a.size()
        told = []
        fetched = pull(b, settings_of, [digest], told.append)
        assert fetched.moved == [digest]
        assert get(b, digest) == LARGE
        assert b.fsck() == []
        assert b.check_reachable([digest]) == {}
        done = [news for news in told if isinstance(news, Done)]
        (expected,) = [news for news in told if isinstance(news, Expected)]
        assert sum(news.items for news in done) == expected.items == fetched.packs
        assert sum(news.bytes for news in done) == expected.bytes == fetched.bytes


def test_only_what_is_missing_moves(tmp_path, settings_of):
    with new_store(tmp_path / "a") as a, new_store(tmp_path / "b") as b:
        first = put(a, LARGE)
        push(a, settings_of, [first])
        again = push(a, settings_of, [first])
        assert (again.packs, again.bytes, again.complete) == (0, 0, [first])
        second = put(a, {**LARGE, "new": b"a little more"})
        assert push(a, settings_of, [first, second]).bytes < 50_000
        pull(b, settings_of, [first])
        assert pull(b, settings_of, [second]).bytes < 50_000
        assert pull(b, settings_of, [first, second]).packs == 0
        assert get(b, second) == {**LARGE, "new": b"a little more"}


def test_of_a_pack_only_what_is_needed_moves(tmp_path, settings_of):
    """Two trees share a pack: the one that is pushed goes alone, then the other goes."""
    with new_store(tmp_path / "a") as a, new_store(tmp_path / "b") as b:
        wanted, other = {"a": random_bytes(5, 600_000)}, {"b": random_bytes(6, 900_000), "c": b"c"}
        top = put(a, {"one": wanted, "two": other})
        one = put(a, wanted)
        assert push(a, settings_of, [one]).bytes < 700_000
        pull(b, settings_of, [one])
        assert get(b, one) == wanted
        assert pull(b, settings_of, [top]).absent == [top]
        assert 900_000 < push(a, settings_of, [top]).bytes < 1_000_000
        assert 900_000 < pull(b, settings_of, [top]).bytes < 1_000_000
        assert get(b, top) == {"one": wanted, "two": other}


def test_a_pull_takes_part_of_a_pack(tmp_path, settings_of):
    with new_store(tmp_path / "a") as a, new_store(tmp_path / "b") as b:
        wanted = {"a": random_bytes(5, 600_000)}
        push(a, settings_of, [put(a, {"one": wanted, "two": {"b": random_bytes(6, 900_000)}})])
        one = put(a, wanted)
        assert pull(b, settings_of, [one]).bytes < 700_000
        assert get(b, one) == wanted


def test_what_the_source_lacks_is_told(tmp_path, settings_of):
    with new_store(tmp_path / "a") as a, new_store(tmp_path / "b") as b:
        digest, foreign = put(a, {"a": b"a"}), put(b, {"b": b"b"})
        assert push(a, settings_of, [digest, foreign]).absent == [foreign]
        with new_store(tmp_path / "c") as c:
            assert pull(c, settings_of, [foreign, digest]).absent == [foreign]
            assert get(c, digest) == {"a": b"a"}


def test_a_pull_brings_back_what_was_lost_here(tmp_path, settings_of):
    with new_store(tmp_path / "a") as a:
        digest = put(a, LARGE)
        push(a, settings_of, [digest])
        pack = next((tmp_path / "a" / "packs").iterdir())
        data = bytearray(pack.read_bytes())
        data[len(data) // 2] ^= 1
        pack.unlink()
        pack.write_bytes(data)
        damages = a.fsck()
        assert damages
        a.forget_damaged(damages)
        assert pull(a, settings_of, [digest]).bytes < 1_000_000
        assert get(a, digest) == LARGE


def test_nothing_is_pulled_from_where_no_store_is(tmp_path, settings_of):
    with new_store(tmp_path / "a") as a, pytest.raises(NotFound, match="omprov push"):
        pull(a, settings_of, [put(a, {})])


def test_a_newer_store_is_left_alone(tmp_path, settings_of):
    bucket = open_bucket(settings_of.url, options=settings_of.options)
    bucket.write("layout", b"omprov content store, layout 2\n")
    with new_store(tmp_path / "a") as a:
        digest = put(a, {"a": b"a"})
        for move in (push, pull):
            with pytest.raises(SchemaMismatch, match="Upgrade omprov"):
                move(a, settings_of, [digest])
    assert [blob.name for blob in bucket.list()] == ["layout"]


def test_no_store_is_made_among_other_things(tmp_path, settings_of):
    bucket = open_bucket(settings_of.url, options=settings_of.options)
    bucket.write("holiday.jpg", b"")
    with new_store(tmp_path / "a") as a, pytest.raises(Conflict, match=r"holiday\.jpg"):
        push(a, settings_of, [put(a, {"a": b"a"})])
    assert [blob.name for blob in bucket.list()] == ["holiday.jpg"]


def test_a_pack_that_is_damaged_in_the_remote_is_refused(tmp_path, settings_of):
    bucket = open_bucket(settings_of.url, options=settings_of.options)
    with new_store(tmp_path / "a") as a, new_store(tmp_path / "b") as b:
        digest = put(a, LARGE)
        push(a, settings_of, [digest])
        (name,) = [blob.name for blob in bucket.list("packs")]
        good = bucket.read(name)
        bucket.write(name, good[:1000] + bytes([good[1000] ^ 1]) + good[1001:])
        with pytest.raises(Damaged, match="Push it again") as caught:
            pull(b, settings_of, [digest])
        assert "\n" not in str(caught.value)
        assert b.size() == 0
        assert list((tmp_path / "b" / "tmp").iterdir()) == []
        bucket.write(name, good)
        pull(b, settings_of, [digest])
        assert get(b, digest) == LARGE


def test_a_pack_that_is_damaged_here_is_not_pushed(tmp_path, settings_of):
    with new_store(tmp_path / "a") as a:
        digest = put(a, LARGE)
        pack = next((tmp_path / "a" / "packs").iterdir())
        data = pack.read_bytes()
        pack.unlink()
        pack.write_bytes(data[:1000] + bytes([data[1000] ^ 1]) + data[1001:])
        with pytest.raises(Damaged, match="omprov fsck"):
            push(a, settings_of, [digest])
        bucket = open_bucket(settings_of.url, options=settings_of.options)
        assert [blob.name for blob in bucket.list()] == ["layout"]


def test_a_remote_folder_on_a_full_disk(tmp_path, full_disk):
    away = RemoteSettings("away", str(full_disk / "away"))
    with new_store(tmp_path / "a") as a:
        small, large = put(a, {"a": b"a"}), put(a, LARGE)
        push(a, away, [small])
        with pytest.raises(StorageFull, match="no room"):
            push(a, away, [large])
        assert a.fsck() == []
        with new_store(tmp_path / "b") as b:
            assert pull(b, away, [small, large]).absent == [large]
            assert get(b, small) == {"a": b"a"}


@settings(max_examples=25)
@given(
    st.lists(folders, min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.integers(0, 3)), max_size=10),
)
def test_stores_that_share_a_remote_read_the_same_trees(made, moves):
    """Any order of pushes and pulls of several stores: who has a tree reads what was put."""
    with tempfile.TemporaryDirectory() as place:
        away = RemoteSettings("away", str(Path(place, "away")))
        stores = [ContentStore.create(Path(place, str(number))) for number in range(3)]
        roots = [put(stores[number % 2], folder) for number, folder in enumerate(made)]
        for who, up, which in moves:
            root = roots[which % len(roots)]
            try:
                moved = (push if up else pull)(stores[who], away, [root])
            except NotFound:  # nobody has pushed yet
                continue
            if not up and not moved.absent:
                assert stores[who].contains(root)
        for store in stores[:2]:
            push(store, away, roots)
        for store in stores:
            assert pull(store, away, roots).absent == []
            for root, folder in zip(roots, made, strict=True):
                assert get(store, root) == folder
            assert store.fsck() == []
            assert store.check_reachable(roots) == {}
            store.close()


@pytest.mark.parametrize("seed", range(6))
def test_a_line_that_fails_loses_nothing(tmp_path, s3_url, s3_options, seed):
    """Errors, cuts and flipped bytes on the way: at worst a call fails and the next one goes on."""
    proxy = FaultyProxy(s3_options["endpoint"], seed=seed, faults=25)
    through = RemoteSettings("away", s3_url, {**s3_options, "endpoint": proxy.endpoint})
    with closing(proxy), new_store(tmp_path / "a") as a, new_store(tmp_path / "b") as b:
        first, second = put(a, LARGE), put(a, {"one": LARGE["x"], "more": random_bytes(9, 700_000)})
        for store, move in ((a, push), (b, pull)):
            for root in (second, first):
                until_done(lambda move=move, store=store, root=root: move(store, through, [root]))
        assert proxy.done
        direct = RemoteSettings("away", s3_url, s3_options)
        with new_store(tmp_path / "c") as c:
            assert pull(c, direct, [first, second]).absent == []
            for store in (b, c):
                assert get(store, first) == LARGE
                assert store.fsck() == []
                assert store.check_reachable([first, second]) == {}


def until_done(move) -> None:
    messages = []
    for _ in range(30):
        try:
            assert move().absent == []
        except Unavailable as error:
            messages.append(str(error))
        else:
            assert not any("\n" in message for message in messages)
            return
    raise AssertionError("it never finishes")


@pytest.mark.parametrize("kind", FAULTS)
def test_each_kind_of_fault_is_survived_at_once(tmp_path, s3_url, s3_options, kind):
    """One fault of a kind does not even make the call fail."""
    proxy = FaultyProxy(s3_options["endpoint"], seed=1, faults=1, kinds=[kind], often=1.0)
    through = RemoteSettings("away", s3_url, {**s3_options, "endpoint": proxy.endpoint})
    with closing(proxy), new_store(tmp_path / "a") as a, new_store(tmp_path / "b") as b:
        digest = put(a, {"a": random_bytes(1, 400_000)})
        push(a, through, [digest])
        pull(b, through, [digest])
        assert get(b, digest) == {"a": random_bytes(1, 400_000)}
        assert proxy.done == [kind]


MOVE = """
import sys, json
from omprov.content import ContentStore, RemoteSettings
how, path, url, options, *roots = sys.argv[1:]
store = ContentStore.open(path)
remote = store.remote(RemoteSettings("away", url, json.loads(options)))
print("begun", flush=True)
getattr(store, how)(remote, roots)
"""


@pytest.mark.parametrize("seed", range(4))
def test_a_killed_push_and_a_killed_pull_go_on(tmp_path, settings_of, seed):
    import json

    rng = random.Random(seed)
    many = {
        f"d{n}": {f"f{m}": random_bytes(100 * n + m, 70_000) for m in range(20)} for n in range(20)
    }
    with new_store(tmp_path / "a") as a:
        roots = [put(a, dict(list(many.items())[:upto])) for upto in (5, 12, 20)]
    ContentStore.create(tmp_path / "b").close()
    options = json.dumps(dict(settings_of.options))
    for how, name in (("push", "a"), ("pull", "b")):
        for _ in range(3):
            words = [how, str(tmp_path / name), settings_of.url, options, *roots]
            child = subprocess.Popen(
                [sys.executable, "-c", MOVE, *words], stdout=subprocess.PIPE, text=True
            )
            with child:
                child.stdout.readline()
                try:
                    child.wait(rng.uniform(0.0, 0.4))
                except subprocess.TimeoutExpired:
                    os.kill(child.pid, signal.SIGKILL)
        with ContentStore.open(tmp_path / name) as store:
            assert store.fsck() == []
            whole = [root for root in roots if store.contains(root)]
            assert store.check_reachable(whole) == {}
            if how == "push":  # whoever reads meanwhile finds no tree that is not whole
                with new_store(tmp_path / f"reader{seed}") as reader:
                    try:
                        there = pull(reader, settings_of, roots)
                    except NotFound:
                        there = None
                    if there is not None:
                        assert reader.check_reachable(there.moved) == {}
            (push if how == "push" else pull)(store, settings_of, roots)
    with ContentStore.open(tmp_path / "b") as b:
        assert get(b, roots[-1]) == many
        assert b.fsck() == []
        assert list((tmp_path / "b" / "tmp").iterdir()) == []
    shutil.rmtree(tmp_path / "a")
