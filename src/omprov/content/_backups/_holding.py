"""Holds the packs that some trees need, so that a backup finds them however long it takes."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omprov.content._care._census import take_census
from omprov.content._care._reach import PackReader, reach
from omprov.content._care._survey import tree_keys
from omprov.content._pack_folder import pack_file
from omprov.content._reliance import Reliance, no_collector, packs_removable
from omprov.errors import Damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from omprov.content._index import ChunkIndex
    from omprov.records import Digest

    Roots = Callable[[], Iterable[Digest]]


@dataclass(frozen=True, slots=True)
class HeldPacks:
    """The packs in which all lies that some trees reach.

    Attributes:
        sizes: pack → bytes.
        ages: pack → when it was written or freshened last, before it was held.
        absent: how many of the trees are not stored here at all.
    """

    sizes: dict[str, int]
    ages: dict[str, int]
    absent: int


@contextmanager
def held_packs(
    folder: Path, index: ChunkIndex, roots: Roots, preferred: Collection[str]
) -> Iterator[HeldPacks]:
    """Find out which packs some trees need, and keep them until the block ends.

    Args:
        folder: of the store.
        index: of the store.
        roots: gives the digests of the trees; called once, while nobody collects garbage.
        preferred: of copies of an object, the one in such a pack counts.

    Raises:
        Damaged: something that they reach is missing or cannot be read.
    """
    with Reliance(folder, index) as reliance:
        with no_collector(folder):
            found = _needed(folder, roots(), preferred)
            if len(reliance.hold(found.sizes)) < len(found.sizes):
                raise Damaged(
                    "a pack is gone, or cannot be held on to; nothing was done. "
                    "Run `omprov fsck`, and try again"
                )
            held = _ages(folder, found.sizes)
        try:
            yield found
        finally:
            _let_age(folder, found.ages, held)


def _needed(folder: Path, roots: Iterable[Digest], preferred: Collection[str]) -> HeldPacks:
    packs = folder / "packs"
    census = take_census(packs, lambda pack: (pack.name not in preferred, -pack.size))
    live = np.zeros(len(census.keys), np.bool_)
    keys = tree_keys(roots)
    reader = PackReader(packs, census)
    try:
        _, missing = reach(census, reader, keys, live, contents=True)
    finally:
        reader.close()
    if missing is not None:
        raise Damaged(
            f"{missing.objects} object(s) that versions need are missing ({missing.example}): "
            "nothing was done. `omprov fsck --repair` heals what it can, and names the versions"
        )
    needed = np.unique(census.pack[np.flatnonzero(live)]).tolist()
    return HeldPacks(
        {census.packs[pack].name: census.packs[pack].size for pack in needed},
        {census.packs[pack].name: census.packs[pack].modified for pack in needed},
        int((census.find(keys) < 0).sum()),
    )


def _ages(folder: Path, names: Iterable[str]) -> dict[str, int]:
    places = {name: folder / "packs" / pack_file(name) for name in names}
    return {name: place.stat().st_mtime_ns for name, place in places.items()}


def _let_age(folder: Path, before: dict[str, int], held: dict[str, int]) -> None:
    """Make packs as old as they were, but those that a writer relies on meanwhile.

    Else who backs up every day would never have anything to collect.
    """
    with suppress(OSError), packs_removable(folder):
        for name, age in before.items():
            place = folder / "packs" / pack_file(name)
            with suppress(FileNotFoundError):
                if place.stat().st_mtime_ns == held[name]:
                    os.utime(place, ns=(age, age))
