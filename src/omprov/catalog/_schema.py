"""Checks the layout of a catalog's tables, without loading Alembic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from omprov.errors import NotFound, SchemaMismatch

from ._layout import SCHEMA

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MIGRATE = {
    "sqlite": "`omprov migrate` (it keeps a copy first)",
    "postgresql": "`omprov server migrate` (after `pg_dump`, to have a copy)",
}
_MAKE = {
    "sqlite": "Make one with `omprov init`.",
    "postgresql": "`omprov ui --catalog …` makes one.",
}
_STORED = text("SELECT version_num FROM alembic_version")


def has_tables(connection: Connection) -> bool:
    """Tell whether a catalog was made here: in this file, or in this schema."""
    return inspect(connection).has_table("alembic_version")


def stored_schema(connection: Connection, place: str) -> str:
    """Return the layout of the tables; the empty text where a migration left none.

    Raises:
        NotFound: there are no tables of a catalog.
    """
    if not has_tables(connection):
        raise NotFound("catalog", place, hint=_MAKE[connection.dialect.name])
    stored: str | None = connection.execute(_STORED).scalar()
    return stored or ""


def check_schema(connection: Connection, place: str) -> None:
    """Refuse a catalog of another layout.

    Raises:
        NotFound: there are no tables of a catalog.
        SchemaMismatch: the tables are older or newer than this release's.
    """
    stored = stored_schema(connection, place)
    if stored < SCHEMA:
        raise SchemaMismatch(
            f"{place} has the layout {stored or 'of no release'}, this release of omprov takes "
            f"{SCHEMA}: run {_MIGRATE[connection.dialect.name]}"
        )
    if stored > SCHEMA:
        raise SchemaMismatch(
            f"{place} has the layout {stored}, made by {_release(connection)}; this release of "
            f"omprov takes {SCHEMA}: upgrade omprov"
        )


def _release(connection: Connection) -> str:
    if not inspect(connection).has_table("repository"):
        return "a later release"
    row = connection.execute(text("SELECT * FROM repository")).mappings().first()
    return f"omprov {row['release']}" if row and "release" in row else "a later release"
