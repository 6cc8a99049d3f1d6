"""The command line against a real S3 protocol server."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from omprov.content._references._sources import Sources

sys.path.append(str(Path(__file__).parents[1] / "content"))
from buckets import s3_server


@pytest.fixture
def s3(monkeypatch):
    with s3_server() as server:
        monkeypatch.setattr(
            "omprov.content._opening.Sources",
            lambda learned, _: Sources(learned, lambda _: server.options),
        )
        server.fresh("bucket")
        yield server


def test_a_bucket_is_recorded_compared_and_checked_out(omprov, s3):
    s3.put({"scans/a": b"1", "scans/b/c": b"2", "scans/x": b"file", "scans/x/y": b"below"})
    said = omprov("add", "--reference", "s3://bucket/scans", "--as", "dataset/scans")
    assert "dataset/scans:v1  3 files" in said
    assert "by reference" in said
    assert "1 object left out" in omprov.errors
    assert "nothing changed" in omprov(
        "add", "--reference", "s3://bucket/scans/", "--as", "dataset/scans"
    )
    s3.put({"scans/a": b"changed"})
    added = omprov.json("add", "--reference", "s3://bucket/scans", "--as", "dataset/scans")
    assert [(e["older"], e["weight"]) for e in added["inherits"]] == [
        ("dataset/scans:v1", pytest.approx(1 / 3))
    ]
    assert added["version"]["source"] == {
        "reference": "s3://bucket/scans",
        "identified by": "etag",
        "left out": {"count": 1, "for instance": ["scans/x"]},
    }
    omprov("checkout", "dataset/scans", "out")
    assert (omprov.folder / "out/a").read_bytes() == b"changed"
    assert "unchanged" in omprov("status")
    omprov("checkout", "dataset/scans:v1", "old", code=5)
    assert "s3://bucket/scans/a has changed at its source" in omprov.errors
    assert "hits dataset/scans:v1" in omprov("fsck", "--sources", code=1)
    assert "s3://bucket/scans/b/c" in omprov("show", "dataset/scans", "--files")


def test_refused_credentials_and_a_missing_bucket_are_one_line_each(omprov, s3):
    omprov("add", "--reference", "s3://nowhere-there/x", "--as", "dataset/scans", code=5)
    assert "no such bucket" in omprov.errors
    assert omprov.errors.count("\n") == 1
    omprov("add", "--reference", "s3://bucket/nothing", "--as", "dataset/scans", code=3)
    assert omprov.errors.count("\n") == 1
