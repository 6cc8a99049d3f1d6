"""What the suites are given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from omprov.repository import Repository


class NeedsRepository:
    """Override the fixtures: an empty repository, and another door to the same one."""

    @pytest.fixture
    def repo(self) -> Repository:
        """An empty repository whose `who` is ``ada``."""
        raise NotImplementedError

    @pytest.fixture
    def reopen(self) -> Callable[[], Repository]:
        """Open the same repository again, as another process would."""
        raise NotImplementedError

    @pytest.fixture
    def clock(self) -> Callable[[], datetime]:
        """The clock of the repository: each call is a second later."""
        raise NotImplementedError

    def check(self, repo: Repository) -> Sequence[object]:
        """Return what is wrong with the repository behind a door: its graphs, its content."""
        return repo.check()
