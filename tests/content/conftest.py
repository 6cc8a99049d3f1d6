from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from omprov.content import ContentStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ContentStore]:
    with ContentStore.create(tmp_path / "store") as made:
        yield made
