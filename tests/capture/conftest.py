"""A repository to import into."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from omprov.repository import Repository


@pytest.fixture
def repository(tmp_path):
    with Repository.create(
        tmp_path / "home", who="ada", clock=lambda: datetime(2026, 11, 1, tzinfo=UTC)
    ) as opened:
        yield opened
