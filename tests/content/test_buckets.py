"""The contract of buckets, on a folder and on a server that speaks S3; and what goes wrong."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from content_folders import random_bytes

from omprov.content import open_bucket
from omprov.errors import InvalidInput, MissingExtra, NotFound, StorageFull, Unavailable

NAMES = ["a", "packs/x.pack", "deep/er/still", "ü %20#b?c&d", "dots..in.name"]


@pytest.fixture(params=["file", "s3"])
def bucket(request, tmp_path):
    if request.param == "file":
        return open_bucket(f"{(tmp_path / 'some folder').as_uri()}")
    url, options = request.getfixturevalue("s3_url"), request.getfixturevalue("s3_options")
    return open_bucket(url, options=options)


@pytest.mark.parametrize("size", [0, 1, 1000, (8 << 20) + 1, (17 << 20)])
@pytest.mark.parametrize("how", ["bytes", "path", "file"])
def test_what_was_written_is_read(bucket, tmp_path, size, how):
    data = random_bytes(size, size)
    (tmp_path / "source").write_bytes(data)
    source = {"bytes": data, "path": tmp_path / "source", "file": io.BytesIO(data)}[how]
    blob = bucket.write("some/name", source)
    assert (blob.name, blob.size) == ("some/name", size)
    assert bucket.read("some/name") == data
    assert b"".join(bucket.stream("some/name")) == data
    assert bucket.look("some/name") == blob
    assert abs((datetime.now(UTC) - blob.modified).total_seconds()) < 3600


@pytest.mark.parametrize(
    ("offset", "length", "expected"),
    [(0, 3, b"012"), (3, 4, b"3456"), (8, 9, b"89"), (10, 1, b""), (99, 5, b""), (3, 0, b"")],
)
def test_ranges_end_where_the_blob_ends(bucket, offset, length, expected):
    bucket.write("digits", b"0123456789")
    assert bucket.read_range("digits", offset, length) == expected


def test_lists_what_lies_below_a_folder(bucket):
    assert list(bucket.list()) == []
    for name in NAMES:
        bucket.write(name, name.encode())
    assert {blob.name: blob.size for blob in bucket.list()} == {
        name: len(name.encode()) for name in NAMES
    }
    assert [blob.name for blob in bucket.list("deep")] == ["deep/er/still"]
    assert [blob.name for blob in bucket.list("dee")] == []
    assert list(bucket.list("not/there")) == []
    assert {blob.etag for blob in bucket.list()} == {bucket.look(name).etag for name in NAMES}


def test_lists_more_than_one_page(bucket):
    for number in range(1005):
        bucket.write(f"many/{number}", b"")
    assert sum(1 for _ in bucket.list("many")) == 1005


def test_writing_replaces_and_deleting_is_idempotent(bucket):
    bucket.write("name", b"old")
    bucket.write("name", b"new")
    assert bucket.read("name") == b"new"
    bucket.delete("name")
    bucket.delete("name")
    with pytest.raises(NotFound, match="name"):
        bucket.read("name")


def test_what_is_not_there_is_not_found(bucket):
    for ask in (
        lambda: bucket.look("gone"),
        lambda: bucket.read("gone"),
        lambda: bucket.read_range("gone", 0, 1),
        lambda: list(bucket.stream("gone")),
    ):
        with pytest.raises(NotFound, match="gone"):
            ask()


@pytest.mark.parametrize("name", ["", "/x", "x/", "a//b", "../x", "a/../b", ".", "a/./b", "\0"])
def test_no_name_leads_out(bucket, name):
    with pytest.raises(InvalidInput):
        bucket.read(name)
    with pytest.raises(InvalidInput):
        bucket.write(name, b"")


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://x/y", "relative/path", "", "s3://", "s3:///x", "s3://user:word@b/x"),
        *("s3://b/x?y", "s3://b/x#y", "s3://b/a//b", "s3://b/../c", "file://host/x", "file:x"),
    ],
)
def test_urls_that_cannot_be_right_are_refused(url):
    with pytest.raises(InvalidInput):
        open_bucket(url)


def test_options_that_do_not_exist_are_refused(s3_url, s3_options):
    with pytest.raises(InvalidInput, match="frobnicate"):
        open_bucket(s3_url, options={**s3_options, "frobnicate": "1"})
    with pytest.raises(InvalidInput, match="true or false"):
        open_bucket(s3_url, options={**s3_options, "allow_http": "perhaps"})
    with pytest.raises(InvalidInput, match="no option"):
        open_bucket("file:///x", options={"endpoint": "x"})


def test_plain_http_to_another_machine_has_to_be_allowed(s3_url, s3_options):
    bucket = open_bucket(s3_url, options={**s3_options, "endpoint": "http://192.0.2.1"})
    with pytest.raises(InvalidInput, match="allow_http=true"):
        bucket.read("x")


def test_a_bucket_that_does_not_exist(s3_options):
    bucket = open_bucket("s3://no-such-bucket/x", options=s3_options)
    for ask in (
        lambda: list(bucket.list()),
        lambda: bucket.read("x"),
        lambda: bucket.write("x", b""),
    ):
        with pytest.raises(Unavailable, match="no such bucket") as caught:
            ask()
        assert "\n" not in str(caught.value)


def test_a_port_where_nobody_listens(s3_url, s3_options):
    bucket = open_bucket(s3_url, options={**s3_options, "endpoint": "http://127.0.0.1:1"})
    with pytest.raises(Unavailable, match=r"cannot be reached .* option endpoint"):
        bucket.read("x")


def test_credentials_that_are_half_there(s3_url, monkeypatch):
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    with pytest.raises(InvalidInput, match="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        open_bucket(s3_url, options={"access_key_id": "x"})


def test_no_credentials_at_all(s3_url, s3_endpoint, monkeypatch):
    """The last resort, a cloud machine's own identity, is not there either."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    bucket = open_bucket(
        s3_url, options={"endpoint": s3_endpoint, "metadata_endpoint": "http://127.0.0.1:1"}
    )
    with pytest.raises(Unavailable):
        bucket.read("x")


def test_without_the_library_clouds_name_the_extra(monkeypatch):
    monkeypatch.delitem(sys.modules, "omprov.content._remotes._bucket_cloud", raising=False)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(MissingExtra, match=r"omprov\[remotes\]"):
        open_bucket("s3://bucket/x")
    open_bucket("file:///x")


def test_a_folder_bucket_keeps_no_half_file_of_a_killed_writer(tmp_path):
    script = (
        "import os, sys; from omprov.content import open_bucket;"
        "from io import RawIOBase\n"
        "class Dying(RawIOBase):\n"
        "    def read(self, size=-1):\n"
        "        os.kill(os.getpid(), 9) if self.tell_() else None\n"
        "        return b'x' * 1000\n"
        "    count = 0\n"
        "    def tell_(self):\n"
        "        self.count += 1\n"
        "        return self.count > 3\n"
        "open_bucket(sys.argv[1]).write('name', Dying())"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert done.returncode == -9
    bucket = open_bucket(str(tmp_path))
    assert list(bucket.list()) == []
    assert any(tmp_path.rglob("*"))  # what it had written lies aside …
    bucket.write("other", b"x")
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.name for path in left] == ["other"]  # … until somebody writes


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_bucket_that_may_not_be_written(tmp_path):
    tmp_path.chmod(0o555)
    with pytest.raises(Unavailable, match="permission denied"):
        open_bucket(str(tmp_path)).write("x", b"")
    tmp_path.chmod(0o755)


def test_a_folder_bucket_where_a_file_stands(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match="cannot be used"):
        open_bucket(str(tmp_path / "file")).write("x", b"")


def test_a_folder_bucket_on_a_full_disk(full_disk):
    bucket = open_bucket(str(full_disk / "bucket"))
    bucket.write("small", b"x")
    with pytest.raises(StorageFull, match="no room"):
        bucket.write("large", b"x" * (4 << 20))
    assert [blob.name for blob in bucket.list()] == ["small"]
