"""How deep JSON data may be nested: whoever writes it out again goes down as deep."""

from __future__ import annotations

from typing import Any

from omprov.errors import InvalidInput

DEEPEST = 100
"""Levels of lists and objects in each other."""


def check_depth(data: Any) -> None:
    """Raise `InvalidInput` where JSON data is nested so deep that it could not be read again."""
    level = [data]
    for _ in range(DEEPEST + 1):
        inner: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                inner += one.values()
            elif isinstance(one, (list, tuple)):
                inner += one
        if not inner:
            return
        level = inner
    raise InvalidInput(f"the data is nested deeper than {DEEPEST} levels")
