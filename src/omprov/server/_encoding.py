"""Records as JSON: every frozen record is an object with exactly its fields.

Digests are written as people see them (``b3:…``), times in ISO 8601, tuples as lists, enums by
value; numbers that JSON lacks are the strings ``NaN``, ``Infinity`` and ``-Infinity``. The way to
write a class is worked out from its annotations, once.
"""

from __future__ import annotations

import json
import math
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from pathlib import PurePath
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, Union

import pydantic_core

import omprov.catalog
import omprov.records
import omprov.repository
from omprov.records import Digest

Write: TypeAlias = "Callable[[Any], Any] | None"
"""Makes JSON data of a value; ``None`` where the value is JSON data already."""

NAMES: dict[str, Any] = {
    **{name: getattr(omprov.records, name) for name in omprov.records.__all__},
    **{
        name: getattr(omprov.repository, name)
        for name in ("Added", "Happened", "History", "Lineage", "Link", "MetricPoint", "Route")
    },
    "Mapping": Mapping,
    "Sequence": Sequence,
    "Any": Any,
    "Literal": Literal,
    "ChangeKind": omprov.catalog.ChangeKind,
    "datetime": datetime,
}
"""What annotations of records may name."""


def to_json(value: Any) -> bytes:
    """Write a record, or anything made of records, as JSON."""
    data = to_data(value)
    try:
        return pydantic_core.to_json(data, inf_nan_mode="strings")
    except pydantic_core.PydanticSerializationError:  # a name that is no UTF-8: escape it
        return json.dumps(_plain(data), allow_nan=False, separators=(",", ":")).encode()


def to_data(value: Any) -> Any:
    """Turn records into objects; times and numbers stay what they are."""
    kind: type = type(value)
    if is_record(kind):
        return writer_of(kind)(value)
    match value:
        case list() | tuple():
            return [to_data(item) for item in value]
        case dict():
            return {key: to_data(item) for key, item in value.items()}
        case _:
            return value


@cache
def is_record(kind: type) -> bool:
    """Say whether a class is one of records."""
    return is_dataclass(kind) or hasattr(kind, "_fields")


@cache
def hints_of(kind: type) -> dict[str, Any]:
    """Return the fields of a class of records, in order, with what they hold."""
    found = typing.get_type_hints(kind, localns=NAMES)
    names = getattr(kind, "_fields", None) or [field.name for field in fields(kind)]
    return {name: found[name] for name in names}


@cache
def writer_of(kind: type) -> Callable[[Any], dict[str, Any]]:
    """Return what makes an object of a record of this class."""
    steps = [(name, _writer(hint)) for name, hint in hints_of(kind).items()]

    def write(record: Any) -> dict[str, Any]:
        data = {}
        for name, step in steps:
            value = getattr(record, name)
            data[name] = value if step is None or value is None else step(value)
        return data

    return write


def _writer(hint: Any) -> Write:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Digest:
        return lambda digest: f"b3:{digest}"
    if origin in (Union, UnionType):
        some = [argument for argument in arguments if argument is not NoneType]
        return _writer(some[0]) if len(some) == 1 else to_data
    if origin is tuple and arguments[-1:] == (Ellipsis,):
        return _each(_writer(arguments[0]))
    if origin in (Mapping, dict):
        return _by_key(_writer(arguments[1]))
    if isinstance(hint, type) and is_record(hint):
        return lambda record: writer_of(hint)(record)  # noqa: PLW0108 the class may hold itself
    return None


def _each(step: Write) -> Write:
    if step is None:
        return None
    return lambda items: [step(item) for item in items]


def _by_key(step: Write) -> Write:
    if step is None:
        return None
    return lambda items: {key: None if item is None else step(item) for key, item in items.items()}


def _plain(value: Any) -> Any:
    """Turn data into what every writer of JSON can write."""
    match value:
        case Enum():
            return value.value
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case datetime():
            return value.isoformat()
        case PurePath():
            return str(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case str() | int() | float() | None:
            return value
        case Iterable():
            return [_plain(item) for item in value]
        case _:
            return str(value)
