"""server migrate: what whoever keeps the shared server sees."""

from __future__ import annotations

import psycopg

from omprov.catalog import SCHEMA, open_catalog
from omprov.catalog._tables import metadata


def test_a_database_is_brought_to_this_release_s_layout(omprov, pg_url, monkeypatch):
    assert "already" in omprov("server", "migrate", "--catalog", pg_url)
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    with psycopg.connect(pg_url) as connection:
        connection.execute(f"DROP TABLE {tables}")
        connection.execute("DELETE FROM alembic_version")
    monkeypatch.setenv("OMPROV_CATALOG", pg_url)
    answer = omprov.json("server", "migrate")
    assert answer == {"before": "", "after": SCHEMA, "copy": None}
    open_catalog(pg_url).close()


def test_a_database_without_a_catalog_is_not_found(omprov, pg_empty_url):
    omprov("server", "migrate", "--catalog", pg_empty_url, code=3)
    assert "omprov ui" in omprov.errors


def test_a_server_that_is_not_there_is_unavailable_and_the_password_stays_unsaid(omprov):
    url = "postgresql://ann:hidden@127.0.0.1:1/db"
    omprov("server", "migrate", "--catalog", url, code=5)
    assert "hidden" not in omprov.errors
