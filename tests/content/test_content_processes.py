"""Killed writers, and several at once: real processes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import pytest
from content_folders import make_folder, random_bytes, read_folder

from omprov.content import ContentStore
from omprov.content import _durable as durable_module
from omprov.errors import Unavailable

WRITER = """
import random, sys
import omprov.content._adding._packing as packing
from omprov.content import ContentStore
from omprov.errors import Unavailable
packing.PACK_SIZE, packing.PACK_OBJECTS = 60_000, 40
seed, number = int(sys.argv[2]), 0
store = ContentStore.open(sys.argv[1])
while True:
    number += 1
    source = random.Random(f"{seed} {number}")
    sizes = [0, 10, 3000, 300_000]
    files = {f"{n % 7}/{n}": source.randbytes(source.choice(sizes)) for n in range(25)}
    print(store.put_files(files).digest, number, flush=True)
"""


def start(store_path, seed):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(store_path), str(seed)],
        stdout=subprocess.PIPE,
        text=True,
    )


def read_all(store, digest, seed, number):
    source = random.Random(f"{seed} {number}")
    for n in range(25):
        content = source.randbytes(source.choice([0, 10, 3000, 300_000]))
        assert store.open_file(digest, f"{n % 7}/{n}").read() == content


def test_a_writer_killed_at_any_moment_loses_nothing_it_acknowledged(tmp_path):
    ContentStore.create(tmp_path / "s").close()
    acknowledged = []
    moments = random.Random(1)
    for seed in range(15):
        process = start(tmp_path / "s", seed)
        for line in islice(process.stdout, moments.randrange(1, 4)):
            acknowledged.append((*line.split(), seed))  # noqa: PERF401 - what came must not be lost
        threading.Event().wait(moments.uniform(0, 0.03))
        process.kill()
        rest = process.communicate()[0].splitlines()
        acknowledged.extend((*line.split(), seed) for line in rest)
        assert process.returncode == -signal.SIGKILL
        with ContentStore.open(tmp_path / "s") as store:
            assert list((store.path / "tmp").iterdir()) == []
            assert store.fsck(full=False) == []
    with ContentStore.open(tmp_path / "s") as store:
        assert store.fsck() == []
        assert store.check_reachable([digest for digest, _, _ in acknowledged]) == {}
        for digest, number, seed in acknowledged:
            read_all(store, digest, seed, int(number))
        store.rebuild_index()
        assert store.check_reachable([digest for digest, _, _ in acknowledged]) == {}


def test_two_processes_write_at_once(tmp_path):
    ContentStore.create(tmp_path / "s").close()
    processes = [start(tmp_path / "s", 7), start(tmp_path / "s", 8), start(tmp_path / "s", 7)]
    acknowledged = []
    for _ in range(8):
        acknowledged.extend(
            (*process.stdout.readline().split(), seed)
            for process, seed in zip(processes, (7, 8, 7), strict=True)
        )
    for process in processes:
        process.kill()
        process.communicate()
    with ContentStore.open(tmp_path / "s") as store:
        assert store.fsck() == []
        for digest, number, seed in acknowledged:
            read_all(store, digest, seed, int(number))


def test_several_processes_open_a_new_store_at_once(tmp_path):
    ContentStore.create(tmp_path / "s").close()
    for path in (tmp_path / "s").glob("*.sqlite*"):
        path.unlink()
    processes = [start(tmp_path / "s", seed) for seed in range(4)]
    lines = [process.stdout.readline().split() for process in processes]
    for process in processes:
        process.kill()
        process.communicate()
    assert all(len(line) == 2 for line in lines)


def test_threads_put_and_read_at_once(store, tmp_path):
    contents = [{f"{n}": random_bytes(n, 4000), "same": bytes(5000)} for n in range(24)]

    def work(number):
        folder = make_folder(tmp_path / f"in{number}", contents[number])
        digest = store.put_tree(folder).digest
        store.materialize(digest, tmp_path / f"out{number}")
        return digest

    with ThreadPoolExecutor(6) as pool:
        digests = list(pool.map(work, range(24)))
    assert store.fsck() == []
    for number, digest in enumerate(digests):
        assert read_folder(tmp_path / f"out{number}") == contents[number]
        assert store.contains(digest)


def test_a_failed_put_leaves_nothing_behind(store, tmp_path, monkeypatch):
    def failing(*_):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(durable_module.os, "fsync", failing)
        with pytest.raises((OSError, Unavailable), match="Input/output"):
            store.put_files({"a": b"1"})
    assert list((store.path / "tmp").iterdir()) == []
    assert list((store.path / "packs").iterdir()) == []
    assert store.open_file(store.put_files({"a": b"1"}).digest, "a").read() == b"1"


def test_leftovers_of_dead_writers_go_and_those_of_living_ones_stay(tmp_path):
    ContentStore.create(tmp_path / "s").close()
    (tmp_path / "s" / "tmp" / "dead").write_bytes(b"half a pack")
    path, descriptor = durable_module.create_locked(tmp_path / "s" / "tmp")
    with os.fdopen(descriptor, "rb"), ContentStore.open(tmp_path / "s"):
        assert list((tmp_path / "s" / "tmp").iterdir()) == [path]
    with ContentStore.open(tmp_path / "s"):
        assert list((tmp_path / "s" / "tmp").iterdir()) == []
