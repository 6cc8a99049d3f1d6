"""Opens what a store's objects are read with: in its own process, and in those beside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ._care._rebuild import INDEX
from ._index import ChunkIndex
from ._reading import ObjectReader
from ._references._learned import LearnedDigests
from ._references._sources import Sources
from ._remotes._block_cache import BlockCache
from ._remotes._remote import Remote, RemoteSettings, options_at
from ._remotes._remote_reading import RemoteReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._reading import ObjectSource
    from ._remotes._remote import RemoteSetup


@dataclass(frozen=True, slots=True)
class Opened:
    """What a store is read with. Each process opens its own.

    Attributes:
        packs: the folder of the packs.
        index: says where objects lie in them.
        learned: knows what was read through references.
        sources: reads what is kept by reference.
        cache: keeps what was read from remotes.
        remotes: are asked for what is not stored here, in this order.
    """

    packs: Path
    index: ChunkIndex
    learned: LearnedDigests
    sources: Sources
    cache: BlockCache
    remotes: Sequence[Remote]

    def reader(self, remotes: Sequence[Remote]) -> ObjectReader:
        """Return a reader that asks these remotes for what is not stored here."""
        through = RemoteReader(remotes, self.cache) if remotes else None
        return ObjectReader(self.packs, self.index, self.sources, through)

    def reader_from(self, source: ObjectSource) -> ObjectReader:
        """Return a reader that asks something else for what is not stored here."""
        return ObjectReader(self.packs, self.index, self.sources, source)


def open_parts(folder: Path, setup: RemoteSetup) -> Opened:
    """Open what a store is read with.

    Args:
        folder: of the store.
        setup: where it reads what it does not have itself.
    """
    learned = LearnedDigests(folder / "references.sqlite")
    cache = folder / "cache" if setup.cache_folder is None else Path(setup.cache_folder)
    return Opened(
        packs=folder / "packs",
        index=ChunkIndex(folder / INDEX),
        learned=learned,
        sources=Sources(learned, partial(options_at, setup.remotes)),
        cache=BlockCache(cache, setup.cache_limit),
        remotes=[open_remote(folder, settings) for settings in setup.remotes],
    )


def open_remote(folder: Path, settings: RemoteSettings) -> Remote:
    """Return a remote of the store in `folder`, which keeps there what it knows of it."""
    return Remote(settings, folder / "remotes")
