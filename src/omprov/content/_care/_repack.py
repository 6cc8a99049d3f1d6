"""Copies what lives out of packs that go, stored bytes as they are, into one new pack."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from blake3 import blake3

from omprov.content._durable import create_locked, disk_errors_told, fsync_folder
from omprov.content._format._pack import Packed, encode_footer, encode_header
from omprov.content._pack_folder import pack_file
from omprov.errors import Damaged

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from omprov.content._format._objects import Key
    from omprov.content._index import ChunkIndex

    from ._census import Flags, Rows
    from ._reach import PackReader
    from ._survey import Survey


_BUFFER = 1 << 20


class Moved(NamedTuple):
    """What came of one round.

    Attributes:
        made: the name and the size of the new pack, where anything had to be moved.
        broken: packs that hold something that lives, and no whole copy of it: they must stay.
    """

    made: tuple[str, int] | None
    broken: frozenset[int]


class Repacker:
    """Moves objects in rounds of at most one new pack; remembers what was moved."""

    def __init__(self, folder: Path, index: ChunkIndex, survey: Survey, reader: PackReader) -> None:
        self._folder = folder
        self._index = index
        self._survey = survey
        self._reader = reader
        self._going = frozenset(survey.victims)
        self._secured: Flags = np.zeros(len(survey.live), np.bool_)
        self._mixed: dict[int, set[Key]] = {}

    def move(self, packs: Sequence[int]) -> Moved:
        """Make sure that whatever lives in these packs is whole elsewhere, durable and indexed.

        Raises:
            StorageFull: there is no room for the new pack; the old ones are as they were.
        """
        new = _NewPack(self._folder)
        try:
            broken = {pack for pack in packs if not self._move_from(pack, new)}
            if not new.objects:
                return Moved(None, frozenset(broken))
            newest = max(self._survey.census.packs[pack].modified for pack in packs)
            with disk_errors_told():
                name = new.seal(newest)
            self._index.add_pack(name, new.objects)
            return Moved((name, new.size), frozenset(broken))
        finally:
            new.abandon()

    def _move_from(self, pack: int, new: _NewPack) -> bool:
        return all(self._secure(row, new) for row in self._rows_of(pack).tolist())

    def _rows_of(self, pack: int) -> Rows:
        census = self._survey.census
        rows = np.flatnonzero(census.pack == pack)
        rows = rows[self._survey.live[census.first[rows]]]
        return rows[np.argsort(census.record[rows])]

    def _secure(self, row: int, new: _NewPack) -> bool:
        """See to it that the object of this row is whole in a pack that stays."""
        first = int(self._survey.census.first[row])
        if self._secured[first]:
            return True
        copies = self._reader.copies(first)
        if len(copies) == 1:
            self._secured[first] = self._copy(row, new)
            return bool(self._secured[first])
        if first in self._mixed:
            return self._secure_one_of(self._mixed[first], row, new)
        # No pack of theirs has gone yet: this is the first round that meets one of them.
        places = {copy: self._reader.place(copy) for copy in copies}
        if len({place.key for place in places.values()}) > 1:
            return self._secure_one_of(self._mixed.setdefault(first, set()), row, new)
        # One of another length says the same in another way, and is no copy of the one that counts.
        alike = [copy for copy in copies if places[copy].raw == places[first].raw]
        self._secured[first] = any(map(self._is_whole_elsewhere, alike)) or any(
            self._copy(copy, new) for copy in alike
        )
        return bool(self._secured[first])

    def _secure_one_of(self, secured: set[Key], row: int, new: _NewPack) -> bool:
        """Move an object that shares its short key with another one: each copy for itself."""
        key = self._reader.place(row).key
        if key not in secured and self._copy(row, new):
            secured.add(key)
        return key in secured

    def _is_whole_elsewhere(self, copy: int) -> bool:
        """Say whether this copy lies in a pack that stays; the index then looks for it there."""
        pack = int(self._survey.census.pack[copy])
        if pack in self._going:
            return False
        try:
            packed, _, _ = self._reader.stored(copy)
        except Damaged:
            return False
        self._index.add_pack(self._survey.census.packs[pack].name, [packed])
        return True

    def _copy(self, row: int, new: _NewPack) -> bool:
        try:
            packed, stored, _ = self._reader.stored(row)
        except Damaged:
            return False
        with disk_errors_told():
            new.append(packed, stored)
        return True


class _NewPack:
    """A pack in the making; its file is made with its first object."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path: Path | None = None
        self._descriptor = -1
        self._hash = blake3()
        self._buffer = bytearray()
        self.size = 0
        self.objects: list[Packed] = []

    def append(self, packed: Packed, stored: bytes) -> None:
        if self._path is None:
            self._path, self._descriptor = create_locked(self._folder / "tmp")
            self._write(encode_header())
        self.objects.append(packed._replace(offset=self.size))
        self._write(stored)

    def seal(self, modified: int) -> str:
        """Complete the pack, make it durable, put it in its place; return its name.

        It is as old as the youngest of those that it replaces.
        """
        assert self._path is not None
        self._write(encode_footer(self.objects, self.size))
        self._flush()
        os.utime(self._descriptor, ns=(modified, modified))
        os.fsync(self._descriptor)
        name = self._hash.hexdigest()
        packs = self._folder / "packs"
        self._path.rename(packs / pack_file(name))
        self._path = None
        fsync_folder(packs)
        return name

    def abandon(self) -> None:
        """Close the file, and delete it where it was not sealed."""
        try:
            if self._path is not None:
                self._path.unlink()
        except OSError:
            pass  # without its lock it is a leftover
        finally:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _write(self, data: bytes) -> None:
        self._hash.update(data)
        self.size += len(data)
        self._buffer += data
        if len(self._buffer) >= _BUFFER:
            self._flush()

    def _flush(self) -> None:
        with memoryview(self._buffer) as view:
            written = 0
            while written < len(view):
                written += os.write(self._descriptor, view[written:])
        self._buffer.clear()
