"""Records as JSON, and back: an object with exactly the fields of the dataclass.

Reading is by the declared types, so that what is read equals what was written.
"""

from __future__ import annotations

import collections.abc
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin

import omprov.records
import omprov.repository
from omprov.records import Digest, parse_digest

_Record = TypeVar("_Record")
_NOT_FINITE = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def to_json(value: Any) -> Any:
    """Give JSON data for a record, or for what is made of records."""
    match value:
        case Enum():
            return value.value
        case datetime():
            return value.isoformat()
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case tuple() if (names := getattr(value, "_fields", None)) is not None:
            return {name: to_json(item) for name, item in zip(names, value, strict=True)}
        case Mapping():
            return {str(key): to_json(item) for key, item in value.items()}
        case list() | tuple():
            return [to_json(item) for item in value]
        case _ if is_dataclass(value):
            return {one.name: to_json(getattr(value, one.name)) for one in fields(value)}
        case _:
            return value


def from_json(kind: type[_Record], data: Any) -> _Record:
    """Read a record, or what is made of records.

    Args:
        kind: its type; ``list[Version]`` and the like, too.
        data: what `to_json` gave for one.
    """
    return cast("_Record", _read(kind, data))


def _read(kind: Any, data: Any) -> Any:
    if data is None or kind is Any:
        return data
    origin = get_origin(kind)
    if origin is not None:
        return _read_generic(origin, get_args(kind), data)
    if kind is Digest:
        return parse_digest(data)
    if kind is datetime:
        return datetime.fromisoformat(data)
    if kind is float:
        return _NOT_FINITE[data] if isinstance(data, str) else data
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(data)
    if isinstance(kind, type) and (is_dataclass(kind) or hasattr(kind, "_fields")):
        return _read_record(kind, data)
    return data


def _read_generic(origin: Any, arguments: tuple[Any, ...], data: Any) -> Any:
    if origin in {Union, types.UnionType}:
        return _read(_choose(arguments, data), data)
    if origin is Literal:
        return data
    if origin is tuple and arguments[-1] is not Ellipsis:
        return tuple(_read(kind, item) for kind, item in zip(arguments, data, strict=True))
    if origin is tuple:
        return tuple(_read(arguments[0], item) for item in data)
    if origin in {list, collections.abc.Sequence}:
        return [_read(arguments[0], item) for item in data]
    if origin in {dict, Mapping}:
        return {key: _read(arguments[1], item) for key, item in data.items()}
    if isinstance(origin, type) and hasattr(origin, "_fields"):
        return _read_record(origin, data)
    return data


def _choose(kinds: tuple[Any, ...], data: Any) -> Any:
    """Return the kind of a union that JSON data is of: of records, the one with its fields."""
    left = [kind for kind in kinds if kind is not type(None)]
    if isinstance(data, dict):
        for kind in left:
            if is_dataclass(kind) and {one.name for one in fields(kind)} == data.keys():
                return kind
    return left[0]


def _read_record(kind: Any, data: Any) -> Any:
    hints = _hints(kind)
    if isinstance(data, list):  # a named tuple
        return kind(*(_read(hint, item) for hint, item in zip(hints.values(), data, strict=True)))
    return kind(**{name: _read(hint, data[name]) for name, hint in hints.items() if name in data})


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """Return the types of a record's fields; their names are of our two rooms of records."""
    names = {
        name: getattr(room, name)
        for room in (omprov.records, omprov.repository)
        for name in room.__all__
    }
    known = {
        **names,
        "Any": Any,
        "datetime": datetime,
        "Literal": Literal,
        "Mapping": Mapping,
        "Sequence": collections.abc.Sequence,
        "Id": Any,
        "Content": Any,
        "Path": Any,
    }
    hints = typing.get_type_hints(kind, localns=known)
    wanted = kind._fields if hasattr(kind, "_fields") else [one.name for one in fields(kind)]
    return {name: hints[name] for name in wanted}
