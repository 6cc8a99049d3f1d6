"""Making, migrating and copying catalogs in PostgreSQL."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import settings
from sqlalchemy import create_engine, select

from omprov.catalog import SCHEMA, create_catalog, migrate_catalog, open_catalog
from omprov.catalog._tables import metadata
from omprov.errors import AlreadyExists, NotFound, OmprovError, SchemaMismatch
from omprov.testing.catalog import set_scene
from omprov.testing.catalog._scene import NASTY, NOW
from omprov.testing.catalog.machine import CatalogMachine


def change(url, *statements):
    with psycopg.connect(url) as connection:
        for statement in statements:
            connection.execute(statement)


def in_schema(url, name):
    return f"{url}&options=-csearch_path%3D{name}"


def test_of_four_who_make_a_catalog_one_succeeds(pg_empty_url):
    def attempt(_):
        try:
            create_catalog(pg_empty_url).close()
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(4))) == [False, False, False, True]
    open_catalog(pg_empty_url).close()


def test_a_failed_creation_leaves_no_tables(pg_empty_url, monkeypatch):
    monkeypatch.setattr("omprov.catalog._migrations._sign", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        create_catalog(pg_empty_url)
    monkeypatch.undo()
    with pytest.raises(NotFound, match="omprov"):
        open_catalog(pg_empty_url)
    create_catalog(pg_empty_url).close()


def test_a_schema_of_its_own_is_made_and_knows_no_other(pg_url):
    set_scene(catalog := open_catalog(pg_url))
    catalog.close()
    for name in ("mine", '"Odd%20name"'):
        address = in_schema(pg_url, name.replace('"', "%22").replace("%20", "%5C%20"))
        with pytest.raises(NotFound):
            open_catalog(address)
        with closing(create_catalog(address)) as own, own.read() as reader:
            assert reader.list_projects() == []
        open_catalog(address).close()


def test_an_older_catalog_is_refused_until_it_is_migrated(pg_url):
    tables = ", ".join(table.name for table in metadata.sorted_tables)
    change(pg_url, f"DROP TABLE {tables}", "DELETE FROM alembic_version")
    with pytest.raises(SchemaMismatch, match="omprov server migrate"):
        open_catalog(pg_url)
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(migrate_catalog, [pg_url] * 3))
    assert {one.copy for one in done if one is not None} == {None}
    assert any(one is not None for one in done)
    open_catalog(pg_url).close()
    assert migrate_catalog(pg_url) is None


def test_a_newer_catalog_is_refused(pg_url):
    change(pg_url, "UPDATE alembic_version SET version_num = '9999'")
    for opening in (open_catalog, migrate_catalog):
        with pytest.raises(SchemaMismatch, match="upgrade omprov"):
            opening(pg_url)


@pytest.fixture
def connection(pg_url):
    engine = create_engine(pg_url.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def test_the_migrations_build_the_tables_that_the_queries_know(connection):
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    assert compare_metadata(context, metadata) == []


def test_all_text_is_in_byte_order(connection):
    """By `short_text` and `LongText` in the tables; in migrations, with the collation "C"."""
    others = connection.exec_driver_sql(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND data_type IN ('text', 'character varying') "
        "AND collation_name IS DISTINCT FROM 'C' AND table_name <> 'alembic_version'"
    )
    assert others.all() == []


def test_a_copy_in_a_file_has_every_row(pg_url, tmp_path):
    with closing(open_catalog(pg_url)) as catalog:
        scene = set_scene(catalog)
        with catalog.write("bob", NOW) as writer:
            writer.set_asset(scene.model.id, description=NASTY)
            points = [("m", n, value, NOW) for n, value in enumerate((1.5, float("nan"), -1e300))]
            writer.add_metric_points(scene.run, points)
            writer.set_alias(scene.model.id, "best", scene.made.key)
            writer.set_tags(scene.run, {"a": NASTY})
            writer.set_commits(scene.algorithm.id, {"ab" * 20: None})
        catalog.store_snapshot("x", 3, b"\0\xff")
        with catalog.write("bob", NOW) as writer:
            writer.add_project("late")
            catalog.copy_to(tmp_path / "copy.db")
        with closing(open_catalog(tmp_path / "copy.db")) as copy:
            assert copy.check() == []
            for table in metadata.sorted_tables:
                rows = [rows_of(one, table) for one in (catalog, copy)]
                if table.name == "project":
                    assert len(rows[0]) == len(rows[1]) + 1
                elif table.name not in {"repository", "feed", "audit"}:
                    assert rows[0] == rows[1], table.name
            with copy.write("ann", NOW) as writer:
                assert writer.add_project("new").name == "new"


def rows_of(catalog, table):
    with catalog._engine.connect() as connection:
        return sorted(map(repr, connection.execute(select(table))))


def test_a_copy_that_cannot_be_made_leaves_nothing(pg_url, tmp_path):
    with closing(open_catalog(pg_url)) as catalog:
        with pytest.raises(OmprovError):
            catalog.copy_to(tmp_path / "none" / "copy.db")
        with closing(sqlite3.connect(tmp_path / "taken.db")) as other:
            other.execute("CREATE TABLE repository (x)")
        with pytest.raises(Exception, match="repository"):
            catalog.copy_to(tmp_path / "taken.db")


def test_this_release_s_layout_is_the_newest(connection):
    stored = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    assert stored == SCHEMA


class PostgresMachine(CatalogMachine):
    server = None

    def open_empty(self):
        self.database = self.server.database(self.server.template())
        return open_catalog(self.database.__enter__())

    def teardown(self):
        super().teardown()
        self.database.__exit__(None, None, None)


@pytest.fixture(scope="module", autouse=True)
def _server(pg_server):
    PostgresMachine.server = pg_server


TestPostgresMachine = PostgresMachine.TestCase
TestPostgresMachine.settings = settings(
    settings.get_profile("suite"), max_examples=5, stateful_step_count=15
)
