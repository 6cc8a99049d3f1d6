"""A repository in a temporary folder, with a clock that ticks by the second.

Those modules whose tests rest on what the catalog does run with PostgreSQL, too.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from omprov.repository import Repository

ON_BOTH = {"test_runs", "test_run_updates", "test_keeping_step"}


def pytest_configure(config):
    config.addinivalue_line("markers", "in_a_file: needs the catalog in a file, or takes long")


def pytest_generate_tests(metafunc):
    if "database" in metafunc.fixturenames:
        only_file = metafunc.definition.get_closest_marker("in_a_file")
        both = metafunc.module.__name__ in ON_BOTH and only_file is None
        databases = ["sqlite", "postgres"] if both else ["sqlite"]
        metafunc.parametrize("database", databases, indirect=True)


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def database(request):
    """The address of a catalog in PostgreSQL; `None` where it is in a file."""
    return request.getfixturevalue("pg_url") if request.param == "postgres" else None


@pytest.fixture
def repo(tmp_path, clock, database):
    known = {"who": "ada", "clock": clock}
    with (
        Repository.create(tmp_path, **known)
        if database is None
        else Repository.open_shared(tmp_path, catalog=database, **known)
    ) as repository:
        yield repository


@pytest.fixture
def reopen(repo, clock, database):
    """Open the same folder again, as another process would."""
    opened = []

    def open_again() -> Repository:
        known = {"who": "bob", "clock": clock}
        opened.append(
            Repository.open(repo.path, **known)
            if database is None
            else Repository.open_shared(repo.path, catalog=database, **known)
        )
        return opened[-1]

    yield open_again
    for repository in opened:
        repository.close()
