"""Making, opening and migrating catalogs."""

from __future__ import annotations

import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from omprov.errors import AlreadyExists, InvalidInput, NotFound, Unavailable

from . import _sqlite
from ._catalog import SqlCatalog
from ._layout import SCHEMA
from ._schema import check_schema, has_tables, stored_schema

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from sqlalchemy import Engine

    from ._interface import Catalog

PATIENCE = 10.0
"""Seconds that a writer waits for another one, unless told otherwise."""


def create_catalog(address: str | os.PathLike[str], *, patience: float = PATIENCE) -> Catalog:
    """Make an empty catalog, without any project, and open it. All or nothing.

    Args:
        address: path of the file to be made (its folder must exist), or ``sqlite:///path``.
        patience: seconds to wait for another writer.

    Raises:
        AlreadyExists: there is a catalog already.
        NotFound: there is no folder to put it in.
        Damaged: there is a file that is no database.
    """
    from ._migrations import bring_to_head  # Alembic's import is for those who need it

    path = _path_of(address)
    if not path.parent.is_dir():
        raise NotFound("folder", path.parent)
    with _disposed_on_error(
        _sqlite.open_engine(path, patience=patience, may_create=True)
    ) as engine:
        with _sqlite.for_writing(engine).begin() as connection:
            if has_tables(connection):
                raise AlreadyExists("catalog", path, "Open it instead")
            bring_to_head(connection)
        return SqlCatalog(engine, path, patience=patience)


def open_catalog(address: str | os.PathLike[str], *, patience: float = PATIENCE) -> Catalog:
    """Open a catalog.

    Args:
        address: path of its file, or ``sqlite:///path``.
        patience: seconds to wait for another writer.

    Raises:
        NotFound: there is none.
        SchemaMismatch: it has another release's layout; the message says what to do.
        Damaged: the file is no database, or not whole.
    """
    path = _existing(address)
    with _disposed_on_error(_sqlite.open_engine(path, patience=patience)) as engine:
        with engine.connect() as connection:
            check_schema(connection, str(path))
        return SqlCatalog(engine, path, patience=patience)


def migrate_catalog(address: str | os.PathLike[str], *, patience: float = PATIENCE) -> Path | None:
    """Bring an older catalog to this release's layout, all or nothing, keeping a copy of it first.

    Args:
        address: path of its file, or ``sqlite:///path``.
        patience: seconds to wait for another writer.

    Returns:
        The path of the copy; ``None`` where the layout was this release's already.

    Raises:
        SchemaMismatch: the catalog is newer than this release.
        AlreadyExists: a copy of that name is there from an earlier migration.
    """
    from ._migrations import bring_to_head  # Alembic's import is for those who need it

    path = _existing(address)
    with _disposed_on_error(_sqlite.open_engine(path, patience=patience)) as engine:
        with engine.connect() as connection:
            stored = stored_schema(connection, str(path))
            if stored >= SCHEMA:
                check_schema(connection, str(path))
                return None
        copy = path.with_name(f"{path.name}.{stored or 'first'}.backup")
        if copy.exists():
            raise AlreadyExists("backup", copy, "Move it away and repeat the migration")
        _sqlite.back_up(engine, copy)
        with _sqlite.for_writing(engine).begin() as connection:
            bring_to_head(connection)
        engine.dispose()
    return copy


def _path_of(address: str | os.PathLike[str]) -> Path:
    if not isinstance(address, str) or "://" not in address:
        return Path(address)
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise InvalidInput(f"{address!r} is not the address of a database") from error
    if url.get_backend_name() != "sqlite" or not url.database:
        raise InvalidInput(
            f"a catalog cannot be kept at {url.render_as_string()} with this release: "
            "take a path or sqlite:///path"
        )
    return Path(url.database)


def _existing(address: str | os.PathLike[str]) -> Path:
    path = _path_of(address)
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound("catalog", path, hint="Make one with `omprov init`.") from error
    except (OSError, ValueError) as error:
        raise Unavailable(f"{str(path)!r} cannot be opened: {error}") from error
    if stat.S_ISDIR(mode):
        raise Unavailable(f"{path} is a folder, not the file of a catalog")
    return path


@contextmanager
def _disposed_on_error(engine: Engine) -> Iterator[Engine]:
    try:
        yield engine
    except BaseException:
        engine.dispose()
        raise
