"""Copies all rows of a catalog into an SQLite file, whatever database they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from ._sqlite import for_writing, open_engine
from ._tables import metadata

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection, Table

_PATIENCE = 1.0
"""Nobody else knows the file."""
_ROWS = 5_000


def copy_to_file(source: Connection, target: Path) -> None:
    """Write what a view shows into a new catalog; keys, ids and positions stay what they are.

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
            for table in metadata.sorted_tables:
                _copy_table(source, copy, table)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        engine.dispose()


def _copy_table(source: Connection, copy: Connection, table: Table) -> None:
    names = ", ".join(map(copy.dialect.identifier_preparer.format_column, table.columns))
    marks = ", ".join("?" * len(table.columns))
    put = f"INSERT INTO {table.name} ({names}) VALUES ({marks})"  # noqa: S608 names of our own
    query = text(f"SELECT {names} FROM {table.name}")  # noqa: S608 the same; no column types apply
    for rows in source.execute(query.execution_options(yield_per=_ROWS)).partitions():
        copy.exec_driver_sql(put, [tuple(row) for row in rows])
