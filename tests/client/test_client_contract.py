"""A repository on a server keeps the contract of repositories."""

from __future__ import annotations

import pytest
from live_servers import serving, ticking_clock

from omprov.client import Connection, RemoteRepository, folder_of
from omprov.repository import Repository
from omprov.testing.repository import (
    FolderContract,
    ReadingContract,
    RunContract,
    RunUpdateContract,
    VersionContract,
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("shared"), clock=ticking_clock()) as server:
        yield server


class RemoteDoors:
    """The fixtures of the suite: clients of one live server."""

    @pytest.fixture
    def clock(self):
        return ticking_clock()

    @pytest.fixture
    def reopen(self, shared, tmp_path_factory, tmp_path, clock):
        opened = []
        with shared.turned_to(tmp_path_factory.mktemp("server"), clock=clock) as server:
            self.server = server

            def open_again():
                folder = folder_of(tmp_path / ".omprov", server.url)
                connection = Connection(server.url)
                opened.append(RemoteRepository.open(folder, connection, who="bob"))
                return opened[-1]

            yield open_again
            for repository in opened:
                repository.close()

    @pytest.fixture
    def repo(self, reopen):
        return reopen()

    def check(self, repo):
        """Let the server's own repository be verified, as a process beside it would."""
        del repo
        settings = self.server.settings
        with Repository.open(settings.folder, who="ada", clock=settings.clock) as behind:
            return behind.check()


class TestVersionsOnServer(RemoteDoors, VersionContract):
    pass


class TestRunsOnServer(RemoteDoors, RunContract):
    pass


class TestRunUpdatesOnServer(RemoteDoors, RunUpdateContract):
    pass


class TestReadingOnServer(RemoteDoors, ReadingContract):
    pass


class TestFoldersOnServer(RemoteDoors, FolderContract):
    pass
