"""Values as people write them on a command line, and how they nest under dotted names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_INTEGER = re.compile(r"[+-]?(?:0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"[+-]?(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?")
_WORDS = {
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
    "null": None,
    "None": None,
}


def to_value(text: str) -> Any:
    """Return the number, truth value or null that a text is; else the text.

    Digits after a leading zero, and more than 18 digits, are a name rather than a number; what no
    JSON holds (infinities, NaN) stays text.
    """
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    if _NUMBER.fullmatch(text) and not re.fullmatch(r"[+-]?\d+", text):
        number = float(text)
        return text if number in {float("inf"), float("-inf")} else number
    return text


def is_number(text: str) -> bool:
    """Say whether a text is a number, a negative one included."""
    return _NUMBER.fullmatch(text) is not None or text.lower().lstrip("+-") in {"inf", "nan"}


def put_nested(values: dict[str, Any], name: str, value: Any) -> None:
    """Set a value under a dotted name, each dot one level; flat where a level holds a value."""
    *levels, last = name.split(".")
    if not last or not all(levels):
        values[name] = value
        return
    at = values
    for level in levels:
        below = at.setdefault(level, {}) if isinstance(at, dict) else None
        if not isinstance(below, dict):
            values[name] = value
            return
        at = below
    at[last] = value


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return two mappings in one, level by level; `over` wins."""
    result = dict(under)
    for name, value in over.items():
        below = result.get(name)
        both = isinstance(below, dict) and isinstance(value, dict)
        result[name] = merged(below, value) if both and below is not None else value
    return result
