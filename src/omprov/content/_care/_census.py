"""The census: every object in every pack, as columns of numbers, from the packs' footers alone.

Ten million objects take a few hundred megabytes. An object is known by its *short key*: 61 bits of
its digest, and its type. Two objects may share one; they live and die together, which is safe.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from omprov.content._format._objects import ObjectType
from omprov.content._format._pack import Packed, read_records
from omprov.content._pack_folder import pack_file, pack_names
from omprov.errors import Damaged

from . import _condemned
from ._condemned import TYPE_BITS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    Number = TypeVar("Number", np.uint32, np.uint64)
    Keys = NDArray[np.uint64]
    Rows = NDArray[np.intp]
    Flags = NDArray[np.bool_]

assert sys.byteorder == "little", "packs are read as they lie"

RECORD = np.dtype(
    [
        ("head", "<u8"),
        ("rest", "V24"),
        ("offset", "<u8"),
        ("stored", "<u4"),
        ("raw", "<u4"),
        ("type", "u1"),
        ("compression", "u1"),
        ("zero", "<u2"),
    ]
)
"""A pack's record, as `docs/format.md` has it."""


class SeenPack(NamedTuple):
    """A pack as it was when the census was taken."""

    name: str
    size: int
    modified: int
    """In ns: a pack that was freshened since has another."""


@dataclass(frozen=True, slots=True)
class Census:
    """Every object, in the order of short keys; copies of one lie beside each other.

    Attributes:
        packs: best first: of copies, the one in the best pack counts. (A file object with the
            content is no copy of one with a reference, but takes its place in the same way.)
        keys: short keys.
        pack: which of `packs` a copy lies in.
        record: which of the pack's records it is.
        stored: its bytes there.
        first: the row of the copy that counts.
    """

    packs: tuple[SeenPack, ...]
    keys: Keys
    pack: NDArray[np.int32]
    record: NDArray[np.uint32]
    stored: NDArray[np.uint32]
    first: Rows

    def find(self, wanted: Keys) -> Rows:
        """Return the row of the copy that counts of each wanted object; -1 of what is not there."""
        if not len(self.keys):
            return np.full(len(wanted), -1)
        order = np.argsort(wanted)  # sorted questions are answered ten times faster
        rows = np.empty(len(wanted), np.intp)
        rows[order] = np.searchsorted(self.keys, wanted[order])
        rows[rows == len(self.keys)] = 0
        rows[self.keys[rows] != wanted] = -1
        return rows

    def sums(self, flags: Flags) -> NDArray[np.int64]:
        """Return, for each pack, the stored bytes of the flagged rows."""
        rows = np.flatnonzero(flags)
        sums = np.bincount(self.pack[rows], self.stored[rows], minlength=len(self.packs))
        return sums.astype(np.int64)

    def counts(self, flags: Flags) -> NDArray[np.int64]:
        """Return, for each pack, how many rows are flagged."""
        return np.bincount(self.pack[np.flatnonzero(flags)], minlength=len(self.packs))


def short_keys(heads: Keys, kind: ObjectType) -> Keys:
    """Return the short keys of objects of one type, by the first eight bytes of their digests."""
    return (heads & np.uint64(_condemned.DIGEST_BITS)) | np.uint64(kind)


def take_census(packs: Path, rank: Callable[[SeenPack], tuple[int, ...]]) -> Census:
    """Read the footers of all packs.

    Args:
        packs: their folder.
        rank: tells which of two packs is better: the lower one.

    Raises:
        Damaged: a pack's footer cannot be read: nobody knows what is in it.
        SchemaMismatch: a newer release wrote one.
    """
    seen = tuple(sorted(look_at_packs(packs), key=rank))
    parts = [_read_part(packs, pack) for pack in seen]
    keys = _joined([part[0] for part in parts], np.uint64)
    stored = _joined([part[1] for part in parts], np.uint32)
    lengths = [len(part[0]) for part in parts]
    del parts
    order = np.lexsort((_preference(keys, stored), keys))  # stable: then the better pack counts
    keys = keys[order]
    pack = np.repeat(np.arange(len(seen), dtype=np.int32), lengths)[order]
    record = _joined([np.arange(length, dtype=np.uint32) for length in lengths], np.uint32)[order]
    stored = stored[order]
    del order
    return Census(seen, keys, pack, record, stored, _first_rows(keys))


def _preference(keys: Keys, stored: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Put file objects whose content is held before those that are references: they are longer."""
    is_file = (keys & np.uint64(TYPE_BITS)) == ObjectType.FILE
    return np.where(is_file, stored, np.uint32(0))


def look_at_packs(packs: Path) -> list[SeenPack]:
    """Return the packs that are there, by name."""
    found = []
    for name in sorted(pack_names(packs)):
        try:
            stat = (packs / pack_file(name)).stat()
        except FileNotFoundError:
            continue
        found.append(SeenPack(name, stat.st_size, stat.st_mtime_ns))
    return found


def read_table(descriptor: int, name: str) -> NDArray[np.void]:
    """Read a pack's records as one table.

    Raises:
        Damaged: the footer is not what was written.
    """
    return np.frombuffer(read_records(descriptor, name), RECORD)


def packed_at(table: NDArray[np.void], record: int) -> Packed:
    """Return one record of a pack as the rest of the store knows it."""
    head, rest, offset, stored, raw, kind, compression, _ = table[record].item()
    digest = head.to_bytes(8, "little") + bytes(rest)
    return Packed(digest, offset, stored, raw, kind, compression)


def _read_part(packs: Path, pack: SeenPack) -> tuple[Keys, NDArray[np.uint32]]:
    try:
        descriptor = os.open(packs / pack_file(pack.name), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise Damaged(f"pack {pack.name} has just gone; try again") from error
    try:
        table = read_table(descriptor, pack.name)
    finally:
        os.close(descriptor)
    keys = (table["head"] & np.uint64(_condemned.DIGEST_BITS)) | table["type"]
    return keys, table["stored"].copy()


def _joined(parts: list[NDArray[Number]], kind: type[Number]) -> NDArray[Number]:
    return np.concatenate([np.empty(0, kind), *parts])


def _first_rows(keys: Keys) -> Rows:
    first = np.arange(len(keys))
    if len(keys):
        first[1:][keys[1:] == keys[:-1]] = 0
        np.maximum.accumulate(first, out=first)
    return first


def is_node(keys: Keys) -> Flags:
    """Tell which are trees, files or lists: what names other objects."""
    types = keys & np.uint64(TYPE_BITS)
    return (types >= ObjectType.TREE) & (types <= ObjectType.LIST)
