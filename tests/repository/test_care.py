"""Damage, crashes, two writers, other releases."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import pytest
from provenance_oracle import Oracle

from omprov.errors import (
    AlreadyExists,
    Damaged,
    NotFound,
    OmprovError,
    SchemaMismatch,
    Unavailable,
)
from omprov.records import Kind
from omprov.repository import Output, Repository, _graphs

WRITER = """
import sys, random
from datetime import datetime, UTC
from pathlib import Path
from omprov.repository import Repository, Output
seed, count = int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(seed)
with Repository.open(Path(sys.argv[1]), who=f"w{seed}", clock=lambda: datetime.now(UTC)) as repo:
    for n in range(count):
        repo.record_run(
            inputs={
                "algorithm": f"algorithm/a:v{rng.randint(1, 5)}",
                "dataset": f"dataset/d:v{rng.randint(1, 5)}",
            },
            outputs={"model": Output("model/m", {"w": b"%d" % rng.randrange(10**9)})},
            params={"lr": rng.randrange(3)},
        )
        print(n, flush=True)
"""


@pytest.fixture
def inputs(repo):
    for n in range(5):
        repo.add_version("algorithm/a", {"f": b" ".join(b"w%d" % i for i in range(n + 3))})
        parents = [f"v{max(1, n - 1)}"] if n else ()
        repo.add_version("dataset/d", {str(i): b"x" for i in range(n + 1)}, inherits=parents)
    return repo


def start_writer(repo, seed, count):
    command = [sys.executable, "-c", WRITER, str(repo.path), str(seed), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_processes_that_write_at_once_all_succeed_and_the_graph_is_exact(inputs):
    writers = [start_writer(inputs, seed, 25) for seed in range(3)]
    for writer in writers:
        _, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
    assert len(inputs.list_versions("model/m")) == 75
    Oracle(inputs).check()
    assert inputs.check() == []


@pytest.mark.slow
def test_a_killed_writer_leaves_a_repository_that_is_whole(inputs, reopen):
    rng = random.Random(5)
    acknowledged = 0
    for seed in range(8):
        writer = start_writer(inputs, seed, 10_000)
        assert writer.stdout is not None
        writer.stdout.readline()
        acknowledged += 1
        deadline = time.monotonic() + rng.random() * 0.3
        while time.monotonic() < deadline:
            writer.stdout.readline()
            acknowledged += 1
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged += len(writer.stdout.read().split())
        writer.communicate()
        again = reopen()
        assert again.check() == []
        assert len(again.list_versions("model/m")) >= acknowledged
    Oracle(inputs).check()


def test_stored_edges_that_are_wrong_are_found(inputs):
    for version in ("v1", "v2"):
        inputs.record_run(
            inputs={"algorithm": f"algorithm/a:{version}"}, outputs={"model": Output("model/m")}
        )
    assert inputs.check() == []
    database = sqlite3.connect(inputs.path / "catalog.db")
    with database:
        database.execute("UPDATE edge SET weight = 0.9 WHERE origin = 'inferred'")
    database.close()
    (finding,) = inputs.check()
    assert finding.room == "graph"
    assert finding.versions == ("model/m:v1", "model/m:v2")


def test_a_damaged_pack_is_named_with_the_versions_it_hits(inputs):
    inputs.add_version("dataset/other", {"big": os.urandom(5000)})
    newest = max(
        (inputs.path / "content").rglob("*.pack"), key=lambda path: path.stat().st_mtime_ns
    )
    newest.chmod(0o600)
    data = bytearray(newest.read_bytes())
    data[40] ^= 1
    newest.write_bytes(bytes(data))
    findings = inputs.check()
    assert findings
    assert any("dataset/other:v1" in finding.versions for finding in findings)
    with pytest.raises(Damaged):
        inputs.open_file("dataset/other", "big").read()
    assert inputs.open_file("dataset/d:v5", "4").read() == b"x"


@contextlib.contextmanager
def read_only(folder):
    """Let nobody write below a folder: by a mount for root, by permissions for others."""
    if os.getuid() != 0:
        subprocess.run(["chmod", "-R", "a-w", folder], check=True)
        yield
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)
        return
    bound = subprocess.run(["mount", "--bind", folder, folder], capture_output=True, check=False)
    if bound.returncode:
        pytest.skip("root without the right to mount")
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_repository_that_cannot_be_written_can_be_read(inputs, clock, monkeypatch):
    for version in ("v1", "v2"):
        inputs.record_run(
            inputs={"algorithm": f"algorithm/a:{version}"}, outputs={"model": Output("model/m")}
        )
    inputs.close()
    monkeypatch.setattr(_graphs, "SNAPSHOT_AFTER", 0)
    (inputs.path / "content" / "tmp" / "leftover").write_text("x")
    with read_only(inputs.path), Repository.open(inputs.path, who="eve", clock=clock) as repository:
        (edge,) = repository.inherits("model/m")
        assert str(edge.older) == "model/m:v1"
        assert repository.open_file("dataset/d:v5", "4").read() == b"x"
        assert repository.diff("algorithm/a:v1", "algorithm/a:v2").weight > 0
        assert repository.check() == []
        with pytest.raises(Unavailable, match="read-only"):
            repository.set_alias("model/m", "champion")
        with pytest.raises(OmprovError):
            repository.add_version("dataset/d", {"new": b"content"})
    with Repository.open(inputs.path, who="ada", clock=clock) as repository:
        assert repository.check() == []
        repository.set_alias("model/m", "champion")


def test_a_damaged_database_is_named(inputs, clock):
    path = inputs.path
    inputs.close()
    (path / "catalog.db").write_bytes(b"not a database at all" * 300)
    for leftover in ("catalog.db-wal", "catalog.db-shm"):
        (path / leftover).unlink(missing_ok=True)
    with pytest.raises(Damaged, match=r"catalog\.db"):
        Repository.open(path, who="ada", clock=clock).list_assets()


def test_a_catalog_of_a_newer_release_is_refused(inputs, clock):
    path = inputs.path
    inputs.close()
    database = sqlite3.connect(path / "catalog.db")
    with database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    with pytest.raises(SchemaMismatch, match="9999"):
        Repository.open(path, who="ada", clock=clock)


def test_making_a_repository_twice_is_refused(repo, tmp_path, clock):
    with pytest.raises(AlreadyExists):
        Repository.create(tmp_path, who="ada", clock=clock)
    with pytest.raises(NotFound, match="omprov init"):
        Repository.open(tmp_path / "nowhere", who="ada", clock=clock)


def test_a_failed_write_leaves_no_trace_in_the_graphs(inputs, monkeypatch):
    from omprov.repository._door import _runs

    def run(version):
        return inputs.record_run(
            inputs={"algorithm": f"algorithm/a:{version}"}, outputs={"model": Output("model/m")}
        )

    run("v1")
    real = _runs.write_run

    def broken(*args, **kwargs):
        real(*args, **kwargs)
        raise OSError("pulled the plug")

    monkeypatch.setattr(_runs, "write_run", broken)
    with pytest.raises(OSError, match="plug"):
        run("v2")
    monkeypatch.undo()
    run("v3")
    assert [(e.newer.number, e.older.number) for e in inputs.history("model/m").edges] == [(2, 1)]
    Oracle(inputs).check()


def test_snapshots_of_graphs_are_only_a_cache(inputs, reopen, monkeypatch):
    monkeypatch.setattr(_graphs, "SNAPSHOT_AFTER", 0)
    first = reopen()
    first.record_run(inputs={"algorithm": "algorithm/a:v2"}, outputs={"model": Output("model/m")})
    first.close()
    inputs.add_version("algorithm/a", {"f": b"new words"}, inherits=["v2"])
    inputs.add_version("algorithm/b", {"f": b"other"}, inherits=())
    inputs.add_edge("algorithm/b:v1", "algorithm/a:v1", weight=0.5)
    second = reopen()
    for version in ("a:v6", "b:v1", "a:v1"):
        second.record_run(
            inputs={"algorithm": f"algorithm/{version}"}, outputs={"model": Output("model/m")}
        )
    assert second._graphs._kept[Kind.ALGORITHM] > 0
    Oracle(second).check()
    assert second.check() == []


def test_a_missing_pack_is_named_with_the_versions_it_hits(inputs):
    version = inputs.add_version("dataset/other", {"big": os.urandom(5000)}).version
    inputs.add_version("dataset/alike", inputs.content.put_files({"o": b"1"}))
    packs = inputs.path / "content" / "packs"
    place = inputs.content._index.objects_of
    (lost,) = [
        pack
        for pack in packs.iterdir()
        if any(k.digest.hex() == version.digest for k in place(pack.stem))
    ]
    lost.unlink()
    findings = inputs.check()
    assert [f"pack {lost.stem}: it is gone" in finding.what for finding in findings] == [
        True,
        False,
    ]
    assert findings[1].versions == ("dataset/other:v1",)
