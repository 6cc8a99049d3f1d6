"""Making, opening and migrating catalogs."""

from __future__ import annotations

import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from omprov.errors import AlreadyExists, InvalidInput, NotFound, Unavailable

from ._catalog import SqlCatalog
from ._layout import SCHEMA
from ._postgres import SCHEMES, PostgresSchema, be_the_only_maker, make_schema
from ._schema import check_schema, has_tables, stored_schema
from ._sqlite import SqliteFile, open_engine

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine

    from ._interface import Catalog

PATIENCE = 10.0
"""Seconds that a writer waits for another one, unless told otherwise."""


def create_catalog(address: str | os.PathLike[str], *, patience: float = PATIENCE) -> Catalog:
    """Make an empty catalog, without any project, and open it. All or nothing.

    Args:
        address: path of the file to be made (its folder must exist), ``sqlite:///path``, or
            ``postgresql://user@host/database`` of a database that is there; a schema that it
            names (``?options=-csearch_path=NAME``) is made.
        patience: seconds to wait for another writer.

    Raises:
        AlreadyExists: there is a catalog already.
        NotFound: there is no folder to put it in.
        Damaged: there is a file that is no database.
        Unavailable: the database cannot be reached, or does not let this user make tables.
        MissingExtra: the driver for PostgreSQL is not installed.
    """
    from ._migrations import bring_to_head  # Alembic's import is for those who need it

    database = _database_of(address)
    if isinstance(database, SqliteFile) and not database.path.parent.is_dir():
        raise NotFound("folder", database.path.parent)
    with _disposed_on_error(_engine_of(database, patience, may_create=True)) as engine:
        with database.for_writing(engine).begin() as connection:
            _prepare(database, connection)
            if has_tables(connection):
                raise AlreadyExists("catalog", database.place, "Open it instead")
            bring_to_head(connection)
        return SqlCatalog(engine, database, patience=patience)


def open_catalog(address: str | os.PathLike[str], *, patience: float = PATIENCE) -> Catalog:
    """Open a catalog.

    Args:
        address: as `create_catalog` takes it.
        patience: seconds to wait for another writer.

    Raises:
        NotFound: there is none.
        SchemaMismatch: it has another release's layout; the message says what to do.
        Damaged: the file is no database, or not whole.
        Unavailable: the database cannot be reached.
        MissingExtra: the driver for PostgreSQL is not installed.
    """
    database = _existing(address)
    with _disposed_on_error(_engine_of(database, patience)) as engine:
        with engine.connect() as connection:
            check_schema(connection, database.place)
        return SqlCatalog(engine, database, patience=patience)


@dataclass(frozen=True, slots=True)
class Migrated:
    """What a migration did.

    Attributes:
        before: the layout that there was; empty where no release had left one.
        copy: where the catalog lies as it was before; ``None`` of PostgreSQL, which keeps none.
    """

    before: str
    copy: Path | None


def migrate_catalog(
    address: str | os.PathLike[str], *, patience: float = PATIENCE
) -> Migrated | None:
    """Bring an older catalog to this release's layout, all or nothing.

    A copy of a file is kept first. Several may call this at once: one migrates, the others wait.

    Args:
        address: as `create_catalog` takes it.
        patience: seconds to wait for another writer.

    Returns:
        ``None`` where the layout was this release's already.

    Raises:
        SchemaMismatch: the catalog is newer than this release.
        AlreadyExists: a copy of that name is there from an earlier migration.
    """
    from ._migrations import bring_to_head  # Alembic's import is for those who need it

    database = _existing(address)
    with _disposed_on_error(_engine_of(database, patience)) as engine:
        with engine.connect() as connection:
            stored = stored_schema(connection, database.place)
            if stored >= SCHEMA:
                check_schema(connection, database.place)
        if stored == SCHEMA:
            engine.dispose()
            return None
        copy = None
        if isinstance(database, SqliteFile):
            copy = database.path.with_name(f"{database.path.name}.{stored or 'first'}.backup")
            if copy.exists():
                raise AlreadyExists("backup", copy, "Move it away and repeat the migration")
            database.copy(engine, copy)
        with database.for_writing(engine).begin() as connection:
            _prepare(database, connection)
            bring_to_head(connection)
        engine.dispose()
    return Migrated(stored, copy)


def _database_of(address: str | os.PathLike[str]) -> SqliteFile | PostgresSchema:
    if not isinstance(address, str) or "://" not in address:
        return SqliteFile(Path(address))
    try:
        url = make_url(address)
    except (ArgumentError, ValueError) as error:
        scheme = address.partition("://")[0]
        raise InvalidInput(f"{scheme}://… is not the address of a database") from error
    if url.drivername in SCHEMES:
        if not url.database:
            raise InvalidInput("write the database's name, too: postgresql://user@host/database")
        return PostgresSchema(url)
    if url.get_backend_name() != "sqlite" or not url.database:
        raise InvalidInput(
            f"a catalog cannot be kept at {url.render_as_string()}: "
            "take a path, sqlite:///path or postgresql://user@host/database"
        )
    return SqliteFile(Path(url.database))


def _engine_of(
    database: SqliteFile | PostgresSchema, patience: float, *, may_create: bool = False
) -> Engine:
    if isinstance(database, PostgresSchema):
        return database.open_engine(patience=patience)
    return open_engine(database.path, patience=patience, may_create=may_create)


def _prepare(database: SqliteFile | PostgresSchema, connection: Connection) -> None:
    """Let nobody else make or change tables meanwhile."""
    if isinstance(database, PostgresSchema):
        be_the_only_maker(connection)
        make_schema(connection)


def _existing(address: str | os.PathLike[str]) -> SqliteFile | PostgresSchema:
    database = _database_of(address)
    if isinstance(database, PostgresSchema):
        return database
    path = database.path
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound("catalog", path, hint="Make one with `omprov init`.") from error
    except (OSError, ValueError) as error:
        raise Unavailable(f"{str(path)!r} cannot be opened: {error}") from error
    if stat.S_ISDIR(mode):
        raise Unavailable(f"{path} is a folder, not the file of a catalog")
    return database


@contextmanager
def _disposed_on_error(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    except BaseException:
        engine.dispose()
        raise
