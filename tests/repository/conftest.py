"""A repository in a temporary folder, with a clock that ticks by the second."""

from __future__ import annotations

import pytest
from ticking import Clock

from omprov.repository import Repository


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def repo(tmp_path, clock):
    with Repository.create(tmp_path, who="ada", clock=clock) as repository:
        yield repository


@pytest.fixture
def reopen(repo, clock):
    """Open the same folder again, as another process would."""
    opened = []

    def open_again() -> Repository:
        opened.append(Repository.open(repo.path, who="bob", clock=clock))
        return opened[-1]

    yield open_again
    for repository in opened:
        repository.close()
