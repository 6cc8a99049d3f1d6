"""The second day: full disks, damage, locks, forks, several processes, sudden death."""

from __future__ import annotations

import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event

from omprov.catalog import open_catalog
from omprov.errors import Busy, Damaged, StorageFull, Unavailable
from omprov.records import Kind
from omprov.testing.catalog import Scene, set_scene
from omprov.testing.catalog._scene import NOW, upload

WRITER = """
import sys
from datetime import UTC, datetime
from omprov.catalog import open_catalog
from omprov.records import AssetName, Kind
from omprov.testing.catalog._scene import upload
catalog = open_catalog(sys.argv[1])
name = AssetName("default", Kind.ALGORITHM, "net")
for number in range(int(sys.argv[2])):
    with catalog.write(sys.argv[3], datetime.now(UTC)) as writer:
        added = upload(writer, writer.find_asset(name), parents={1: 0.5})
    print(added.number, flush=True)
"""


def start_writer(path, count, who):
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, path, str(count), who], stdout=subprocess.PIPE, text=True
    )


def fill(catalog, scene: Scene):
    with catalog.write("ann", NOW) as writer:
        for _ in range(50):
            writer.add_audit("fill", "disk", {"text": "x" * 10_000})
            upload(writer, scene.model)


def on_connections(catalog, pragma):
    """Run a pragma on each connection to come."""

    def run(connection, _):
        connection.execute(pragma)

    catalog.close()
    event.listen(catalog._engine, "connect", run)


def test_two_processes_write_at_once(path, catalog):
    set_scene(catalog)
    writers = [start_writer(path, 40, who) for who in ("ann", "bob")]
    acknowledged = [[int(line) for line in writer.communicate()[0].split()] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert sorted(acknowledged[0] + acknowledged[1]) == list(range(4, 84))
    assert catalog.check() == []
    with catalog.read() as reader:
        positions = [row.position for row in reader.iter_feed(0)]
    assert positions == list(range(1, len(positions) + 1))


def test_threads_write_in_turn(catalog):
    scene = set_scene(catalog)

    def write(_):
        with catalog.write("ann", NOW) as writer:
            return upload(writer, scene.algorithm).number

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(write, range(80))) == list(range(4, 84))
    assert catalog.check() == []


def test_whoever_waits_too_long_is_told(path):
    first, second = open_catalog(path), open_catalog(path, patience=0.05)
    with (
        first.write("ann", NOW) as writer,
        pytest.raises(Busy, match="another process"),
        second.write("bob", NOW),
    ):
        pass
    with second.write("bob", NOW) as writer:
        writer.add_project("default")
    entered, leave = threading.Event(), threading.Event()

    def hold():
        with second.write("ann", NOW):
            entered.set()
            leave.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    entered.wait()
    with pytest.raises(Busy, match="another thread"), second.write("bob", NOW):
        pass
    leave.set()
    holder.join()
    first.close()
    second.close()


def test_readers_do_not_wait_for_a_writer(path):
    catalog = open_catalog(path, patience=0.05)
    other = open_catalog(path, patience=0.05)
    with catalog.write("ann", NOW) as writer:
        writer.add_project("default")
        with other.read() as reader:
            assert reader.list_projects() == []
    catalog.close()
    other.close()


@pytest.mark.parametrize("after", [1, 7, 23])
def test_what_was_acknowledged_survives_kill_9(path, after):
    catalog = open_catalog(path)
    set_scene(catalog)
    catalog.close()
    writer = start_writer(path, 100_000, "ann")
    acknowledged = [int(writer.stdout.readline()) for _ in range(after)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in writer.communicate()[0].splitlines() if line]
    catalog = open_catalog(path)
    assert catalog.check() == []
    with catalog.read() as reader:
        (net,) = reader.list_assets(kind=Kind.ALGORITHM)
        newest = reader.list_versions(net.name, limit=1)[0].number
    assert acknowledged[-1] <= newest <= acknowledged[-1] + 1
    catalog.close()


def test_a_full_disk_is_told_and_nothing_is_half_written(catalog):
    scene = set_scene(catalog)
    on_connections(catalog, "PRAGMA max_page_count = 80")
    with pytest.raises(StorageFull, match=r"catalog\.db"):
        fill(catalog, scene)
    with catalog.read() as reader:
        assert reader.count_versions(scene.model.name) == 1
    assert catalog.check() == []


def test_a_limit_on_the_size_of_files_is_told_like_a_full_disk(path, catalog):
    scene = set_scene(catalog)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, hard))
    try:
        with pytest.raises(StorageFull, match=r"catalog\.db"):
            fill(catalog, scene)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    fill(catalog, scene)
    assert catalog.check() == []


def test_a_read_only_file_can_be_read_and_says_so_when_written(catalog):
    scene = set_scene(catalog)
    on_connections(catalog, "PRAGMA query_only = ON")
    with catalog.read() as reader:
        assert reader.find_asset(scene.model.name) == scene.model
    with pytest.raises(Unavailable, match="read-only"), catalog.write("ann", NOW) as writer:
        writer.add_project("other")


def spoil(path, table, *, last_leaf=False):
    """Overwrite the root page of a table, or the last page below it."""
    connection = sqlite3.connect(path)
    query = "SELECT rootpage FROM sqlite_master WHERE name = ?"
    (page,) = connection.execute(query, (table,)).fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    with path.open("r+b") as file:
        if last_leaf:
            file.seek((page - 1) * size)
            header = file.read(12)
            assert header[0] == 2, "the table is more than one page"
            page = int.from_bytes(header[8:], "big")
        file.seek((page - 1) * size)
        file.write(b"\xa5" * size)


def test_damage_is_named(path, catalog):
    scene = set_scene(catalog)
    catalog.close()
    spoil(path, "version")
    damaged = open_catalog(path)
    with pytest.raises(Damaged, match=r"catalog\.db.*backup"), damaged.read() as reader:
        reader.list_versions(scene.model.name)
    with pytest.raises(Damaged), damaged.write("ann", NOW) as writer:
        upload(writer, scene.model)
    assert damaged.check()
    damaged.close()


def test_damage_is_named_in_the_middle_of_a_bulk_read(path, catalog):
    scene = set_scene(catalog)
    with catalog.write("ann", NOW) as writer:
        for _ in range(600):
            upload(writer, scene.algorithm, parents={scene.steps[0].key: 0.5})
    catalog.close()
    spoil(path, "edge", last_leaf=True)
    damaged = open_catalog(path)
    with pytest.raises(Damaged, match=r"catalog\.db.*backup"), damaged.read() as reader:
        reader.uploaded_graph(Kind.ALGORITHM)
    damaged.close()


def test_a_damaged_snapshot_counts_as_none(path, catalog):
    catalog.store_snapshot("graph", 3, b"index")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE snapshot SET data = x'00'")
    connection.commit()
    connection.close()
    with catalog.read() as reader:
        assert reader.find_snapshot("graph") is None


def test_a_forked_child_uses_connections_of_its_own(catalog):
    scene = set_scene(catalog)
    with catalog.read() as reader:
        reader.position()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with catalog.write("child", NOW) as writer:
                upload(writer, scene.model)
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with catalog.write("parent", NOW) as writer:
        assert upload(writer, scene.model).number == 3
    assert catalog.check() == []


BREAKAGES = {
    "different kinds": "UPDATE edge SET older = {data} WHERE newer = 3",
    "no run made": "UPDATE edge SET origin = 'inferred' WHERE newer = 3",
    "a weight that is none": "UPDATE edge SET weight = -1 WHERE newer = 3",
    "has 3 versions, but the newest is v7": "UPDATE version SET number = 7 WHERE key = 3",
    "another order": "UPDATE version SET number = 9 WHERE key = 1;"
    "UPDATE version SET number = 1 WHERE key = 2; UPDATE version SET number = 2 WHERE key = 1",
    "as its output": "UPDATE version SET run_key = NULL WHERE key = {made}",
    "of another asset": "UPDATE alias SET version_key = {data}",
    "a removed version": "UPDATE version SET removed = 1 WHERE key = 1",
    "but its counter stands at 99": "UPDATE repository SET feed_position = 99",
    "rows up to position": "DELETE FROM feed WHERE position = 2",
    "missing from the change feed": "UPDATE feed SET version_key = NULL WHERE version_key = 2",
    "none of the 1 users owns": "INSERT INTO account "
    "(id, name, created, is_owner, disabled, password) VALUES ('u', 'u', 0, TRUE, TRUE, '')",
    "belongs to nothing": "UPDATE tag SET target = 'nothing'",
    "does not exist": "UPDATE version SET asset_key = 77 WHERE key = 3",
}


@pytest.mark.parametrize("sentence", BREAKAGES)
def test_the_check_finds_what_is_broken(path, catalog, sentence):
    scene = set_scene(catalog)
    with catalog.write("ann", NOW) as writer:
        writer.set_alias(scene.algorithm.id, "best", scene.steps[0].key)
        writer.set_tags(scene.model.id, {"a": "b"})
    assert catalog.check() == []
    connection = sqlite3.connect(path)
    breakage = BREAKAGES[sentence].format(data=scene.data.key, made=scene.made.key)
    connection.executescript(breakage)
    connection.close()
    assert any(re.search(sentence, problem) for problem in catalog.check()), catalog.check()
