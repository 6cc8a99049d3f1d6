"""All that is particular to SQLite: its engine, its locks, its errors, its own checks."""

from __future__ import annotations

import os
import random
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

from sqlalchemy import create_engine, event
from sqlalchemy.pool import QueuePool

from omprov.errors import (
    Busy,
    Conflict,
    Damaged,
    InvalidInput,
    OmprovError,
    StorageFull,
    Unavailable,
)

from ._transaction import TRANSLATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from sqlalchemy import Connection, Engine

_PRAGMAS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_mode = WAL",  # readers never wait for the writer
    "PRAGMA synchronous = FULL",  # what was acknowledged survives a power cut
    "PRAGMA cache_size = -65536",  # 64 MiB: joins over a million versions stay in memory
    "PRAGMA journal_size_limit = 67108864",  # one huge transaction leaves no huge log behind
)
_WRITES = "omprov_writes"
_PAUSE = 0.02
"""Seconds, at most, between two attempts to turn the log on."""

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A file that holds one repository's catalog.

    Attributes:
        path: of the file.
    """

    path: Path

    @property
    def place(self) -> str:
        return str(self.path)

    @property
    def poll(self) -> float:
        """A look takes some 0.1 ms."""
        return 0.1

    def for_writing(self, engine: Engine) -> Engine:
        return for_writing(engine)

    def problems(self, connection: Connection) -> list[str]:
        return integrity_problems(connection)

    def copy(self, engine: Engine, target: Path) -> None:
        back_up(engine, target)

    def listen(self, engine: Engine, tell: Callable[[int | None], None]) -> None:
        """Nobody tells of what happens to a file."""


def open_engine(path: Path, *, patience: float, may_create: bool = False) -> Engine:
    """Make the engine for one file, after SQLAlchemy's recipe for transactions that hold.

    Args:
        path: of the database file.
        patience: seconds to wait for another process's write lock.
        may_create: make the file where there is none.
    """
    writable = "mode=rwc" if may_create else "mode=rw"
    mode = "mode=ro&immutable=1" if _is_frozen(path) else writable
    uri = f"file:{quote_from_bytes(bytes(path.absolute()))}?{mode}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri,
            uri=True,
            timeout=patience,
            isolation_level=None,  # transactions begin where `_begin` says so
            check_same_thread=False,  # the pool hands a connection to one thread at a time
            cached_statements=256,
        )
        try:
            _turn_on(connection, _PRAGMAS, patience)
        except BaseException:
            connection.close()
            raise
        return connection

    def translated(error: BaseException) -> OmprovError | None:
        return translate(error, path)

    engine = create_engine(
        "sqlite+pysqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=-1,
        execution_options={TRANSLATE: translated},
    )
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", lambda raised: translated(raised.original_exception))
    return engine


def _turn_on(connection: sqlite3.Connection, pragmas: Iterable[str], patience: float) -> None:
    """Run pragmas. To turn the log on, nobody else may look: two who wait would wait for each other
    with their own look open, so each lets go and tries again.
    """
    deadline = time.monotonic() + patience
    connection.execute("PRAGMA busy_timeout = 0")
    for pragma in pragmas:
        while True:
            try:
                connection.execute(pragma)
                break
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > deadline:
                    raise
                time.sleep(random.uniform(0, _PAUSE))  # noqa: S311 no secret depends on it
    connection.execute(f"PRAGMA busy_timeout = {round(patience * 1000)}")


def _is_frozen(path: Path) -> bool:
    """Tell whether nobody here can write the file, and its log has been folded in.

    SQLite needs to write beside a file with a log even to read it, unless it may take the file for
    unchanging.
    """
    log = path.with_name(path.name + "-wal")
    has_log = log.exists() and log.stat().st_size > 0
    return path.exists() and not os.access(path.parent, os.W_OK) and not has_log


def for_writing(engine: Engine) -> Engine:
    """Give an engine on the same connections whose transactions take the write lock at once."""
    return engine.execution_options(**{_WRITES: True})


def integrity_problems(connection: Connection) -> list[str]:
    """Run SQLite's own checks."""
    problems = [
        f"integrity check: {row[0]}"
        for row in connection.exec_driver_sql("PRAGMA integrity_check")
        if row[0] != "ok"
    ]
    problems += [
        f"row {row[1]} of {row[0]} refers to a row of {row[2]} that does not exist"
        for row in connection.exec_driver_sql("PRAGMA foreign_key_check")
    ]
    return problems


def back_up(engine: Engine, target: Path) -> None:
    """Write a whole, consistent copy of the database to a file that is empty or not there yet.

    All in one step of one read transaction: with the log that is the state after the last commit
    before it, and writers go on meanwhile.
    """
    connection = engine.raw_connection()
    try:
        source = connection.driver_connection
        assert isinstance(source, sqlite3.Connection)
        with closing(sqlite3.connect(bytes(target))) as copy:
            copy.execute("PRAGMA journal_mode = OFF")  # a copy that fails is dropped
            source.backup(copy)
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        raise translate(error, target) or error from error
    finally:
        connection.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def translate(error: BaseException, path: Path) -> OmprovError | None:
    """Say in OMProv's words what SQLite's driver raised; ``None`` for what is a bug of ours."""
    match error:
        case InvalidInput():  # from a column type; SQLAlchemy had wrapped it
            return InvalidInput(str(error))
        case UnicodeEncodeError():
            return InvalidInput(f"text that is not valid Unicode cannot be stored: {error}")
        case OverflowError():
            return InvalidInput(f"a number does not fit in 64 bits: {error}")
        case TypeError() | ValueError():
            return InvalidInput(f"a value cannot be stored: {error}")
        case sqlite3.Error():
            return _translate_code(error, getattr(error, "sqlite_errorcode", 0), path)
        case _:
            return None


def _translate_code(error: sqlite3.Error, code: int, path: Path) -> OmprovError | None:
    primary = code & 0xFF
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return Busy(f"another process is writing to {path}; try again in a moment")
    if primary == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_WRITE:
        return StorageFull(
            f"no room to write to {path} ({error}); nothing of this change was kept. "
            "Free some space and repeat it"
        )
    if primary in _DAMAGED:
        return Damaged(f"{path} is damaged ({error}); restore it from a backup")
    if primary == sqlite3.SQLITE_READONLY:
        return Unavailable(f"{path} cannot be written: it, or its folder, is read-only")
    if primary == sqlite3.SQLITE_CANTOPEN:
        return Unavailable(f"{path} cannot be opened; look at its and its folder's permissions")
    if primary == sqlite3.SQLITE_IOERR:
        return Unavailable(f"the disk failed under {path}: {error}")
    if code in {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}:
        return Conflict(f"this exists already ({error})")
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return InvalidInput(f"this change names something that does not exist ({error})")
    if primary == sqlite3.SQLITE_TOOBIG:
        return InvalidInput(f"a value is too big to be stored ({error})")
    return None
