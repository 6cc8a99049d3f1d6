"""An empty catalog, made once by the migrations and copied for each test."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from omprov.catalog import create_catalog, open_catalog

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("template") / "catalog.db"
    create_catalog(path).close()
    return path


@pytest.fixture
def path(empty_file, tmp_path) -> Path:
    return shutil.copy(empty_file, tmp_path / "catalog.db")


@pytest.fixture
def catalog(path):
    opened = open_catalog(path)
    yield opened
    opened.close()
