"""SQLite keeps the contract of catalogs."""

from __future__ import annotations

import pytest

from omprov.catalog import open_catalog
from omprov.testing.catalog import CatalogContract


class TestSqliteCatalog(CatalogContract):
    @pytest.fixture
    def catalog(self, path):
        opened = open_catalog(path)
        yield opened
        opened.close()
