"""Makes the chunk index again from the packs alone."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.content._database import discard_database
from omprov.content._index import ChunkIndex
from omprov.content._pack_folder import pack_file, pack_names, read_pack_footer
from omprov.content._progress import Done
from omprov.errors import Busy, Damaged, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from omprov.content._progress import Progress

INDEX = "index.sqlite"


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What the new index knows.

    Attributes:
        packs: how many.
        objects: how many different ones.
        unreadable: packs whose footers are damaged: what is in them is not known.
    """

    packs: int
    objects: int
    unreadable: tuple[str, ...] = ()


def rebuild(packs: Path, index: ChunkIndex, progress: Progress | None = None) -> Rebuilt:
    """Empty an index and fill it from the footers of the packs.

    Raises:
        SchemaMismatch: a newer release wrote a pack.
    """
    index.clear()
    unreadable = []
    for name in sorted(pack_names(packs)):
        try:
            objects = read_pack_footer(packs, name)
        except FileNotFoundError:  # collected meanwhile
            continue
        except Damaged:
            unreadable.append(name)
        else:
            index.add_pack(name, objects)
        if progress is not None:
            progress(Done(1, (packs / pack_file(name)).stat().st_size))
    known, count = index.count()
    return Rebuilt(known, count, tuple(unreadable))


def rebuild_anew(folder: Path, progress: Progress | None = None) -> Rebuilt:
    """Make the index of a store again, whatever is the matter with the old one.

    One that is garbage goes. One that another process keeps locked for longer than we wait is left
    to that process, without its name.
    """
    if not os.access(folder, os.W_OK):
        raise Unavailable(f"{folder} cannot be written, so its index cannot be made again")
    path = folder / INDEX
    try:
        return _rebuild_at(path, folder / "packs", progress)
    except (Busy, Damaged):
        discard_database(path)
        return _rebuild_at(path, folder / "packs", progress)


def _rebuild_at(path: Path, packs: Path, progress: Progress | None) -> Rebuilt:
    index = ChunkIndex(path)
    try:
        return rebuild(packs, index, progress)
    finally:
        index.close()
