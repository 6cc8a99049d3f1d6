"""A repository on a real server, and clients of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from live_servers import serving

from omprov.client import Connection, RemoteRepository, folder_of
from omprov.repository import Repository


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self):
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def server(tmp_path_factory, clock):
    with serving(tmp_path_factory.mktemp("server"), clock=clock) as running:
        yield running


@pytest.fixture
def reopen(server, tmp_path):
    """Open the repository again, as another process on this machine would."""
    opened = []

    def open_again(url=server.url, home=tmp_path):
        connection = Connection(url, sleep=lambda _: None)
        folder = folder_of(home / ".omprov", url)
        opened.append(RemoteRepository.open(folder, connection, who="bob"))
        return opened[-1]

    yield open_again
    for repository in opened:
        repository.close()


@pytest.fixture
def repo(reopen):
    return reopen()


@pytest.fixture
def behind(server, clock):
    """Give the server's own repository, as a process beside it opens it."""
    with Repository.open(server.settings.folder, who="ada", clock=clock) as repository:
        yield repository
