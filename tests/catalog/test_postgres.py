"""PostgreSQL keeps the contract of catalogs."""

from __future__ import annotations

import pytest

from omprov.catalog import open_catalog
from omprov.testing.catalog import CatalogContract


class TestPostgresCatalog(CatalogContract):
    @pytest.fixture
    def catalog(self, pg_url):
        opened = open_catalog(pg_url)
        yield opened
        opened.close()
