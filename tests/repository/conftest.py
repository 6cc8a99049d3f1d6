"""A repository in a temporary folder, with a clock that ticks by the second.

Those modules whose tests rest on what the catalog does run with PostgreSQL, too.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import argon2
import pytest

from omprov.repository import Repository, _passwords

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


class StillClock:
    """A clock that moves only when it is told to."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def still():
    return StillClock()


HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def cheap_hashes(monkeypatch):
    """Real hashes of argon2id that take no time."""
    monkeypatch.setattr(_passwords, "_hasher", lambda: HASHER)
    monkeypatch.setattr(_passwords, "_NOBODY", HASHER.hash("nobody knows this"))
    return HASHER


@pytest.fixture(scope="session")
def team_folder(tmp_path_factory):
    """A repository with ada, who owns the server, and bob; to be copied."""
    folder = tmp_path_factory.mktemp("team")
    with (
        pytest.MonkeyPatch.context() as patched,
        Repository.create(folder, who="setup", clock=StillClock()) as made,
    ):
        patched.setattr(_passwords, "_hasher", lambda: HASHER)
        made.add_user("ada", "correct horse", owner=True)
        made.add_user("bob", "battery staple")
    return folder


@pytest.fixture
def team(team_folder, tmp_path, still, cheap_hashes):
    folder = shutil.copytree(team_folder, tmp_path / "team")
    with Repository.open(folder, who="setup", clock=still) as repository:
        yield repository


@pytest.fixture
def elsewhere(team, still):
    """The same repository as another process of the server has it open."""
    with Repository.open(team.path, who="other", clock=still) as opened:
        yield opened
