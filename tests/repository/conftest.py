"""A repository in a temporary folder, with a clock that ticks by the second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from omprov.repository import Repository


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
