"""The second day with PostgreSQL: locks, lost servers, forks, several processes, sudden death."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from test_failures import BREAKAGES, start_writer

from omprov.catalog import _postgres, open_catalog
from omprov.errors import (
    Busy,
    Conflict,
    InvalidInput,
    MissingExtra,
    StorageFull,
    Unavailable,
)
from omprov.records import AssetName, Kind
from omprov.testing.catalog import set_scene
from omprov.testing.catalog._scene import NOW, upload


@pytest.fixture
def catalog(pg_url):
    opened = open_catalog(pg_url)
    yield opened
    opened.close()


def test_two_processes_write_at_once(pg_url, catalog):
    set_scene(catalog)
    writers = [start_writer(pg_url, 40, who) for who in ("ann", "bob")]
    acknowledged = [[int(line) for line in writer.communicate()[0].split()] for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert sorted(acknowledged[0] + acknowledged[1]) == list(range(4, 84))
    assert catalog.check() == []
    with catalog.read() as reader:
        positions = [row.position for row in reader.iter_feed(0)]
    assert positions == list(range(1, len(positions) + 1))


def test_a_writer_that_waited_sees_what_the_one_before_it_wrote(pg_url, catalog):
    """The lock comes before the first look: a look before it would show yesterday's feed."""
    other = open_catalog(pg_url)
    before = threading.Event()

    def write():
        before.set()
        with other.write("bob", NOW) as writer:
            seen = writer.list_projects(), writer.position()
            writer.add_project("second")
        return seen

    with ThreadPoolExecutor(1) as pool:
        with catalog.write("ann", NOW) as writer:
            writer.add_project("first")
            waiting = pool.submit(write)
            before.wait()
            wait_until_blocked(pg_url)
        projects, position = waiting.result()
    assert [project.name for project in projects] == ["first"]
    assert position == 1
    other.close()


def wait_until_blocked(url):
    """Return once a backend of this database waits for a lock."""
    with psycopg.connect(url, autocommit=True) as connection:
        query = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while connection.execute(query).fetchone() == (0,):
            pass


def test_whoever_waits_too_long_is_told(pg_url, catalog):
    hasty = open_catalog(pg_url, patience=0.05)
    with (
        catalog.write("ann", NOW) as writer,
        pytest.raises(Busy, match="others are writing"),
        hasty.write("bob", NOW),
    ):
        pass
    with hasty.write("bob", NOW) as writer:
        writer.add_project("default")
    hasty.close()


def test_readers_do_not_wait_for_a_writer(pg_url, catalog):
    other = open_catalog(pg_url, patience=0.05)
    with catalog.write("ann", NOW) as writer:
        writer.add_project("default")
        with other.read() as reader:
            assert reader.list_projects() == []
    other.close()


def test_more_threads_than_connections_wait_for_one_another(catalog):
    set_scene(catalog)
    name = AssetName("default", Kind.ALGORITHM, "net")

    def read(_):
        with catalog.read() as reader:
            return reader.count_versions(name)

    with ThreadPoolExecutor(48) as pool:
        assert set(pool.map(read, range(200))) == {3}


def test_whoever_gets_no_connection_is_told(pg_url, monkeypatch):
    monkeypatch.setattr(_postgres, "_HELD", 1)
    monkeypatch.setattr(_postgres, "_AT_MOST", 1)
    catalog = open_catalog(pg_url, patience=0.05)
    with catalog.read() as reader:
        reader.position()
        with pytest.raises(Busy, match="all connections"), catalog.read():
            pass
    catalog.close()


@pytest.mark.parametrize("after", [1, 23])
def test_what_was_acknowledged_survives_kill_9(pg_url, catalog, after):
    set_scene(catalog)
    writer = start_writer(pg_url, 100_000, "ann")
    acknowledged = [int(writer.stdout.readline()) for _ in range(after)]
    writer.send_signal(signal.SIGKILL)
    acknowledged += [int(line) for line in writer.communicate()[0].splitlines() if line]
    with catalog.write("bob", NOW) as waiting:  # the lock goes with the process that held it
        waiting.add_project("other")
    assert catalog.check() == []
    with catalog.read() as reader:
        (net,) = reader.list_assets(kind=Kind.ALGORITHM)
        newest = reader.list_versions(net.name, limit=1)[0].number
    assert acknowledged[-1] <= newest <= acknowledged[-1] + 1


def cut_all(url):
    """End all connections to a database, as a restart of the server does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_restart_between_two_calls_is_not_noticed(pg_url, catalog):
    scene = set_scene(catalog)
    cut_all(pg_url)
    with catalog.read() as reader:
        assert reader.find_asset(scene.model.name) == scene.model
    cut_all(pg_url)
    with catalog.write("ann", NOW) as writer:
        upload(writer, scene.model)


def test_a_restart_within_a_call_is_told_and_nothing_is_half_written(pg_url, catalog):
    scene = set_scene(catalog)
    with pytest.raises(Unavailable, match="interrupted"), catalog.write("ann", NOW) as writer:
        upload(writer, scene.model)
        cut_all(pg_url)
        upload(writer, scene.model)
    with catalog.read() as reader:
        assert reader.count_versions(scene.model.name) == 1
    assert catalog.check() == []


def test_a_server_that_is_not_there_is_named_without_the_password(tmp_path):
    for url, expected in (
        (f"postgresql://ann:secret@/db?host={tmp_path}", "cannot be reached.*is PostgreSQL"),
        ("postgresql://ann:secret@127.0.0.1:1/db", "127.0.0.1:1/db cannot be reached"),
        ("postgresql://ann:secret@127.0.0.1:1/db?password=secret", "cannot be reached"),
        ("postgresql://ann:secret@127.0.0.1:1/db?sslmode=nonsense", "sslmode"),
    ):
        with pytest.raises(Unavailable, match=expected) as raised:
            open_catalog(url)
        assert "secret" not in str(raised.value)
        assert "\n" not in str(raised.value)


def test_a_database_that_is_not_there_is_named(pg_server):
    with pytest.raises(Unavailable, match="createdb"):
        open_catalog(pg_server.url("nothing_of_that_name"))


def test_whoever_may_not_write_is_told(pg_url, pg_server, catalog):
    set_scene(catalog)
    user = f"reader_{os.getpid()}"
    pg_server.run(f"CREATE ROLE {user} LOGIN")
    with psycopg.connect(pg_url, autocommit=True) as admin:
        admin.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}")
        try:
            reading = open_catalog(re.sub("//[^/@]*@", f"//{user}@", pg_url))
            with reading.read() as reader:
                assert reader.list_projects()
            with pytest.raises(Unavailable, match="grant"), reading.write("eve", NOW):
                pass
            reading.close()
        finally:
            admin.execute(f"DROP OWNED BY {user}")
            admin.execute(f"DROP ROLE {user}")


RAISED = {
    "disk_full": (StorageFull, "Free some space"),
    "out_of_memory": (StorageFull, "no room"),
    "serialization_failure": (Busy, "try again"),
    "deadlock_detected": (Busy, "try again"),
    "lock_not_available": (Busy, "try again"),
    "too_many_connections": (Busy, "try again"),
    "unique_violation": (Conflict, "exists already"),
    "foreign_key_violation": (InvalidInput, "does not exist"),
    "numeric_value_out_of_range": (InvalidInput, "cannot be stored"),
    "program_limit_exceeded": (InvalidInput, "cannot be stored"),
    "read_only_sql_transaction": (Unavailable, "cannot be written"),
    "invalid_password": (Unavailable, "PGPASSWORD"),
    "admin_shutdown": (Unavailable, "interrupted"),
    "io_error": (Unavailable, "interrupted"),
}


@pytest.mark.parametrize("condition", RAISED)
def test_what_the_server_raises_is_said_in_our_words(catalog, condition):
    kind, words = RAISED[condition]
    with pytest.raises(kind, match=words), catalog._engine.connect() as connection:
        connection.exec_driver_sql(f"DO $$ BEGIN RAISE {condition}; END $$")


def test_numbers_beyond_64_bits_are_refused(catalog):
    scene = set_scene(catalog)
    for step in (2**63, 2**100):
        with pytest.raises(InvalidInput), catalog.write("ann", NOW) as writer:
            writer.add_metric_points(scene.run, [("m", step, 1.0, NOW)])
    with catalog.write("ann", NOW) as writer:
        writer.set_run(scene.run, exit_status=3221225477)
    with catalog.read() as reader:
        assert reader.find_run(scene.run).exit_status == 3221225477


def test_names_sort_by_their_bytes_as_in_a_file(catalog):
    names = ["b", "a_b", "a-b", "ab", "a.b", "a1"]
    with catalog.write("ann", NOW) as writer:
        writer.add_project("default")
        for name in names:
            writer.add_asset(AssetName("default", Kind.MODEL, name))
    with catalog.read() as reader:
        assert [asset.name.name for asset in reader.list_assets()] == sorted(names)


def test_a_forked_child_uses_connections_of_its_own(catalog):
    scene = set_scene(catalog)
    assert catalog.wait_for_change(0, 0) > 0
    with catalog.read() as reader:
        reader.position()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            position = catalog.wait_for_change(0, 0)
            with catalog.write("child", NOW) as writer:
                upload(writer, scene.model)
            status = 0 if catalog.wait_for_change(position, 60) > position else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    with catalog.write("parent", NOW) as writer:
        assert upload(writer, scene.model).number == 3
    assert catalog.check() == []


@pytest.mark.parametrize("sentence", [one for one in BREAKAGES if one != "does not exist"])
def test_the_check_finds_what_is_broken(pg_url, catalog, sentence):
    scene = set_scene(catalog)
    with catalog.write("ann", NOW) as writer:
        writer.set_alias(scene.algorithm.id, "best", scene.steps[0].key)
        writer.set_tags(scene.model.id, {"a": "b"})
    assert catalog.check() == []
    breakage = BREAKAGES[sentence].format(data=scene.data.key, made=scene.made.key)
    with psycopg.connect(pg_url) as connection:
        connection.execute(breakage)
    assert any(re.search(sentence, problem) for problem in catalog.check()), catalog.check()


def test_without_the_driver_the_extra_is_named():
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from omprov.catalog import open_catalog\n"
        "open_catalog('postgresql://h/d')"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert MissingExtra.__name__ in run.stderr
    assert "omprov[server]" in run.stderr
