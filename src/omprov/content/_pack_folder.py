"""The folder of packs: which there are, what they list, and what dead writers left behind."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from omprov.errors import Damaged

from ._format._pack import Packed, read_footer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ._format._objects import Key
    from ._index import ChunkIndex

_SUFFIX = ".pack"


def pack_file(name: str) -> str:
    """Return the file name of a pack."""
    return name + _SUFFIX


def pack_names(packs: Path) -> set[str]:
    """Return the names of the packs that are there."""
    end = -len(_SUFFIX)
    return {name[:end] for name in os.listdir(packs) if name.endswith(_SUFFIX)}  # noqa: PTH208 - paths would take ten times as long


def read_pack_footer(packs: Path, name: str) -> list[Packed]:
    """Read what one pack lists.

    Raises:
        Damaged: its footer cannot be read.
        SchemaMismatch: a newer release wrote it.
        FileNotFoundError: it is gone.
    """
    descriptor = os.open(packs / pack_file(name), os.O_RDONLY | os.O_CLOEXEC)
    try:
        return read_footer(descriptor, name)
    finally:
        os.close(descriptor)


def iter_footers(packs: Path) -> Iterator[tuple[str, list[Packed]]]:
    """Give each pack with what it lists; those that cannot be read are passed over."""
    for name in sorted(pack_names(packs)):
        with suppress(Damaged, FileNotFoundError):
            yield name, read_pack_footer(packs, name)


def refresh_index(packs: Path, index: ChunkIndex) -> None:
    """Bring the index up to date with the packs that are there.

    A pack whose footer is damaged stays out: `fsck` tells of it.
    """
    known = index.packs()  # first: what another process adds meanwhile is not gone
    there = pack_names(packs)
    gone = known - there
    if gone:
        orphans = {key for name in gone for key in index.objects_of(name)}
        index.remove_packs(gone)
        _find_elsewhere(packs, index, orphans)
    _index_packs(packs, index, there - known)


def _find_elsewhere(packs: Path, index: ChunkIndex, orphans: set[Key]) -> None:
    """Tell the index of other copies of objects whose pack is gone: it knows one place of each."""
    if not orphans:
        return
    for name, objects in iter_footers(packs):
        copies = [packed for packed in objects if packed.key in orphans]
        if copies:
            index.add_pack(name, copies, found=True)


def index_new_packs(packs: Path, index: ChunkIndex) -> None:
    """Tell the index of packs that it does not know; forget none."""
    _index_packs(packs, index, pack_names(packs) - index.packs())


def _index_packs(packs: Path, index: ChunkIndex, names: Iterable[str]) -> None:
    for name in sorted(names):
        with suppress(Damaged, FileNotFoundError):
            index.add_pack(name, read_pack_footer(packs, name), found=True)


def remove_leftovers(folder: Path, *, dry_run: bool = False) -> int:
    """Delete a store's temporary files whose writers are gone; see `remove_unlocked`."""
    return remove_unlocked(folder / "tmp", dry_run=dry_run)


def remove_unlocked(folder: Path, *, dry_run: bool = False) -> int:
    """Delete the files in a folder whose writers are gone: a living writer holds a lock on its.

    One that cannot be deleted does no harm.

    Returns:
        How many bytes they held.
    """
    freed = 0
    for path in folder.iterdir():
        with suppress(OSError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            size = os.fstat(file.fileno()).st_size
            if not dry_run:
                path.unlink()
            freed += size
    return freed
