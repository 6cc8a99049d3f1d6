"""SQLite against a model in plain dictionaries."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from omprov.catalog import open_catalog
from omprov.testing.catalog.machine import CatalogMachine


class SqliteMachine(CatalogMachine):
    template: Path

    def open_empty(self):
        self.folder = tempfile.TemporaryDirectory()
        return open_catalog(shutil.copy(self.template, Path(self.folder.name) / "catalog.db"))

    def teardown(self):
        super().teardown()
        self.folder.cleanup()


@pytest.fixture(scope="module", autouse=True)
def _template(empty_file):
    SqliteMachine.template = empty_file


TestSqliteMachine = SqliteMachine.TestCase
TestSqliteMachine.settings = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
