"""Lengths of time as people write them."""

from __future__ import annotations

import re
from datetime import timedelta

from omprov.errors import InvalidInput

_UNITS = {
    "": "seconds",
    "s": "seconds",
    "m": "minutes",
    "min": "minutes",
    "h": "hours",
    "d": "days",
    "w": "weeks",
}
_TEXT = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]*)\s*", re.IGNORECASE)
_LONGEST = timedelta(days=36_500)


def parse_duration(text: str) -> timedelta:
    """Read a length of time: a number and a unit, as in ``90 s``, ``30m``, ``24h``, ``2 days``.

    Raises:
        InvalidInput: it is none, or longer than a hundred years.
    """
    match = _TEXT.fullmatch(text)
    unit = match[2].lower() if match else "?"
    name = _UNITS.get(unit) or next((n for n in _UNITS.values() if unit in {n, n[:-1]}), None)
    if match is None or name is None:
        raise InvalidInput(f"{text!r} is no length of time: write for example 90s, 30m, 24h or 2d")
    try:
        length = timedelta(**{name: float(match[1])})
    except OverflowError:
        length = timedelta.max
    if length > _LONGEST:
        raise InvalidInput(f"{text!r} is too long: take at most a hundred years")
    return length
