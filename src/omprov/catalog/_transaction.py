"""What the read side and the write side of every noun stand on. No query of a noun is here."""

from __future__ import annotations

from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from sqlalchemy import BigInteger, bindparam, func, insert, select, update
from sqlalchemy.dialects import sqlite

from ._interface import ChangeKind
from ._tables import asset, audit, feed, repository, run, version
from ._types import IdText

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Executable, Row, Select, Table
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.engine.interfaces import DBAPICursor

    from omprov.records import Asset, AssetName, RunId

T = TypeVar("T")
AnyRow: TypeAlias = "Row[*tuple[Any, ...]]"
AnySelect: TypeAlias = "Select[*tuple[Any, ...]]"

BATCH = 500
"""How many keys one statement asks for; both databases take far more parameters than that."""

TRANSLATE = "omprov_translate"
"""The engine's option that holds what makes OMProv's errors of the driver's; ``None`` for a bug."""

CHANNEL = "omprov_feed"
"""Where PostgreSQL tells of each commit to the feed: the position, a space, the schema."""

_OF_ASSETS = {ChangeKind.ASSET, ChangeKind.POLICY, ChangeKind.REMOVED, ChangeKind.TAG}

_LOCK = select(repository.c.feed_position).with_for_update()
_ADVANCE = update(repository).values(feed_position=bindparam("reached"))
_ADVANCE_AND_TELL = _ADVANCE.returning(
    func.pg_notify(CHANNEL, func.concat(repository.c.feed_position, " ", func.current_schema()))
)
_ADD_FEED = insert(feed)
_ADD_AUDIT = insert(audit).values(
    project_key=func.coalesce(
        bindparam("of_project", type_=BigInteger),
        select(asset.c.project_key)
        .where(asset.c.key == bindparam("of_asset", type_=BigInteger))
        .scalar_subquery(),
        select(run.c.project_key)
        .where(run.c.id == bindparam("of_run", type_=IdText))
        .scalar_subquery(),
        select(asset.c.project_key)
        .join(version, version.c.asset_key == asset.c.key)
        .where(version.c.key == bindparam("of_version", type_=BigInteger))
        .scalar_subquery(),
    )
)


class ReadTransaction:
    """One consistent view of the database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name
        self._found_assets: dict[AssetName, Asset] = {}  # many ask for the same one


class WriteTransaction(ReadTransaction):
    """The one write transaction of a repository.

    It locks the repository's row first (SQLite's `BEGIN IMMEDIATE` has locked everything by then;
    on PostgreSQL this row is the lock, and whoever has waited for it sees what its last holder
    committed), so positions of the change feed are given out and become visible in one order. Rows
    of the feed and the audit are kept back and written together.
    """

    def __init__(self, connection: Connection, *, who: str, now: datetime) -> None:
        super().__init__(connection)
        self._who = who
        self._now = now
        self._position: int = connection.execute(_LOCK).scalar_one()
        self._feed_rows: list[dict[str, Any]] = []
        self._audit_rows: list[dict[str, Any]] = []
        self._run_keys: dict[RunId, int] = {}  # a recording needs them several times

    def _announce(
        self,
        kind: ChangeKind,
        data: Mapping[str, Any],
        *,
        asset_key: int | None = None,
        version_key: int | None = None,
    ) -> None:
        if kind in _OF_ASSETS:
            self._found_assets.clear()
        self._position += 1
        self._feed_rows.append(
            {
                "position": self._position,
                "kind": kind.value,
                "time": self._now,
                "asset_key": asset_key,
                "version_key": version_key,
                "data": dict(data),
            }
        )

    def _note(
        self,
        action: str,
        target: str,
        detail: Mapping[str, Any],
        *,
        project_key: int | None = None,
        asset_key: int | None = None,
        version_key: int | None = None,
        run: str | None = None,
    ) -> None:
        """Keep back a row of the audit; one of the last four says in which project it happened."""
        self._audit_rows.append(
            {
                "time": self._now,
                "who": self._who,
                "action": action,
                "target": target,
                "detail": dict(detail),
                "of_project": project_key,
                "of_asset": asset_key,
                "of_version": version_key,
                "of_run": run,
            }
        )

    def flush(self) -> None:
        """Write the rows of the feed and the audit that were kept back."""
        if self._feed_rows:
            self._connection.execute(_ADD_FEED, self._feed_rows)
            advance = _ADVANCE_AND_TELL if self._dialect == "postgresql" else _ADVANCE
            self._connection.execute(advance, {"reached": self._position})
            self._feed_rows = []
        if self._audit_rows:
            self._connection.execute(_ADD_AUDIT, self._audit_rows)
            self._audit_rows = []


def in_batches(items: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """Give the items in lists of at most `size`."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch


def plain_rows(
    connection: Connection, query: AnySelect, parameters: Mapping[str, Any] | None = None
) -> Iterator[tuple[Any, ...]]:
    """Give rows as the driver's own tuples: half the time, but column types do not apply.

    For bulk reads of integers, floats and text.
    """
    cursor = connection.execute(query, parameters).cursor
    assert cursor is not None
    while batch := _fetch(connection, cursor):
        yield from batch


def _fetch(connection: Connection, cursor: DBAPICursor) -> Sequence[tuple[Any, ...]]:
    try:
        return cursor.fetchmany(10_000)
    except connection.dialect.loaded_dbapi.Error as error:
        translate = connection.get_execution_options()[TRANSLATE]
        raise translate(error) or error from error


def insert_or(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Give an INSERT that takes ``ON CONFLICT``; both databases write it alike.

    Args:
        dialect: name of the database, as SQLAlchemy has it.
        table: where to insert.
    """
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # slow to import, and most have SQLite

        return postgresql.insert(table)
    return sqlite.insert(table)


@cache
def upsert(dialect: str, table: Table, *renewed: str) -> Executable:
    """Give an INSERT that, of a row whose primary key is there, renews these columns.

    Without any column it leaves the row that is there alone.
    """
    put = insert_or(dialect, table)
    key = [column.name for column in table.primary_key]
    if not renewed:
        return put.on_conflict_do_nothing(index_elements=key)
    return put.on_conflict_do_update(
        index_elements=key, set_={name: put.excluded[name] for name in renewed}
    )
