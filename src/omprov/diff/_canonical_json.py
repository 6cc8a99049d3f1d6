"""JSON values as bytes: two are equal as bytes if and only if they are equal as values."""

from __future__ import annotations

import json
from typing import Any

_WHOLE = 1 << 53  # floats below are whole numbers without loss


def _number(text: str) -> float | int:
    value = float(text)
    return int(value) if value.is_integer() and abs(value) < _WHOLE else value


_SCANNER = json.JSONDecoder()
_DECODER = json.JSONDecoder(parse_float=_number)
_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), check_circular=False)


def canonical(value: Any) -> bytes:
    """Write a value that `decode` gave, keys sorted."""
    return _ENCODER.encode(value).encode()


def decode(text: str) -> Any:
    """Read a JSON text; 1.0 becomes 1, for numbers are equal by value.

    Raises:
        ValueError: it is no JSON.
        RecursionError: it is nested too deep.
    """
    return _DECODER.decode(text)


def end_of_value(text: str, start: int) -> int:
    """Return where the JSON value at an offset ends; raises as `decode` does."""
    return _SCANNER.raw_decode(text, start)[1]
