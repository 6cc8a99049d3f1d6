"""How far a long call has come."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias


class Done(NamedTuple):
    """What was done since the last time that progress was told."""

    items: int
    """Files, or packs."""
    bytes: int


class Expected(NamedTuple):
    """How much there is to do in all, as far as is known by now; a later one replaces it."""

    items: int
    """Files, or packs."""
    bytes: int


Progress: TypeAlias = Callable[[Done | Expected], None]
