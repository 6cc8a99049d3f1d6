"""The fixtures of the contract suite, for `Repository` itself."""

from __future__ import annotations

import pytest
from provenance_oracle import Oracle
from ticking import Clock

from omprov.repository import Repository


class OwnDoors:
    @pytest.fixture
    def repo(self, tmp_path, clock):
        with Repository.create(tmp_path, who="ada", clock=clock) as repository:
            yield repository

    @pytest.fixture
    def reopen(self, repo, clock):
        opened = []

        def open_again():
            opened.append(Repository.open(repo.path, who="bob", clock=clock))
            return opened[-1]

        yield open_again
        for repository in opened:
            repository.close()

    @pytest.fixture
    def clock(self):
        return Clock()

    def check(self, repo):
        Oracle(repo).check()
        return repo.check()
