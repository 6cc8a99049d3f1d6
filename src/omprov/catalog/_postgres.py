"""All that is particular to PostgreSQL: its engine, its locks, its errors. See
docs/design/postgres.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, event
from sqlalchemy.pool import QueuePool

from omprov.errors import (
    Busy,
    Conflict,
    InvalidInput,
    MissingExtra,
    OmprovError,
    StorageFull,
    Unavailable,
)

from ._copying import copy_to_file
from ._transaction import TRANSLATE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import URL, Connection, Engine
    from sqlalchemy.engine import ExceptionContext

    from ._listening import FeedListener

SCHEMES = {"postgresql", "postgres", "postgresql+psycopg"}
_DRIVER = "postgresql+psycopg"
_HELD, _AT_MOST = 8, 32
"""Connections of one process that are kept, and that may be open at once."""
_CONNECT_TIMEOUT = "10"
_KEEPALIVE = {
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}
"""Each side takes the other for gone after a minute of silence; the server then frees the lock."""
_SETTLE = """
SELECT set_config('lock_timeout', %s, false),
    set_config('tcp_keepalives_idle', '30', false),
    set_config('tcp_keepalives_interval', '10', false),
    set_config('tcp_keepalives_count', '3', false),
    CASE WHEN current_schema() IS NOT NULL
    THEN set_config('search_path', quote_ident(current_schema()), false) END
"""
"""Each connection waits so long for locks, and sees the one schema of its repository alone."""

_BUSY = {
    "55P03",  # lock_not_available: it took longer than lock_timeout
    "40001",  # serialization_failure
    "40P01",  # deadlock_detected
    "53300",  # too_many_connections
    "55006",  # object_in_use
}
_FULL = {"53100", "53200"}
_SAID = (  # of whoever cannot connect, the driver tells no state
    (r"authentication failed|no password supplied|role .* does not exist", "28000"),
    (r"too many clients|remaining connection slots|too many connections", "53300"),
    (r"database .* does not exist", "3D000"),
    (r"the database system is", "57P03"),
)


@dataclass(frozen=True, slots=True)
class PostgresSchema:
    """A schema in a PostgreSQL database that holds one repository's catalog.

    Attributes:
        url: of the database; a schema of its own is chosen by ``?options=-csearch_path=NAME``.
    """

    url: URL

    @property
    def place(self) -> str:
        """The address without password, and without what else may be secret."""
        return (
            self.url.set(query={})
            .render_as_string(hide_password=True)
            .replace("postgresql+psycopg", "postgresql")
        )

    @property
    def poll(self) -> float:
        """A look is a round trip to the server."""
        return 1.0

    def open_engine(self, *, patience: float) -> Engine:
        """Make the engine; nothing is connected yet.

        Raises:
            MissingExtra: there is no driver.
        """
        try:
            import psycopg  # noqa: F401 an optional extra
        except ImportError as error:
            raise MissingExtra("server", "a catalog in PostgreSQL") from error

        def translated(error: BaseException) -> OmprovError | None:
            return translate(error, self.place)

        defaults = {"connect_timeout": _CONNECT_TIMEOUT, "application_name": "omprov", **_KEEPALIVE}
        engine = create_engine(
            self.url.set(drivername=_DRIVER),
            connect_args={k: v for k, v in defaults.items() if k not in self.url.query},
            poolclass=QueuePool,
            pool_size=_HELD,
            max_overflow=_AT_MOST - _HELD,
            pool_timeout=patience,
            pool_pre_ping=True,  # a server that was restarted is found by the next who asks
            isolation_level="REPEATABLE READ",  # a view is one state
            execution_options={TRANSLATE: translated},
        )
        engine.dialect.use_insertmanyvalues_wo_returning = True  # rows in one statement, not each
        event.listen(engine, "connect", _settle(patience))
        event.listen(engine, "handle_error", _telling(translated))
        return engine

    def for_writing(self, engine: Engine) -> Engine:
        """Give an engine whose statements each see what was committed before them.

        The first one waits for the repository's row; all later ones see what the writer before
        left, and nobody else can write in between.
        """
        return engine.execution_options(isolation_level="READ COMMITTED")

    def problems(self, connection: Connection) -> list[str]:  # noqa: ARG002 of the protocol
        """Find nothing: PostgreSQL keeps its constraints, and has own tools for its files."""
        return []

    def copy(self, engine: Engine, target: Path) -> None:
        """Write one state of all tables into an SQLite catalog."""
        with engine.connect() as connection:
            copy_to_file(connection, target)

    def listen(self, engine: Engine, tell: Callable[[int | None], None]) -> FeedListener:
        """Listen on a connection of its own."""
        from ._listening import FeedListener

        return FeedListener(engine, tell)


def make_schema(connection: Connection) -> None:
    """Make the schema that the address names, where it names one that is not there."""
    query = "SELECT current_schema() IS NULL, current_setting('search_path')"
    is_missing, path = connection.exec_driver_sql(query).one()
    if is_missing:
        first = str(path).split(",")[0].strip()
        name = first[1:-1].replace('""', '"') if first.startswith('"') else first.lower()
        quoted = connection.dialect.identifier_preparer.quote_identifier(name)
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {quoted}".replace("%", "%%"))


def be_the_only_maker(connection: Connection) -> None:
    """Wait until nobody else makes or changes tables of this database; holds until the commit."""
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(hashtext('omprov tables'))")


def _settle(patience: float) -> Callable[..., None]:
    def settle(connection: object, _: object) -> None:
        from psycopg import Connection as DriverConnection

        assert isinstance(connection, DriverConnection)
        connection.autocommit = True
        connection.execute(_SETTLE, (f"{max(1, round(patience * 1000))}ms",))
        connection.autocommit = False

    return settle


def _telling(
    translated: Callable[[BaseException], OmprovError | None],
) -> Callable[[ExceptionContext], OmprovError | None]:
    def tell(raised: ExceptionContext) -> OmprovError | None:
        if raised.is_pre_ping:  # the pool connects again
            return None
        return translated(raised.original_exception)

    return tell


def translate(error: BaseException, place: str) -> OmprovError | None:
    """Say in OMProv's words what the driver raised; ``None`` for what is a bug of ours."""
    from psycopg import DataError, Error, OperationalError

    match error:
        case InvalidInput():  # from a column type; SQLAlchemy had wrapped it
            return InvalidInput(str(error))
        case UnicodeEncodeError():
            return InvalidInput(f"text that is not valid Unicode cannot be stored: {error}")
        case OverflowError():
            return InvalidInput(f"a number does not fit in 64 bits: {error}")
        case Error() if error.sqlstate is not None:
            return _translate_state(error, error.sqlstate, place)
        case DataError():
            return InvalidInput(f"a value cannot be stored: {error}")
        case OperationalError():
            return _unreachable(error, place)
        case Error():
            return None
        case TypeError() | ValueError():
            return InvalidInput(f"a value cannot be stored: {error}")
        case _:
            return None


def _unreachable(error: Exception, place: str) -> OmprovError:
    """Say why nothing came of a connection."""
    said = _one_line(error)
    state = next((state for words, state in _SAID if re.search(words, said)), "")
    return _translate_state(error, state, place) or Unavailable(
        f"{place} cannot be reached ({said}); is PostgreSQL running there?"
    )


def _translate_state(error: Exception, state: str, place: str) -> OmprovError | None:
    said = _one_line(error)
    if state in _BUSY:
        return Busy(f"others are writing to {place} ({said}); try again in a moment")
    if state in _FULL:
        return StorageFull(
            f"no room at {place} ({said}); nothing of this change was kept. "
            "Free some space there and repeat it"
        )
    if state == "23505":
        return Conflict(f"this exists already ({said})")
    if state.startswith("23"):
        return InvalidInput(f"this change names something that does not exist ({said})")
    if state.startswith(("22", "54")):
        return InvalidInput(f"a value cannot be stored ({said})")
    if state in {"25006", "42501"}:
        return Unavailable(f"{place} cannot be written ({said}): grant this user the right to")
    if state in {"3D000", "3F000"}:
        return Unavailable(f"{place} is not there ({said}); make it with `createdb`")
    if state.startswith("28"):
        return Unavailable(f"{place} refuses the sign-in ({said}); set PGPASSWORD or ~/.pgpass")
    if state.startswith(("08", "57", "53", "58")):
        return Unavailable(f"{place} was interrupted ({said}); repeat it")
    return None


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
