"""Buckets recorded by reference, against a real S3 protocol server."""

from __future__ import annotations

import os
import tracemalloc
from datetime import UTC, datetime
from itertools import count

import pytest
from buckets import s3_server
from content_folders import random_bytes, read_folder
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from omprov.content import ContentStore
from omprov.content._format._nodes import EntryKind
from omprov.content._references import _bucket_references as bucket_references
from omprov.content._remotes._bucket_names import Blob
from omprov.content._remotes._buckets import split_url
from omprov.errors import Conflict, InvalidInput, NotFound, SourceChanged, Unavailable

LARGE = random_bytes(4, 900_000)
OBJECTS = {"data/a": b"1", "data/a-b": b"2", "data/a/b": b"", "data/sub/big": LARGE, "other": b"0"}
_numbers = count()


@pytest.fixture(scope="module")
def server():
    with s3_server() as running:
        yield running


@pytest.fixture
def s3(server, store):
    server.fresh(f"bucket-{next(_numbers)}")
    store.sources.options = lambda address: server.options
    return server


def paths(store, digest):
    return [path for path, _ in store.tree(digest).iter_entries()]


@pytest.mark.parametrize("hashed", [None, True])
def test_what_lies_in_a_bucket_comes_back(store, s3, tmp_path, hashed):
    s3.put({"data/x": b"1", "data/sub/big": LARGE, "data/sub/empty": b"", "other": b"0"})
    url = f"s3://{s3.bucket}/data"
    referenced = store.put_reference(url, hashed=hashed)
    assert referenced.address == url
    assert referenced.identified_by == ("digest" if hashed else "etag")
    assert (referenced.summary.files, referenced.summary.size) == (3, len(LARGE) + 1)
    assert store.put_reference(url + "/", hashed=hashed) == referenced
    assert store.size() < 4_000
    digest = referenced.summary.digest
    kinds = {entry.kind for _, entry in store.tree(digest).iter_entries()}
    assert (EntryKind.REFERENCE in kinds) is not bool(hashed)
    expected = {"x": b"1", "sub": {"big": LARGE, "empty": b""}}
    for mode in ("copy", "reflink", "link"):
        store.materialize(digest, tmp_path / mode, mode=mode)
        assert read_folder(tmp_path / mode) == expected
        assert list(store.changes_on_disk(digest, tmp_path / mode)) == []
        again = store.materialize(digest, tmp_path / mode, current=digest)
        assert again.written == 0
    if hashed:
        assert store.hash_tree(tmp_path / "copy") == referenced.summary
    places = {file.path: file.reference for file in store.iter_files(digest)}
    assert places["sub/big"].uri == f"{url}/sub/big"
    assert places["sub/empty"] is None
    assert store.check_sources([digest], read=True) == {}
    assert store.count_elsewhere([digest]) == 2


def test_hashed_objects_are_read_once(store, s3, monkeypatch):
    s3.put({"data/x": b"1", "data/y": LARGE})
    url = f"s3://{s3.bucket}/data"
    first = store.put_reference(url, hashed=True)
    read = []
    real = type(store.sources).stream
    monkeypatch.setattr(
        type(store.sources), "stream", lambda self, r, d: read.append(r.uri) or real(self, r, d)
    )
    assert store.put_reference(url, hashed=True) == first
    assert read == []
    s3.put({"data/x": b"2"})
    assert store.put_reference(url, hashed=True) != first
    assert read == [f"{url}/x"]


@pytest.mark.parametrize("hashed", [False, True])
def test_an_object_that_was_replaced_is_told(store, s3, tmp_path, hashed):
    s3.put({"data/x": LARGE, "data/y": b"1"})
    url = f"s3://{s3.bucket}/data"
    digest = store.put_reference(url, hashed=hashed).summary.digest
    with store.open_file(digest, "x") as file:
        assert file.read(10) == LARGE[:10]
        file.seek(800_000)
        s3.put({"data/x": LARGE[::-1]})
        with pytest.raises(SourceChanged, match="has changed at its source"):
            file.read()
    with pytest.raises(SourceChanged, match=f"{url}/x"):
        store.materialize(digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == {}
    assert store.check_sources([digest])[digest].count == 1
    assert store.put_reference(url, hashed=hashed).summary.digest != digest
    s3.put({"data/x": LARGE})  # the same bytes have the same ETag
    store.materialize(digest, tmp_path / "out")


def test_an_object_that_is_gone_is_told(store, s3, tmp_path):
    s3.put({"data/x": b"1"})
    digest = store.put_reference(f"s3://{s3.bucket}/data").summary.digest
    s3.delete("data/x")
    with pytest.raises(NotFound, match="kept by reference"):
        store.materialize(digest, tmp_path / "out")
    with pytest.raises(NotFound, match="kept by reference"):
        store.open_file(digest, "x")


def test_ranges_are_read_alone(store, s3):
    s3.put({"big": random_bytes(1, 20_000_000)})
    digest = store.put_reference(f"s3://{s3.bucket}/big").summary.digest
    bucket = store.sources.bucket(f"s3://{s3.bucket}", "")
    asked = []
    real = bucket.read_range

    def counting(name, offset, length, *, etag=""):
        asked.append((offset, length))
        return real(name, offset, length, etag=etag)

    bucket.read_range = counting
    content = random_bytes(1, 20_000_000)
    with store.open_file(digest, "big") as file:
        file.seek(10_000_000)
        assert file.read(100) == content[10_000_000:10_000_100]
        assert sum(length for _, length in asked) < 1_000_000
        file.seek(0)
        assert file.read() == content
        assert len(asked) < 12  # further and further ahead
        assert file.seek(-3, os.SEEK_END)
        assert file.read() == content[-3:]


def test_one_object_is_a_tree_with_one_entry(store, s3, tmp_path):
    s3.put({"deep/down/model.bin": b"weights", "top": b"1"})
    one = store.put_reference(f"s3://{s3.bucket}/deep/down/model.bin", hashed=True)
    assert one.summary == store.put_files({"model.bin": b"weights"})
    top = store.put_reference(f"s3://{s3.bucket}/top")
    assert paths(store, top.summary.digest) == [b"top"]
    store.materialize(top.summary.digest, tmp_path / "out")
    assert read_folder(tmp_path / "out") == {"top": b"1"}


ODD = {
    "data/a b/ü%20+": b"1",
    "data/x#?": b"2",
    "data/~!$&'()*,;=:@": b"3",
    "data/%41": b"4",
    "data/back\\slash": b"5",
    "data/中文": b"6",
}


def test_names_with_odd_characters_come_back(store, s3, tmp_path):
    s3.put(ODD)
    for hashed in (False, True):
        digest = store.put_reference(f"s3://{s3.bucket}/data", hashed=hashed).summary.digest
        store.materialize(digest, tmp_path / f"{hashed}")
        assert read_folder(tmp_path / f"{hashed}") == {
            "a b": {"ü%20+": b"1"},
            **{key.removeprefix("data/"): value for key, value in list(ODD.items())[1:]},
        }
        for file in store.iter_files(digest):
            if file.reference:
                assert file.reference.uri.isascii()
                assert "?" not in file.reference.uri
                assert "#" not in file.reference.uri


def test_marks_of_folders_and_other_books_stay_out(store, s3):
    s3.put({"data/": b"", "data/x/": b"", "data/x/y": b"1", "data/.git/HEAD": b"", "data/e": b""})
    referenced = store.put_reference(f"s3://{s3.bucket}/data")
    assert paths(store, referenced.summary.digest) == [b"e", b"x/", b"x/y"]
    assert referenced.left_out_count == 0


def test_what_no_folder_can_hold_is_left_out_and_told(store, s3):
    long = "n" * 300
    s3.put({"data/a": b"file", "data/a/b": b"below it", f"data/{long}": b"1", "data/ok": b"2"})
    referenced = store.put_reference(f"s3://{s3.bucket}/data")
    assert paths(store, referenced.summary.digest) == [b"a/", b"a/b", b"ok"]
    assert referenced.left_out_count == 2
    assert referenced.left_out == ("data/a", f"data/{long}")


@pytest.mark.parametrize("key", ["data/q//r", "data/./s", "data/../t"])
def test_names_that_would_leave_the_folder_are_refused_by_name(store, s3, key):
    s3.put({"data/ok": b"1", key: b"1"})
    with pytest.raises(InvalidInput, match=r"q//r|\./s|\.\./t"):
        store.put_reference(f"s3://{s3.bucket}" + ("" if ".." in key else "/data"))


def test_a_bucket_that_is_not_there_or_empty_or_out_of_reach(store, s3):
    with pytest.raises(Unavailable, match="no such bucket"):
        store.put_reference("s3://nowhere-at-all/data")
    with pytest.raises(NotFound):
        store.put_reference(f"s3://{s3.bucket}")
    with pytest.raises(NotFound):
        store.put_reference(f"s3://{s3.bucket}/nothing")


def test_credentials_that_are_missing_are_told_with_the_fix(tmp_path, s3, monkeypatch):
    s3.put({"x": b"1"})
    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    with ContentStore.create(tmp_path / "one") as store:
        store.sources.options = lambda address: {**s3.options, "endpoint": "http://127.0.0.1:1"}
        monkeypatch.setattr("omprov.content._remotes._bucket_cloud._RETRY", {"max_retries": 0})
        with pytest.raises(Unavailable, match="cannot be reached"):
            store.put_reference(f"s3://{s3.bucket}")


class Unsorted:
    """A bucket that lists many keys in no order at all."""

    url = "s3://many"

    def __init__(self, keys: int) -> None:
        self._keys = keys

    def list(self, folder: str = ""):
        step = 7919
        for n in range(self._keys):
            number = n * step % self._keys
            name = f"{folder}/d{number % 3}/{number:07}"
            yield Blob(name, number + 1, f"{number:x}", datetime(2026, 1, 1, tzinfo=UTC))


def test_memory_is_bounded_and_the_order_of_a_listing_does_not_matter(store, monkeypatch):
    monkeypatch.setattr(type(store.sources), "bucket", lambda self, url, address: Unsorted(20_000))
    monkeypatch.setattr("omprov.content._adding._packing.PACK_OBJECTS", 1024)
    tracemalloc.start()
    try:
        whole = store.put_reference("s3://many/data").summary
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert whole.files == 20_000
    assert peak < 8_000_000
    names = [path for path, entry in store.tree(whole.digest).iter_entries()]
    assert names == sorted(names)


@pytest.mark.slow  # the server takes its time to list them
def test_fifty_thousand_keys_of_one_prefix(store, s3):
    backend = s3_backends[DEFAULT_ACCOUNT_ID]["aws"]
    for n in range(50_000):
        backend.put_object(s3.bucket, f"many/{n:05}", b"%d" % n)
    summary = store.put_reference(f"s3://{s3.bucket}/many").summary
    assert summary.files == 50_000
    assert store.open_file(summary.digest, "31415").read() == b"31415"
    assert [leaf.path for leaf in store.tree(summary.digest).walk()] == [
        f"{n:05}" for n in range(50_000)
    ]


def test_an_object_that_changes_while_it_is_hashed_is_refused(store, s3, monkeypatch):
    s3.put({"data/x": b"1"})
    real = bucket_references._fill

    def changing(*arguments):
        prefix = real(*arguments)
        s3.put({"data/x": b"2"})
        return prefix

    monkeypatch.setattr(bucket_references, "_fill", changing)
    with pytest.raises(Conflict, match="changes while it is read"):
        store.put_reference(f"s3://{s3.bucket}/data", hashed=True)


def test_a_url_with_credentials_or_a_query_is_no_reference():
    for url in ("s3://key:secret@bucket/x", "s3://bucket/x?versionId=1"):
        with pytest.raises(InvalidInput, match="without credentials"):
            split_url(url)
