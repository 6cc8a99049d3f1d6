"""What the collector finds: which objects live, and which packs are worth rewriting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from omprov.content._adding._packing import PACK_OBJECTS, PACK_SIZE
from omprov.content._format._objects import ObjectType
from omprov.content._reliance import oldest_writer
from omprov.errors import Damaged

from ._census import is_node, look_at_packs, short_keys, take_census
from ._condemned import CONDEMNED, read_condemned
from ._reach import PackReader, reach

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from omprov.records import Digest

    from ._census import Census, Flags, Keys, SeenPack

DEAD_SHARE = 0.25
"""A pack is rewritten once more than this share of its bytes is dead …"""
SMALL_SHARE = 4
"""… and merged with others while it is smaller than a full one's fourth …"""
FEW = 8
"""… and there are at least so many small ones."""


@dataclass(frozen=True, slots=True)
class Survey:
    """The census with what lives.

    Attributes:
        census: every object.
        live: for each row, whether it is the copy that counts of an object that stays.
        young: for each pack, whether it is too young to be touched.
        victims: the packs to do away with, best order first.
        absent: how many roots are not stored here at all.
    """

    census: Census
    live: Flags
    young: Flags
    victims: tuple[int, ...]
    absent: int

    def is_dead_node(self) -> Flags:
        """Tell which rows are trees, files or lists that nothing reaches."""
        return is_node(self.census.keys) & ~self.live[self.census.first]

    def is_unchanged(self, packs: Path) -> bool:
        """Tell whether no pack came, went, or was freshened since the survey."""
        return sorted(self.census.packs) == look_at_packs(packs)


def survey(
    folder: Path, roots: Iterable[Digest], *, now: int, grace: int, earlier: Survey | None = None
) -> Survey:
    """Find out what lives.

    What lies in a pack that was written or freshened within the grace period, or since the oldest
    writer at work began, counts as reached: somebody may be about to name it.

    Args:
        folder: of the store.
        roots: digests of the trees to keep; read after the packs were looked at.
        now: by the file system's clock, in ns.
        grace: in ns.
        earlier: a survey that did not hold: what was freshened since is young whatever its age.

    Raises:
        Damaged: something cannot be read, so nobody knows what it reaches.
    """
    cutoff = now - grace
    writer = oldest_writer(folder)
    before = None if earlier is None else frozenset(earlier.census.packs)

    def is_young(pack: SeenPack) -> bool:
        relied_upon = writer is not None and pack.modified >= writer
        return pack.modified > cutoff or relied_upon or (before is not None and pack not in before)

    packs = folder / "packs"
    census = take_census(packs, lambda pack: (not is_young(pack), -pack.size))
    young = np.array([is_young(pack) for pack in census.packs], np.bool_)
    live = np.zeros(len(census.keys), np.bool_)
    reader = PackReader(packs, census)
    try:
        keys = tree_keys(roots)
        absent = int((census.find(keys) < 0).sum())
        _, missing = reach(census, reader, keys, live)
        if missing is not None:
            raise Damaged(
                f"{missing.objects} object(s) that versions need are missing ({missing.example}): "
                "nothing was collected. `omprov fsck` names the versions"
            )
        reach(census, reader, _young_nodes(folder, census, young, live), live)
    finally:
        reader.close()
    return Survey(census, live, young, _victims(census, live, young), absent)


def tree_keys(roots: Iterable[Digest]) -> Keys:
    """Return the short keys of trees."""
    heads = b"".join(bytes.fromhex(digest[:16]) for digest in roots)
    return np.unique(short_keys(np.frombuffer(heads, "<u8"), ObjectType.TREE))


def _young_nodes(folder: Path, census: Census, young: Flags, live: Flags) -> Keys:
    """Return the nodes in young packs, but for those on which no writer can have relied."""
    rows = young[census.pack] & is_node(census.keys) & ~live[census.first]
    keys = np.unique(census.keys[rows])
    condemned = read_condemned(folder / CONDEMNED)
    if condemned is None:
        return keys
    return np.setdiff1d(keys, np.frombuffer(condemned, "<u8"), assume_unique=True)


def _victims(census: Census, live: Flags, young: Flags) -> tuple[int, ...]:
    alive = census.sums(live)
    every = np.ones(len(live), np.bool_)
    total, count = census.sums(every), census.counts(every)
    dead_nodes = census.counts(is_node(census.keys) & ~live[census.first])
    sizes = np.array([pack.size for pack in census.packs], np.int64)
    wasteful = (total - alive > DEAD_SHARE * total) | (dead_nodes > 0) | (total == 0)
    small = (sizes < PACK_SIZE // SMALL_SHARE) & (count < PACK_OBJECTS // SMALL_SHARE)
    small &= ~young & ~wasteful
    chosen = ~young & wasteful
    if small.sum() >= FEW:
        chosen |= small
    order = sorted(
        np.flatnonzero(chosen).tolist(),
        key=lambda pack: (bool(alive[pack]), census.packs[pack].modified, census.packs[pack].name),
    )
    return tuple(order)


def live_bytes(survey: Survey) -> NDArray[np.int64]:
    """Return the stored bytes of what lives, for each pack."""
    return survey.census.sums(survey.live)
