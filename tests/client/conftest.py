"""A repository on a real server, and clients of it."""

from __future__ import annotations

import pytest
from live_servers import serving, ticking_clock

from omprov.client import Connection, RemoteRepository, folder_of
from omprov.repository import Repository


@pytest.fixture
def clock():
    return ticking_clock()


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
