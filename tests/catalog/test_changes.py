"""Waiting until the change feed has grown, in a file and in PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from omprov.catalog import _changes, create_catalog, open_catalog
from omprov.testing.catalog._scene import NOW

LONG = 60
"""Seconds; nobody waits so long unless something is broken."""

WRITER = """
import sys
from datetime import UTC, datetime
from omprov.catalog import open_catalog
catalog = open_catalog(sys.argv[1])
for line in sys.stdin:
    with catalog.write("w", datetime.now(UTC)) as writer:
        writer.add_project(line.strip())
    print(writer.position(), flush=True)
"""


@pytest.fixture(params=["sqlite", "postgres"])
def address(request):
    return str(request.getfixturevalue("path" if request.param == "sqlite" else "pg_url"))


@pytest.fixture
def catalog(address):
    opened = open_catalog(address)
    yield opened
    opened.close()


@pytest.fixture
def other(address):
    with adding(address) as add:
        yield add


@pytest.fixture
def other_pg(pg_url):
    with adding(pg_url) as add:
        yield add


@contextmanager
def adding(address):
    """Run a process that adds a project for each line."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )

    def add(name):
        process.stdin.write(name + "\n")
        process.stdin.flush()

    yield add
    process.stdin.close()
    process.wait()
    process.stdout.close()


def add_project(catalog, name):
    with catalog.write("ann", NOW) as writer:
        writer.add_project(name)


def test_whoever_does_not_wait_gets_the_position_of_now(catalog):
    assert catalog.wait_for_change(0, 0) == 0
    add_project(catalog, "a")
    assert catalog.wait_for_change(0, 0) == 1
    assert catalog.wait_for_change(0, LONG) == 1
    assert catalog.wait_for_change(1, 0.01) == 1


def test_a_change_of_another_process_ends_the_wait(catalog, other):
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(catalog.wait_for_change, 0, LONG) for _ in range(4)]
        other("a")
        assert [one.result() for one in waiting] == [1] * 4
    other("b")
    assert catalog.wait_for_change(1, LONG) == 2


def test_a_change_of_this_process_is_known_at_once(catalog, monkeypatch):
    catalog.wait_for_change(0, 0)
    monkeypatch.setattr(catalog._changes, "_interval", lambda: LONG)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(catalog.wait_for_change, 0, LONG)
        add_project(catalog, "a")
        assert waiting.result() == 1


def test_a_transaction_that_failed_is_no_change(catalog):
    with pytest.raises(RuntimeError), catalog.write("ann", NOW) as writer:
        writer.add_project("a")
        raise RuntimeError
    assert catalog.wait_for_change(0, 0.3) == 0


def test_closing_lets_everybody_go(catalog):
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(catalog.wait_for_change, 0, LONG)
        while not catalog._changes._news._waiters:
            assert not waiting.done()
        catalog.close()
        assert waiting.result() == 0


def connected(catalog):
    """Wait until the database tells this catalog of changes, and nobody needs to look."""
    catalog.wait_for_change(0, 0)
    listener = catalog._changes._listener
    while not (listener.is_connected() and catalog._changes._looked):
        catalog.wait_for_change(10**9, 0.05)


def test_postgresql_tells_by_itself(pg_url, other_pg, monkeypatch):
    monkeypatch.setattr(_changes, "_SURE", LONG * 10)
    catalog = open_catalog(pg_url)
    connected(catalog)
    monkeypatch.setattr(catalog._changes, "_look", None)  # nobody may look any more
    other_pg("a")
    assert catalog.wait_for_change(0, LONG) == 1
    catalog.close()


def test_a_listener_that_was_cut_off_misses_nothing(pg_url, pg_server, other_pg):
    catalog = open_catalog(pg_url)
    connected(catalog)
    pg_server.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND query LIKE '%current_schema%' AND state = 'idle'",
    )
    other_pg("a")
    assert catalog.wait_for_change(0, LONG) == 1
    connected(catalog)
    other_pg("b")
    assert catalog.wait_for_change(1, LONG) == 2
    catalog.close()


def test_another_schema_of_the_database_tells_nothing(pg_server, monkeypatch):
    with pg_server.database() as url:
        first, second = (
            create_catalog(f"{url}&options=-csearch_path%3D{name}") for name in ("one", "two")
        )
        connected(first)
        monkeypatch.setattr(first._changes, "_interval", lambda: LONG)
        add_project(second, "a")
        assert first.wait_for_change(0, 0.3) == 0
        first.close()
        second.close()
