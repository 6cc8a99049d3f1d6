"""Making, opening and migrating catalogs in SQLite files."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from omprov.catalog import _schema, create_catalog, migrate_catalog, open_catalog
from omprov.catalog._tables import metadata
from omprov.errors import (
    AlreadyExists,
    Damaged,
    InvalidInput,
    NotFound,
    SchemaMismatch,
    Unavailable,
)
from omprov.testing.catalog import set_scene


def change(path, *statements):
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def test_a_catalog_is_made_once(tmp_path):
    path = tmp_path / "catalog.db"
    create_catalog(path).close()
    with pytest.raises(AlreadyExists):
        create_catalog(path)
    open_catalog(path).close()


def test_of_two_who_make_a_catalog_one_succeeds(tmp_path):
    path = tmp_path / "catalog.db"

    def attempt(_):
        try:
            create_catalog(path).close()
        except AlreadyExists:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(4))) == [False, False, False, True]
    open_catalog(path).close()


def test_a_creation_that_was_cut_short_can_be_repeated(tmp_path):
    path = tmp_path / "catalog.db"
    path.touch()
    with pytest.raises(NotFound, match="omprov init"):
        open_catalog(path)
    create_catalog(path).close()
    open_catalog(path).close()


def test_a_failed_creation_leaves_no_tables(tmp_path, monkeypatch):
    path = tmp_path / "catalog.db"
    monkeypatch.setattr("omprov.catalog._migrations._sign", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        create_catalog(path)
    monkeypatch.undo()
    create_catalog(path).close()


def test_opening_needs_a_catalog(tmp_path):
    with pytest.raises(NotFound, match="omprov init"):
        open_catalog(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(Unavailable, match="folder"):
        open_catalog(tmp_path)
    with pytest.raises(NotFound, match="folder"):
        create_catalog(tmp_path / "no" / "catalog.db")


def test_an_address_of_sqlite_is_taken_and_others_are_refused(path):
    open_catalog(f"sqlite:///{path}").close()
    for address in (
        "mysql://u:secret@host/db",
        "sqlite://",
        "nothing://",
        "postgresql://host",
        "postgresql+asyncpg://u:secret@host/db",
    ):
        with pytest.raises(InvalidInput) as refused:
            open_catalog(address)
        assert "secret" not in str(refused.value)


def test_a_path_may_hold_any_bytes(empty_file, tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9 ?#%41&mode=ro")
    folder.mkdir()
    path = folder / "catalog 数据.db"
    shutil.copy(empty_file, path)
    catalog = open_catalog(path)
    set_scene(catalog)
    assert catalog.check() == []
    catalog.close()
    assert [entry.name for entry in folder.iterdir()] == [path.name]


def test_a_file_that_is_no_database_is_damaged(tmp_path):
    path = tmp_path / "catalog.db"
    path.write_bytes(b"not a database, but long enough to have a header of a page" * 100)
    for opening in (open_catalog, create_catalog, migrate_catalog):
        with pytest.raises(Damaged, match=r"catalog\.db"):
            opening(path)


def test_another_program_s_database_is_no_catalog(tmp_path):
    path = tmp_path / "catalog.db"
    change(path, "CREATE TABLE notes (text)")
    with pytest.raises(NotFound, match="omprov init"):
        open_catalog(path)


def test_a_newer_catalog_is_refused_with_its_release(path):
    change(
        path,
        "UPDATE alembic_version SET version_num = '9999'",
        "UPDATE repository SET release = '7.1'",
    )
    with pytest.raises(SchemaMismatch, match=r"9999.*omprov 7\.1.*upgrade omprov"):
        open_catalog(path)
    with pytest.raises(SchemaMismatch, match="upgrade omprov"):
        migrate_catalog(path)
    change(path, "DROP TABLE repository")
    with pytest.raises(SchemaMismatch, match="a later release"):
        open_catalog(path)


def test_an_older_catalog_is_refused_until_it_is_migrated(path):
    blank = "DROP TABLE " + "; DROP TABLE ".join(
        table.name for table in reversed(metadata.sorted_tables)
    )
    change(path, *blank.split(";"), "DELETE FROM alembic_version")
    with pytest.raises(SchemaMismatch, match="omprov migrate"):
        open_catalog(path)
    done = migrate_catalog(path)
    assert done.before == ""
    open_catalog(path).close()
    with pytest.raises(SchemaMismatch):
        open_catalog(done.copy)
    assert migrate_catalog(path) is None


def test_a_migration_never_overwrites_a_copy(path):
    change(path, "DELETE FROM alembic_version")
    path.with_name("catalog.db.first.backup").touch()
    with pytest.raises(AlreadyExists, match="backup"):
        migrate_catalog(path)


def test_the_migrations_build_the_tables_that_the_queries_know(path):
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_tables_are_built_alike_by_both_ways(path):
    def built(file):
        connection = sqlite3.connect(file)
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        found = {name: sorted(re.sub(r"[\t\"]", "", sql).split("\n")) for name, sql in rows}
        connection.close()
        found.pop("alembic_version", None)
        return {name: [line.strip(" ,") for line in lines] for name, lines in found.items()}

    directly = path.with_name("direct.db")
    engine = create_engine(f"sqlite:///{directly}")
    metadata.create_all(engine)
    engine.dispose()
    assert built(path) == built(directly)


def test_this_release_s_layout_is_the_newest_migration():
    config = Config()
    config.set_main_option("script_location", str(files("omprov.catalog") / "migrations"))
    assert ScriptDirectory.from_config(config).get_heads() == [_schema.SCHEMA]


def test_opening_does_not_load_alembic(path):
    code = (
        "import sys; from omprov.catalog import open_catalog; "
        "open_catalog(sys.argv[1]).close(); sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True)
