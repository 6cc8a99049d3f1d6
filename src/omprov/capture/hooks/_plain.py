"""Values of frameworks as JSON values and numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import PurePath
from typing import Any

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_LONGEST = 500


def plain(value: Any) -> Any:
    """Return the JSON value that says the same, or else a text.

    Texts are cut at 500 characters where they stand for objects, and hold no addresses of memory,
    so that the same settings give the same values in every process.
    """
    match value:
        case None | bool() | int() | str():
            return value.value if isinstance(value, Enum) else value
        case float():
            return float(value) if math.isfinite(value) else str(value)
        case Enum():
            return plain(value.value)
        case Mapping():
            return {str(key): plain(one) for key, one in value.items()}
        case list() | tuple():
            return [plain(one) for one in value]
        case set() | frozenset():
            return sorted((plain(one) for one in value), key=str)
        case PurePath():
            return str(value)
        case type():
            return f"{value.__module__}.{value.__qualname__}"
    single = _single(value)
    if single is not None:
        return plain(single)
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{value.__module__}.{value.__qualname__}"
    return _ADDRESS.sub("", repr(value))[:_LONGEST]


def number(value: Any) -> float | None:
    """Return a number, also that of an array or tensor that holds just one; ``None`` else."""
    found = value if isinstance(value, bool | int | float) else _single(value)
    return float(found) if isinstance(found, bool | int | float) else None


def numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Return those of the values that are numbers."""
    found = {str(name): number(value) for name, value in values.items()}
    return {name: value for name, value in found.items() if value is not None}


def _single(value: Any) -> bool | int | float | str | None:
    """Return what an array or tensor holds if it is just one; ``None`` else."""
    item = getattr(value, "item", None)
    if not callable(item):
        return None
    try:
        found = item()
    except (TypeError, ValueError, RuntimeError):  # it holds more
        return None
    return found if isinstance(found, bool | int | float | str) else None
