"""SQLite files that are caches: opened with care, thrown away when damaged, errors translated."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from omprov.errors import Busy, Damaged, StorageFull, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IN_ONE_STATEMENT = 512
"""So many values stand in one ``IN (…)``."""
_SYNCHRONOUS = "NORMAL"
"""With a write-ahead log: whole after a power cut, though the last rows may be gone."""
_CACHE = 32 << 20
"""Bytes of pages kept in memory: keys are digests, so they are met all over the file."""
_PATIENCE = 10.0
"""Seconds to wait for another process's transaction."""


def open_database(path: Path, schema: str) -> sqlite3.Connection:
    """Open a cache; make it anew where it is missing, unreadable or of another schema.

    Where nothing may be written, it lives in memory and goes with the process. The caller
    serialises the threads that use the connection.
    """
    try:
        return _open(path, schema)
    except (sqlite3.DatabaseError, _OtherSchemaError) as error:
        if isinstance(error, sqlite3.OperationalError):
            if not os.access(path.parent, os.W_OK):
                return _open(":memory:", schema)
            with translated(path):
                raise
        discard_database(path)
        with translated(path):
            return _open(path, schema)


def discard_database(path: Path) -> None:
    """Delete a cache with what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into the tree's."""
    try:
        yield
    except sqlite3.OperationalError as error:
        match error.sqlite_errorcode & 0xFF:
            case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
                raise Busy(f"another process keeps {path} locked; try again") from error
            case sqlite3.SQLITE_FULL | sqlite3.SQLITE_IOERR:
                raise StorageFull(f"{path} cannot be written, maybe for lack of room") from error
            case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY:
                raise Unavailable(
                    f"{path} cannot be opened for writing: look at its and its folder's permissions"
                ) from error
            case _:
                raise Damaged(f"{path} cannot be used: {error}") from error
    except sqlite3.DatabaseError as error:
        raise Damaged(f"{path} is damaged ({error}); delete it, it will be made again") from error


class _OtherSchemaError(Exception):
    pass


def _open(path: Path | str, schema: str) -> sqlite3.Connection:
    database = sqlite3.connect(
        path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False
    )
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"PRAGMA synchronous = {_SYNCHRONOUS}")
        database.execute(f"PRAGMA cache_size = -{_CACHE >> 10}")
        _create(database, schema)
    except BaseException:
        database.close()
        raise
    return database


def _create(database: sqlite3.Connection, schema: str) -> None:
    if _schema_of(database) == _normal(schema):
        return
    with database:
        database.execute("BEGIN IMMEDIATE")
        present = _schema_of(database)
        if not present:
            for statement in schema.split(";"):
                database.execute(statement)
        elif present != _normal(schema):
            raise _OtherSchemaError


def _schema_of(database: sqlite3.Connection) -> list[str]:
    query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
    with closing(database.execute(query)) as rows:
        return [sql.strip() for (sql,) in rows]


def _normal(schema: str) -> list[str]:
    return [statement.strip() for statement in schema.split(";") if statement.strip()]
