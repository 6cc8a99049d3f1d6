"""Rows on their way from one catalog to another, and how they stand in a line of text."""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import Boolean, Double, Integer, LargeBinary, String, TypeDecorator

from omprov.errors import InvalidInput

from . import _mlflow_tables  # noqa: F401 some of the tables
from ._tables import metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Column, Table

    Values: TypeAlias = "tuple[Any, ...]"
    """A row as the database has it: column types do not apply."""

PEOPLE = ("account", "member", "token", "sign_in", "sign_in_tries", "request_key")
"""Whose rows are copied only where it is asked for, each after those that it names."""
KEPT = ("repository", "snapshot")
"""Of each catalog its own."""
_LAST = ("audit", "feed")
"""So that whoever follows the feed of a copy in the making finds what it tells of."""


@dataclass(frozen=True, slots=True)
class CopyState:
    """What a copy is made of: one state of one catalog.

    Attributes:
        catalog: the id of its first project, which names it wherever it is.
        layout: of its tables.
        position: of its change feed.
        audit: the newest key in its audit.
        rows: how many there are to copy, about.
        stamp: another one where anything was recorded since.
    """

    catalog: str
    layout: str
    position: int
    audit: int
    rows: int
    stamp: str


@dataclass(frozen=True, slots=True)
class CopiedRows:
    """Some rows of one table, by primary key.

    Attributes:
        table: its name.
        rows: at least one; each with the values of all columns, in their order.
    """

    table: str
    rows: Sequence[Values]

    @property
    def place(self) -> str:
        """How far a copy has come once it has these: text that `place_key` reads."""
        key = [self.rows[-1][at] for at in key_places(self.table)]
        return json.dumps([self.table, key], default=_show_bytes)

    def line(self) -> str:
        """Return all this in one line of JSON, without its end."""
        rows = [
            [_show_infinity(v) if isinstance(v, float) and math.isinf(v) else v for v in row]
            for row in self.rows
        ]
        return json.dumps(
            {"table": self.table, "rows": rows},
            default=_show_bytes,
            ensure_ascii=False,
            separators=(",", ":"),
        )


def read_line(line: str | bytes) -> CopiedRows:
    """Return the rows that a line holds; every value is one that its column takes.

    Raises:
        InvalidInput: it is no such line.
    """
    try:
        data = json.loads(line, object_hook=_read_value)
        table, rows = data["table"], data["rows"]
        found = CopiedRows(str(table), [tuple(row) for row in rows])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidInput("what came is no line of a copy") from error
    checks = [_check_of(column) for column in table_of(found.table).columns]
    if not found.rows:
        raise InvalidInput(f"a line of a copy holds no rows of {found.table}")
    for row in found.rows:
        if len(row) != len(checks) or not all(
            check.takes(v) for check, v in zip(checks, row, strict=True)
        ):
            raise InvalidInput(f"a row of {found.table} in the copy has values that do not fit")
    return found


def copied_tables(*, people: bool) -> tuple[Table, ...]:
    """Return the tables of a copy, each after those that its rows name."""
    left_out = {*KEPT, *(() if people else PEOPLE), *_LAST}
    first = [table for table in metadata.sorted_tables if table.name not in left_out]
    return (*first, *(metadata.tables[name] for name in _LAST))


def table_of(name: str) -> Table:
    """Return a table that may be copied.

    Raises:
        InvalidInput: there is none of this name.
    """
    if name in KEPT or name not in metadata.tables:
        raise InvalidInput(f"{name[:60]!r} is no table of a copy")
    return metadata.tables[name]


def place_key(place: str) -> tuple[str, list[Any]]:
    """Return the table, and the key in it, that a copy has come to.

    Raises:
        InvalidInput: it is no such place.
    """
    try:
        name, key = json.loads(place, object_hook=_read_value)
        table = table_of(name)
        checks = [_check_of(column) for column in table.primary_key.columns]
        fits = all(check.takes(one) for check, one in zip(checks, key, strict=True))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput(f"{place[:80]!r} is no place in a copy") from error
    if not fits:
        raise InvalidInput(f"{place[:80]!r} is no place in a copy")
    return name, key


@cache
def key_places(name: str) -> tuple[int, ...]:
    """Return where in a row its primary key stands."""
    table = metadata.tables[name]
    names = [column.name for column in table.columns]
    return tuple(names.index(column.name) for column in table.primary_key.columns)


@dataclass(frozen=True, slots=True)
class _Check:
    """What a column takes."""

    kinds: tuple[type, ...]
    nullable: bool
    length: int | None

    def takes(self, value: Any) -> bool:
        if value is None:
            return self.nullable
        if not isinstance(value, self.kinds) or (
            isinstance(value, bool) and bool not in self.kinds
        ):
            return False
        match value:
            case str():
                return "\0" not in value and (self.length is None or len(value) <= self.length)
            case bytes():
                return self.length is None or len(value) <= self.length
            case int():
                return -(2**63) <= value < 2**63
            case _:
                return True


@cache
def _check_of(column: Column[Any]) -> _Check:
    kind = column.type
    if isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    length = getattr(kind, "length", None)
    match kind:
        case Boolean():
            kinds: tuple[type, ...] = (bool, int)
        case Integer():
            kinds = (int,)
        case Double():
            kinds = (float, int)
        case LargeBinary():
            kinds = (bytes,)
        case String():
            kinds = (str,)
        case _:
            raise AssertionError(kind)
    return _Check(kinds, bool(column.nullable), length)


def _show_bytes(value: Any) -> dict[str, str]:
    if not isinstance(value, bytes):
        raise TypeError(value)
    return {"b": base64.b64encode(value).decode()}


def _show_infinity(value: float) -> dict[str, str]:
    return {"f": "inf" if value > 0 else "-inf"}


def _read_value(data: dict[str, Any]) -> Any:
    match data:
        case {"b": str(text), **rest} if not rest:
            try:
                return base64.b64decode(text, validate=True)
            except binascii.Error as error:
                raise ValueError(text) from error
        case {"f": "inf" | "-inf" as text, **rest} if not rest:
            return float(text)
        case _:
            return data
