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

_EVERY_ITEMS = 64
_EVERY_BYTES = 1 << 20


class Tally:
    """Adds up what was done and tells progress now and then, however often something is added."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._items = self._size = 0

    def add(self, items: int, size: int) -> None:
        """Count items and bytes that were done."""
        self._items += items
        self._size += size
        if self._items >= _EVERY_ITEMS or self._size >= _EVERY_BYTES:
            self.tell()

    def tell(self) -> None:
        """Tell what was added since the last time."""
        if self._progress is not None and (self._items or self._size):
            self._progress(Done(self._items, self._size))
        self._items = self._size = 0
