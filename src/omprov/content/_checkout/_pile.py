"""A list that goes to the disk when it grows: plans name millions of files."""

from __future__ import annotations

import pickle
import tempfile
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 8192
"""So many items are in memory."""

Item = TypeVar("Item")


class Pile(Generic[Item]):
    """Items in the order in which they were added; all but the last few lie in a nameless file.

    Args:
        folder: where that file is made, should there be one.
    """

    def __init__(self, folder: bytes) -> None:
        self._folder = folder
        self._file: Any = None
        self._places: list[int] = []
        self._last: list[Item] = []

    def append(self, item: Item) -> None:
        """Add an item at the end."""
        self._last.append(item)
        if len(self._last) == BLOCK:
            if self._file is None:
                self._file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - `close` does
            self._places.append(self._file.seek(0, 2))
            pickle.dump(self._last, self._file)
            self._last = []

    def __len__(self) -> int:
        return len(self._places) * BLOCK + len(self._last)

    def __iter__(self) -> Iterator[Item]:
        for place in self._places:
            yield from self._block(place)
        yield from self._last

    def __reversed__(self) -> Iterator[Item]:
        yield from reversed(self._last)
        for place in reversed(self._places):
            yield from reversed(self._block(place))

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()

    def _block(self, place: int) -> list[Item]:
        self._file.seek(place)
        block: list[Item] = pickle.load(self._file)  # noqa: S301 - written by this very object
        return block
