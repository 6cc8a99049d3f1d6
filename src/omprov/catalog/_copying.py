"""Copies the rows of one catalog into another, whatever databases they are in.

Keys, ids, times and positions stay what they are. `docs/design/copying.md` says what a copy is.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from blake3 import blake3
from sqlalchemy import Boolean, delete, func, select, text, update

from omprov.errors import Conflict
from omprov.records import DEFAULT_PROJECT

from ._copied_rows import PEOPLE, CopiedRows, CopyState, copied_tables, place_key, table_of
from ._layout import SCHEMA
from ._snapshots import SnapshotReads, put_snapshot
from ._sqlite import for_writing, open_engine
from ._tables import account, audit, feed, metadata, project, repository, snapshot, token
from ._transaction import CHANNEL, TRANSLATE, WriteTransaction
from ._types import to_microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection, Table

    from ._copied_rows import Values

MARK = "copy"
"""Name of the snapshot that says how far a copy has come: no cache of anything."""
FINISHED = "finished"
"""The place of a copy that has everything."""
_PATIENCE = 1.0
"""Nobody else knows the file."""
_ROWS = 5_000
_BYTES = 2_000_000
"""So many rows, or bytes in them, at once."""
_FETCHED = 500


@dataclass(frozen=True, slots=True)
class CopyMark:
    """What a catalog says of being a copy.

    Attributes:
        state: what it is a copy of.
        people: with users and what they sign in with.
        place: how far it has come; empty at the beginning.
        position: of its change feed, as the copy left it.
        replaced: the id of the project that was here before.
    """

    state: CopyState
    people: bool
    place: str
    position: int
    replaced: str

    @property
    def is_finished(self) -> bool:
        """Whether everything is here."""
        return self.place == FINISHED


class CopyReads(SnapshotReads):
    """What a copy is made of."""

    def copy_state(self, *, people: bool = False) -> CopyState:
        first, position, newest = self._connection.execute(
            select(
                select(func.min(project.c.id)).scalar_subquery(),
                select(repository.c.feed_position).scalar_subquery(),
                select(func.coalesce(func.max(audit.c.key), 0)).scalar_subquery(),
            )
        ).one()
        counts = [_about(self._connection, table) for table in copied_tables(people=people)]
        told = json.dumps([first, position, newest, counts]).encode()
        stamp = blake3(told).hexdigest()[:32]
        return CopyState(first or "", SCHEMA, position, newest, sum(counts), stamp)

    def iter_rows(self, after: str = "", *, people: bool = False) -> Iterator[CopiedRows]:
        tables = copied_tables(people=people)
        if not after:
            yield from _rows_of_all(self._connection, tables)
        elif after != FINISHED:
            name, key = place_key(after)
            at = [table.name for table in tables].index(name)
            yield from _rows_of(self._connection, tables[at], key)
            yield from _rows_of_all(self._connection, tables[at + 1 :])

    def copy_mark(self) -> CopyMark | None:
        found = self.find_snapshot(MARK)
        if found is None:
            return None
        data = json.loads(found[1])
        return CopyMark(**{**data, "state": CopyState(**data["state"])})


class CopyWrites(CopyReads, WriteTransaction):
    """Becoming a copy."""

    def begin_copy(self, state: CopyState, *, people: bool = False) -> str:
        if state.layout != SCHEMA:
            raise Conflict(
                f"the source has the layout {state.layout}, the target {SCHEMA}: bring both to "
                "one release of omprov, then copy"
            )
        mark = self.copy_mark()
        if mark is None or mark.state.catalog != state.catalog:
            self._check_new(state, mark, people=people)
        elif self._position != mark.position:
            raise _taken("somebody has recorded something in it since it was copied")
        elif mark.people is people and mark.state.stamp == state.stamp:
            return mark.place
        elif mark.is_finished:
            raise _taken("it is a copy of an earlier state of the same source")
        self._clear(state, mark, people=people)
        return ""

    def add_copied(self, rows: CopiedRows, after: str) -> None:
        mark = self._mark_at_work()
        if mark.place == rows.place:
            return
        allowed = {table.name for table in copied_tables(people=mark.people)}
        if mark.place != after or rows.table not in allowed:
            raise Conflict("another copy is being made into this target: let it come to its end")
        table = table_of(rows.table)
        _put(self._connection, table, rows.rows)
        if table is feed:
            self._position = rows.rows[-1][0]
            self._connection.execute(update(repository).values(feed_position=self._position))
        self._set_mark(replace(mark, place=rows.place, position=self._position))

    def end_copy(self) -> None:
        mark = self.copy_mark()
        if mark is not None and mark.is_finished:
            return
        mark = self._mark_at_work()
        if self._position != mark.state.position:
            raise Conflict("the copy is not complete: rows are missing")
        if self._dialect == "postgresql":
            for table in metadata.sorted_tables:
                _renew_sequence(self._connection, table)
            reached = select(
                func.pg_notify(CHANNEL, func.concat(self._position, " ", func.current_schema()))
            )
            self._connection.execute(reached)
        self._set_mark(replace(mark, place=FINISHED))

    def _mark_at_work(self) -> CopyMark:
        mark = self.copy_mark()
        if mark is None or mark.is_finished:
            raise Conflict("no copy is being made into this target: begin one")
        if mark.position != self._position:
            raise _taken("somebody has recorded something in it while it was being copied")
        return mark

    def _set_mark(self, mark: CopyMark) -> None:
        data = json.dumps(asdict(mark)).encode()
        put_snapshot(self._connection, MARK, mark.position, data)

    def _check_new(self, state: CopyState, mark: CopyMark | None, *, people: bool) -> None:
        """Refuse what holds more than a new repository does.

        Raises:
            Conflict: it does.
        """
        if mark is not None:
            raise _taken("it is a copy of another repository, or a part of one")
        rows = self._connection.execute(select(project.c.id, project.c.name)).all()
        if [row.id for row in rows] == [state.catalog]:
            raise Conflict("source and target are the same repository")
        others = sorted(row.name for row in rows if row.name != DEFAULT_PROJECT)
        if others:
            raise _taken(f"it has the project {others[0]}")
        if people and _about(self._connection, account):
            raise _taken("it has users: leave out --people, or take one without any")
        limited = select(token.c.key).where(token.c.project_key.is_not(None)).limit(1)
        if self._connection.execute(limited).first() is not None:
            raise _taken("it has tokens for a project")
        usual = {"project", "feed", "audit", *(set(PEOPLE) - {"member"})}
        for table in copied_tables(people=True):
            if table.name not in usual and _about(self._connection, table):
                raise _taken(f"something is in its table {table.name}")
        if self._position > 1:
            raise _taken("somebody has recorded something in it")

    def _clear(self, state: CopyState, mark: CopyMark | None, *, people: bool) -> None:
        """Take away what a new repository has, or what an earlier copy left; begin a copy.

        The rows of the target's own audit stay, behind those of the source.
        """
        first = self._connection.execute(select(func.min(project.c.id))).scalar()
        replaced = mark.replaced if mark is not None else first or ""
        own = self._own_audit(0 if mark is None else mark.state.audit)
        with_people = people or (mark is not None and mark.people)
        for table in reversed(copied_tables(people=with_people)):
            self._connection.execute(delete(table))
        self._connection.execute(delete(snapshot))
        told = {"position": state.position}
        note = (0, to_microseconds(self._now), self._who, "copy", state.catalog)
        rows = [*own, (*note, json.dumps(told, separators=(",", ":")), None)]
        _put(
            self._connection,
            audit,
            [(state.audit + n, *row[1:-1], None) for n, row in enumerate(rows, 1)],
        )
        if self._dialect == "postgresql":
            _renew_sequence(self._connection, audit)
        self._position = 0
        self._found_assets.clear()
        self._connection.execute(update(repository).values(feed_position=0))
        self._set_mark(CopyMark(state, people, "", 0, replaced))

    def _own_audit(self, above: int) -> list[Values]:
        names = _names(self._connection, audit)
        query = text(f"SELECT {names} FROM audit WHERE key > :above ORDER BY key")  # noqa: S608 names of our own
        return [tuple(row) for row in self._connection.execute(query, {"above": above})]


def copy_to_file(source: Connection, target: Path) -> None:
    """Write what a view shows into a new catalog, with people and all.

    Args:
        source: whose transaction is one state.
        target: empty or not there yet; removed again where this fails.
    """
    from ._migrations import bring_to_head

    engine = open_engine(target, patience=_PATIENCE, may_create=True)
    try:
        with for_writing(engine).begin() as copy:
            bring_to_head(copy)
            copy.exec_driver_sql("DELETE FROM repository")
            for rows in _rows_of_all(source, metadata.sorted_tables):
                _put(copy, metadata.tables[rows.table], rows.rows)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        engine.dispose()


def _taken(why: str) -> Conflict:
    return Conflict(
        f"the target is no new repository ({why}), and stays as it is: copy into one that was "
        "just made, and that nobody has used yet"
    )


def _about(connection: Connection, table: Table) -> int:
    """Return how many rows a table has, or the newest key where that is at hand."""
    (column, *rest) = table.primary_key.columns
    if not rest and column.name in {"key", "position"}:
        newest: int | None = connection.execute(select(func.max(column))).scalar()
        return newest or 0
    count: int = connection.execute(select(func.count()).select_from(table)).scalar_one()
    return count


def _names(connection: Connection, table: Table) -> str:
    return ", ".join(map(connection.dialect.identifier_preparer.format_column, table.columns))


def _rows_of_all(connection: Connection, tables: Iterable[Table]) -> Iterator[CopiedRows]:
    for table in tables:
        yield from _rows_of(connection, table)


def _rows_of(
    connection: Connection, table: Table, after: Sequence[Any] = ()
) -> Iterator[CopiedRows]:
    """Give the rows of a table by its primary key, those behind a key."""
    quoted = connection.dialect.identifier_preparer.format_column
    key = ", ".join(map(quoted, table.primary_key.columns))
    values = {f"k{n}": value for n, value in enumerate(after)}
    marks = ", ".join(f":{name}" for name in values)
    where = f"WHERE ({key}) > ({marks})" if values else ""
    names = _names(connection, table)
    query = text(f"SELECT {names} FROM {table.name} {where} ORDER BY {key}")  # noqa: S608 names of our own; no column types apply
    taken: list[Values] = []
    size = 0
    fetched = connection.execute(query.execution_options(yield_per=_FETCHED), values)
    for rows in fetched.partitions():
        for row in rows:
            taken.append(tuple(row))
            size += sum(len(value) for value in row if isinstance(value, str | bytes))
            if len(taken) >= _ROWS or size >= _BYTES:
                yield CopiedRows(table.name, taken)
                taken, size = [], 0
    if taken:
        yield CopiedRows(table.name, taken)


def _put(connection: Connection, table: Table, rows: Sequence[Values]) -> None:
    if connection.dialect.name == "postgresql":
        _put_in_postgres(connection, table, rows)
        return
    marks = ", ".join("?" * len(table.columns))
    put = f"INSERT INTO {table.name} ({_names(connection, table)}) VALUES ({marks})"  # noqa: S608 names of our own
    connection.exec_driver_sql(put, list(rows))


def _put_in_postgres(connection: Connection, table: Table, rows: Iterable[Values]) -> None:
    truths = {n for n, column in enumerate(table.columns) if isinstance(column.type, Boolean)}
    if truths:  # SQLite has numbers
        rows = [tuple(bool(v) if n in truths else v for n, v in enumerate(row)) for row in rows]
    put = f"COPY {table.name} ({_names(connection, table)}) FROM STDIN"
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(put) as copy:
            for row in rows:
                copy.write_row(row)
    except connection.dialect.loaded_dbapi.Error as error:
        translate = connection.get_execution_options()[TRANSLATE]
        raise translate(error) or error from error


def _renew_sequence(connection: Connection, table: Table) -> None:
    """Let the next key be above all that were copied."""
    if [column.name for column in table.primary_key.columns] != ["key"]:
        return
    query = (
        f"SELECT setval(own, greatest((SELECT max(key) FROM {table.name}), 1)) "  # noqa: S608 names of our own
        f"FROM pg_get_serial_sequence('{table.name}', 'key') AS own WHERE own IS NOT NULL"
    )
    connection.exec_driver_sql(query)
