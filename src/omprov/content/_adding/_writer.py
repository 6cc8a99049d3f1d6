"""Writes objects into new packs, each object once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.content._durable import fsync_folder
from omprov.content._pack_folder import read_pack_footer
from omprov.content._reliance import Reliance

from ._packing import Packing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from omprov.content._format._objects import Key
    from omprov.content._format._pack import Packed
    from omprov.content._index import ChunkIndex

    from ._packing import PackFile

_WAITING_SIZE = 4 << 20
_WAITING_OBJECTS = 2048


class ObjectWriter:
    """Collects objects and writes those that the store lacks.

    Objects reach the packs in the order in which they were added, so a tree never comes before
    what it names. Nothing counts as stored before `commit` returns; leaving the ``with`` block by
    an error drops the pack at hand (earlier ones stay, as unused bytes).

    Args:
        folder: of the store.
        index: says what is stored already.
    """

    content = True

    def __init__(self, folder: Path, index: ChunkIndex) -> None:
        self.folder = folder
        self._index = index
        self._reliance = Reliance(folder, index)
        self._waiting: dict[Key, bytes] = {}
        self._waiting_size = 0
        self._packing = Packing(folder, index.add_pack)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._reliance.close()
        self._packing.close()

    def lacks(self, keys: Iterable[Key], *, held: bool = True) -> set[Key]:
        """Return those of `keys` that are neither stored nor about to be; the others stay.

        Args:
            keys: which.
            held: file objects that are references count as not stored.
        """
        wanted = set(keys)
        wanted.difference_update(self._waiting)
        return self._not_placed(wanted, held=held)

    def add(self, key: Key, raw: bytes) -> None:
        """Store an object unless it is stored already."""
        self._waiting[key] = raw
        self._waiting_size += len(raw)
        if self._waiting_size >= _WAITING_SIZE or len(self._waiting) >= _WAITING_OBJECTS:
            self._place()

    def take_in(self, name: str) -> list[Packed]:
        """Take note of a pack that another process put in its place; return what it holds."""
        objects = read_pack_footer(self.folder / "packs", name)
        self._index.add_pack(name, objects)
        return objects

    def hold(self) -> None:
        """Let no pack appear before `commit` or `publish`: it may name what others still write."""
        self._packing.holding = True

    def cut(self) -> list[PackFile]:
        """Return held packs with everything that was added so far, for `publish`."""
        self._place()
        return self._packing.ended()

    def publish(self, packs: Iterable[PackFile]) -> None:
        """Let held packs appear, durably; everything that they name must be stored by now."""
        for pack in packs:
            self._packing.publish(pack)

    def commit(self) -> None:
        """Make everything that was added durable."""
        packs = self.cut()
        self.publish(packs)
        if not packs:  # else the folder was made durable with the last one
            fsync_folder(self.folder / "packs")  # what others stored, and is relied upon

    def _not_placed(self, keys: set[Key], *, held: bool = True) -> set[Key]:
        unknown = {key for key in keys if not self._packing.has(key)}
        return unknown - self._reliance.known(unknown, held=held) if unknown else unknown

    def _place(self) -> None:
        waiting, self._waiting, self._waiting_size = self._waiting, {}, 0
        lacking = self._not_placed(set(waiting))
        for key, raw in waiting.items():
            if key in lacking:
                self._packing.add(key, raw)
