"""Walks what trees reach, over the census: level by level, each object once, in the packs' order.

Nothing is held for an object but a bit and, while its level is read, a number.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from omprov.content._format._lists import measure_list
from omprov.content._format._nodes import EntryKind, measure_node
from omprov.content._format._objects import WHOLE, Key, ObjectType, decode_file, is_intact
from omprov.content._format._pack import unpack
from omprov.content._pack_folder import pack_file
from omprov.errors import Damaged

from ._census import is_node, packed_at, read_table, short_keys
from ._condemned import short_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from omprov.content._format._pack import Packed

    from ._census import Census, Flags, Keys, Rows

_AT_ONCE = 1 << 18
_LIST_HEAD = 16


class Tally(Protocol):
    """Is told of the contents of files that trees name."""

    def __call__(self, rows: Rows, heads: Keys, sizes: Keys) -> None:
        """Take files: their rows (-1 where not stored), digests' heads, and sizes."""
        ...


class Missing(NamedTuple):
    """What a walk did not find: how many objects, and how one of them is called."""

    objects: int
    example: str


class PackReader:
    """Reads objects by their row in the census; keeps one pack open."""

    def __init__(self, packs: Path, census: Census) -> None:
        self._packs = packs
        self._census = census
        self._at = -1
        self._descriptor = -1
        self._table: NDArray[np.void] = np.empty(0, np.void)

    def close(self) -> None:
        """Close the pack at hand."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._at = self._descriptor = -1

    def place(self, row: int) -> Packed:
        """Return where a copy lies."""
        self._open(int(self._census.pack[row]))
        return packed_at(self._table, int(self._census.record[row]))

    def stored(self, row: int) -> tuple[Packed, bytes, bytes]:
        """Return where a copy lies, its stored bytes, and its raw bytes, which are verified.

        Raises:
            Damaged: they are not what was written.
        """
        packed = self.place(row)
        name = self._census.packs[self._at].name
        stored = os.pread(self._descriptor, packed.stored, packed.offset)
        raw = unpack(packed, stored, name)
        if not is_intact(packed.key, raw):
            raise Damaged(f"{packed.key} in pack {name} is damaged")
        return packed, stored, raw

    def copies(self, row: int) -> range:
        """Return the rows of all copies of the object whose first row this is."""
        keys, end = self._census.keys, row + 1
        while end < len(keys) and keys[end] == keys[row]:
            end += 1
        return range(row, end)

    def distinct(self, row: int) -> Iterator[tuple[Packed, bytes]]:
        """Give each object of this short key with its raw bytes: nearly always one.

        Raises:
            Damaged: every copy of one is.
        """
        copies = self.copies(row)
        if len(copies) == 1:
            packed, _, raw = self.stored(row)
            yield packed, raw
            return
        errors: dict[tuple[Key, int], Damaged] = {}
        done: dict[Key, int] = {}
        for copy in copies:
            place = self.place(copy)
            if place.key in done:
                continue
            try:
                packed, _, raw = self.stored(copy)
            except Damaged as error:
                errors[place.key, place.raw] = error
                continue
            done[place.key] = place.raw
            yield packed, raw
        # A copy of another length may name something else: it does not stand in for a damaged one.
        lost = [error for (key, length), error in errors.items() if done.get(key) != length]
        if lost:
            raise lost[0]

    def _open(self, pack: int) -> None:
        if pack == self._at:
            return
        self.close()
        name = self._census.packs[pack].name
        try:
            self._descriptor = os.open(self._packs / pack_file(name), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise Damaged(f"pack {name} is gone") from error
        self._table = read_table(self._descriptor, name)
        self._at = pack


def reach(
    census: Census,
    reader: PackReader,
    roots: Keys,
    marked: Flags,
    tally: Tally | None = None,
    *,
    contents: bool = False,
) -> tuple[Rows, Missing | None]:
    """Mark everything that the roots reach, themselves included; what is marked is not entered.

    Args:
        census: all objects.
        reader: reads them.
        roots: short keys of trees, files or lists; those that are not stored are passed over.
        marked: for each row of the census; the rows that count are set.
        tally: told of files' contents, by every tree that is entered.
        contents: miss chunks and references as well.

    Returns:
        The rows that were marked, and which trees, files and lists were not found below the roots.

    Raises:
        Damaged: a tree, file or list cannot be read.
    """
    walk = _Walk(census, marked, tally, contents=contents)
    walk.take(roots, must_exist=False)
    reached = [walk.next_level()]
    while (rows := reached[-1]).size:
        for row in _in_pack_order(census, rows[is_node(census.keys[rows])]):
            for packed, raw in reader.distinct(int(row)):
                walk.enter(packed, raw)
        reached.append(walk.next_level())
    return np.concatenate(reached), walk.missing()


class _Walk:
    """What the objects of one level name."""

    def __init__(
        self, census: Census, marked: Flags, tally: Tally | None, *, contents: bool
    ) -> None:
        self._census = census
        self._contents = contents
        self._marked = marked
        self._tally = tally
        self._keys: list[Keys] = []
        self._files: list[tuple[Keys, Keys]] = []
        self._waiting = 0
        self._new: list[Rows] = []
        self._lost = 0
        self._example = ""

    def enter(self, packed: Packed, raw: bytes) -> None:
        """Note what an object names."""
        match packed.type:
            case ObjectType.TREE:
                self._enter_tree(raw)
            case ObjectType.LIST:
                level, count = measure_list(raw)
                heads = np.frombuffer(raw, "<u8", count * 4, _LIST_HEAD + count * 8)[::4]
                self._name(short_keys(heads, ObjectType.LIST if level else ObjectType.CHUNK))
            case _:
                target = decode_file(raw, packed.digest).target
                self._name(np.array([short_key(target)], np.uint64))
        if self._waiting >= _AT_ONCE:
            self._settle()

    def _enter_tree(self, raw: bytes) -> None:
        _, count, start = measure_node(raw)
        kinds = np.frombuffer(raw, np.uint8, count, start)
        sizes = np.frombuffer(raw, "<u8", count, start + count)
        heads = np.frombuffer(raw, "<u8", count * 4, start + count * 17)[::4]
        below = (kinds == EntryKind.FOLDER) | (kinds == EntryKind.PAGE)
        referred = kinds == EntryKind.REFERENCE
        if below.any():
            self._name(short_keys(heads[below], ObjectType.TREE))
        if referred.any():
            self._name(short_keys(heads[referred], ObjectType.REFERENCE))
        files = ~(below | referred) & (sizes > 0)
        if files.any():
            self._files.append((heads[files], sizes[files]))
            self._waiting += count

    def _name(self, keys: Keys) -> None:
        self._keys.append(keys)
        self._waiting += len(keys)

    def next_level(self) -> Rows:
        """Return the rows that were marked since the last level."""
        self._settle()
        rows = np.concatenate([np.empty(0, np.intp), *self._new])
        self._new.clear()
        return rows

    def missing(self) -> Missing | None:
        """Return what was named and is not there."""
        return Missing(self._lost, self._example) if self._lost else None

    def _settle(self) -> None:
        if self._keys:
            self.take(np.concatenate(self._keys))
        if self._files:
            heads, sizes = (np.concatenate(column) for column in zip(*self._files, strict=True))
            self._take_files(heads, sizes)
        self._keys.clear()
        self._files.clear()
        self._waiting = 0

    def _take_files(self, heads: Keys, sizes: Keys) -> None:
        chunks, files = (short_keys(heads, kind) for kind in (ObjectType.CHUNK, ObjectType.FILE))
        rows = np.where(sizes < WHOLE, self._census.find(chunks), -1)
        otherwise = rows < 0  # large, or kept by reference
        rows[otherwise] = self._census.find(files[otherwise])
        self._mark(rows[rows >= 0])
        self._lose(np.where(sizes < WHOLE, chunks, files)[rows < 0])
        if self._tally is not None:
            self._tally(rows, heads, sizes)

    def take(self, keys: Keys, *, must_exist: bool = True) -> None:
        """Mark objects."""
        rows = self._census.find(keys)
        self._mark(rows[rows >= 0])
        if must_exist:
            self._lose(keys[rows < 0])

    def _mark(self, rows: Rows) -> None:
        new = np.sort(rows[~self._marked[rows]])
        new = new[np.diff(new, prepend=-1) != 0]
        self._marked[new] = True
        self._new.append(new)

    def _lose(self, keys: Keys) -> None:
        """Note trees, files and lists that are not there: nothing is known of what they reach."""
        if not self._contents:
            keys = keys[is_node(keys)]
        if len(keys):
            self._lost += len(keys)
            key = int(keys[0])
            kind = ObjectType(key & 7).name.lower()
            self._example = f"{kind} {(key & ~7).to_bytes(8, 'little')[1:].hex()}"


def _in_pack_order(census: Census, rows: Rows) -> Rows:
    return rows[np.lexsort((census.record[rows], census.pack[rows]))]
