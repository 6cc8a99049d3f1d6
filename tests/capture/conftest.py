"""A repository to import into."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

import omprov
from omprov._front import settle
from omprov.repository import Repository


@pytest.fixture
def repository(tmp_path):
    with Repository.create(
        tmp_path / "home", who="ada", clock=lambda: datetime(2026, 11, 1, tzinfo=UTC)
    ) as opened:
        yield opened


@pytest.fixture
def project(tmp_path, monkeypatch):
    """The repository of a folder to train in, which is the current one."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("OMPROV_URL", raising=False)
    with omprov.connect() as opened:
        yield Settled(opened)


class Settled:
    """A repository that is looked at once all that this process has told is recorded."""

    def __init__(self, repository):
        self._repository = repository

    def __getattr__(self, name):
        settle()
        return getattr(self._repository, name)
