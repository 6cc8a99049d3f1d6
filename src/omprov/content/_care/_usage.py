"""What contents take up: as their owners count, each content once, and in the packs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omprov.content._format._objects import ObjectType

from ._census import short_keys, take_census
from ._reach import PackReader, reach

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from omprov.records import Digest

    from ._census import Census, Flags, Keys, Rows

_NOBODY, _SEVERAL = -1, -2


@dataclass(frozen=True, slots=True)
class Share:
    """What one group of contents takes up.

    Attributes:
        distinct: bytes of files, each content once.
        stored: bytes in packs of all that the group reaches.
        shared: those of them that another group reaches, too.
        absent: contents of which this store holds nothing.
    """

    distinct: int
    stored: int
    shared: int
    absent: int


@dataclass(frozen=True, slots=True)
class Usage:
    """What a store takes up.

    Attributes:
        shares: of each group.
        stored: bytes in packs that some group reaches, each once.
        shared: those of them that several groups reach.
        dead: bytes of objects in packs that nobody reaches, or that lie in another pack as well.
        packs: how many there are.
        pack_bytes: their bytes, with all that is in them.
        files: bytes of the whole files that checkouts may link to.
        caches: bytes of the chunk index and the stat cache.
    """

    shares: dict[str, Share]
    stored: int
    shared: int
    dead: int
    packs: int
    pack_bytes: int
    files: int
    caches: int


def measure_usage(folder: Path, contents: Mapping[str, Iterable[Digest]]) -> Usage:
    """Measure what a store takes up; see `ContentStore.usage`."""
    packs = folder / "packs"
    census = take_census(packs, lambda pack: (-pack.size,))
    reader = PackReader(packs, census)
    owners = _Owners(census, len(contents))
    found = {}
    try:
        for number, (name, digests) in enumerate(contents.items()):
            found[name] = _walk(census, reader, owners, number, digests)
    finally:
        reader.close()
    stored = owners.stored()
    return Usage(
        shares={
            name: Share(distinct, total, total - int(owners.alone[number]), absent)
            for number, (name, (distinct, total, absent)) in enumerate(found.items())
        },
        stored=stored,
        shared=owners.shared(),
        dead=int(census.stored.sum(dtype=np.int64)) - stored,
        packs=len(census.packs),
        pack_bytes=sum(pack.size for pack in census.packs),
        files=sum(path.stat().st_size for path in folder.glob("files/*")),
        caches=sum(path.stat().st_size for path in folder.glob("*.sqlite*")),
    )


def _walk(
    census: Census, reader: PackReader, owners: _Owners, number: int, digests: Iterable[Digest]
) -> tuple[int, int, int]:
    """Return the bytes of distinct files, the stored bytes, and how many roots are not here."""
    heads = b"".join(bytes.fromhex(digest[:16]) for digest in digests)
    roots = np.unique(short_keys(np.frombuffer(heads, "<u8"), ObjectType.TREE))
    files = _Files(len(census.keys))
    rows, _ = reach(census, reader, roots, np.zeros(len(census.keys), np.bool_), files.take)
    owners.add(rows, number)
    stored = int(census.stored[rows].sum(dtype=np.int64))
    return files.bytes, stored, int((census.find(roots) < 0).sum())


class _Files:
    """The files of one group, each content once."""

    def __init__(self, rows: int) -> None:
        self.bytes = 0
        self._seen: Flags = np.zeros(rows, np.bool_)
        self._not_here: set[int] = set()

    def take(self, rows: Rows, heads: Keys, sizes: Keys) -> None:
        here = rows >= 0
        self._add_stored(rows[here], sizes[here])
        for head, size in zip(heads[~here].tolist(), sizes[~here].tolist(), strict=True):
            if head not in self._not_here:
                self._not_here.add(head)
                self.bytes += size

    def _add_stored(self, rows: Rows, sizes: Keys) -> None:
        order = np.argsort(rows)
        rows, sizes = rows[order], sizes[order]
        new = ~self._seen[rows] & (np.diff(rows, prepend=-1) != 0)
        self._seen[rows[new]] = True
        self.bytes += int(sizes[new].sum())


class _Owners:
    """Which group reaches an object: one, several, or none."""

    def __init__(self, census: Census, groups: int) -> None:
        self._stored = census.stored
        self._of: NDArray[np.int32] = np.full(len(census.keys), _NOBODY, np.int32)
        self.alone: NDArray[np.int64] = np.zeros(groups, np.int64)
        """Of each group, the bytes that no other reaches."""

    def add(self, rows: Rows, group: int) -> None:
        """Note that a group reaches these objects, each once."""
        before = self._of[rows]
        fresh, second = rows[before == _NOBODY], rows[before >= 0]
        sizes = np.bincount(self._of[second], self._stored[second], minlength=len(self.alone))
        self.alone -= sizes.astype(np.int64)
        self.alone[group] += int(self._stored[fresh].sum(dtype=np.int64))
        self._of[fresh] = group
        self._of[second] = _SEVERAL

    def stored(self) -> int:
        """Return the bytes that some group reaches."""
        return int(self._stored[self._of != _NOBODY].sum(dtype=np.int64))

    def shared(self) -> int:
        """Return the bytes that several groups reach."""
        return int(self._stored[self._of == _SEVERAL].sum(dtype=np.int64))
