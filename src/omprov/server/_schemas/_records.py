"""Schemas of answers: made from the records themselves, so that they cannot differ."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Mapping
from datetime import datetime
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union

from omprov.records import (
    Asset,
    AssetId,
    AssetName,
    AuditRow,
    Because,
    Change,
    Difference,
    Digest,
    Edge,
    Inherits,
    Member,
    Policy,
    Project,
    ProjectId,
    Run,
    RunId,
    SignIn,
    Token,
    TokenId,
    User,
    UserId,
    Version,
    VersionId,
)
from omprov.repository import Added, Happened, History, Lineage, Link, MetricPoint, Route
from omprov.server._encoding import hints_of, is_record

from ._examples import EXAMPLES

RECORDS: tuple[type, ...] = (
    *(Added, Asset, AssetName, AuditRow, Because, Change, Difference, Edge, Happened, History),
    *(Inherits, Lineage, Link, Member, MetricPoint, Policy, Project, Route, Run, SignIn, Token),
    *(User, Version),
)
"""The classes that answers are made of."""

_IDS = (AssetId, ProjectId, RunId, TokenId, UserId, VersionId)
_NUMBER = {
    "anyOf": [{"type": "number"}, {"type": "string", "enum": ["NaN", "Infinity", "-Infinity"]}]
}
_PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    float: _NUMBER,
    datetime: {"type": "string", "format": "date-time"},
    Digest: {"type": "string", "pattern": "^b3:[0-9a-f]{64}$"},
    Any: {},
}


def ref(kind: type) -> dict[str, str]:
    """Return what stands for the schema of a class."""
    return {"$ref": f"#/components/schemas/{kind.__name__}"}


def page_of(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a page of a list."""
    return {
        "type": "object",
        "properties": {
            "items": {"type": "array", "items": dict(item)},
            "next": {
                "type": ["string", "null"],
                "description": "The cursor of the next page; null on the last one.",
            },
        },
        "required": ["items", "next"],
        "additionalProperties": False,
    }


@cache
def components() -> dict[str, dict[str, Any]]:
    """Return the schemas of all classes of records, and of problems, by name."""
    enums: dict[str, dict[str, Any]] = {}
    found = {kind.__name__: _object(kind, enums) for kind in RECORDS}
    return {**found, **enums, "Problem": PROBLEM}


def schema_of(hint: Any, enums: dict[str, dict[str, Any]] | None = None) -> dict[str, Any]:
    """Return the schema of what an annotation says.

    Args:
        hint: the annotation.
        enums: gets the schemas of the enums that it names.
    """
    kept = {} if enums is None else enums
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    if hint in _IDS:
        return {"type": "string", "format": "uuid"}
    if origin in (Union, UnionType):
        some = [schema_of(one, kept) for one in arguments if one is not NoneType]
        if NoneType in arguments:
            some.append({"type": "null"})
        return {"anyOf": some}
    if origin is Literal:
        return {"type": "string", "enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": schema_of(arguments[0], kept)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": schema_of(arguments[1], kept)}
    if isinstance(hint, type) and issubclass(hint, Enum):
        kept[hint.__name__] = {
            "type": "string",
            "enum": [one.value for one in hint],
            "description": inspect.getdoc(hint) or "",
        }
        return ref(hint)
    if isinstance(hint, type) and is_record(hint):
        return ref(hint)
    supertype = getattr(hint, "__supertype__", None)  # other ids, and keys
    if supertype is not None:
        return schema_of(supertype, kept)
    return {}


def _object(kind: type, enums: dict[str, dict[str, Any]]) -> dict[str, Any]:
    said = _attributes(kind)
    properties = {}
    for name, hint in hints_of(kind).items():
        schema = schema_of(hint, enums)
        properties[name] = {**schema, "description": said[name]} if name in said else schema
    return {
        "type": "object",
        "description": (inspect.getdoc(kind) or "").partition("\n\n")[0],
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
        "examples": [EXAMPLES[kind.__name__]],
    }


def _attributes(kind: type) -> dict[str, str]:
    """Return what the docstring of a class says of its attributes."""
    _, _, section = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    said: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        begun = re.match(r" {4}(\w+): (.*)", line)
        if begun:
            name = begun[1]
            said[name] = begun[2].strip()
        elif name and line.startswith(" " * 8):
            said[name] += " " + line.strip()
    return {name: text.replace("``", "`") for name, text in said.items()}


PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What is wrong (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string", "description": "What the status means."},
        "status": {"type": "integer"},
        "detail": {
            "type": "string",
            "description": "What happened, to which thing, and what to do next.",
        },
        "error": {"type": "string", "description": "The class of the error in the Python library."},
        "fields": {"type": "object", "description": "The facts of the error."},
    },
    "required": ["type", "title", "status", "detail", "error", "fields"],
    "examples": [EXAMPLES["Problem"]],
}
