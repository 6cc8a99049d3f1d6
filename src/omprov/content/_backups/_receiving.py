"""Brings a store to hold exactly the packs that a backup names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.content._care._fsck import whole_digest
from omprov.content._pack_folder import pack_file, pack_names, read_pack_footer
from omprov.content._progress import Done, Expected
from omprov.content._remotes._transfer import fetch_packs
from omprov.errors import Damaged

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from omprov.content._index import ChunkIndex
    from omprov.content._progress import Progress
    from omprov.content._remotes._buckets import Bucket


def receive_packs(
    bucket: Bucket,
    sizes: dict[str, int],
    names: Collection[str],
    store: Path,
    index: ChunkIndex,
    *,
    progress: Progress | None,
) -> tuple[int, int]:
    """Fetch the packs that are lacking; those that are here already are verified, others go.

    Args:
        bucket: where from.
        sizes: of the packs there.
        names: of the packs wanted.
        store: its folder; nobody uses it yet.
        index: of the store.
        progress: told the packs and bytes.

    Returns:
        How many packs were fetched, and their bytes.

    Raises:
        Damaged: a pack is damaged in the bucket, or gone from it.
        StorageFull: there is no room.
        Unavailable: the bucket cannot be reached.
    """
    gone = sorted(name for name in names if name not in sizes)
    if gone:
        raise Damaged(
            f"{len(gone)} pack(s) that this backup needs are gone from {bucket.url}, the first is "
            f"{gone[0]}: take another backup"
        )
    packs = store / "packs"
    if progress is not None:
        progress(Expected(len(names), sum(sizes[name] for name in names)))
    lacking = set(names)
    for name in sorted(pack_names(packs)):
        if name in lacking and whole_digest(packs / pack_file(name)) == name:
            lacking.remove(name)
            if progress is not None:
                progress(Done(1, sizes[name]))
        else:
            (packs / pack_file(name)).unlink()
    for _ in fetch_packs(bucket, sorted(lacking), store, progress):
        pass
    index.clear()
    for name in sorted(names):
        index.add_pack(name, read_pack_footer(packs, name))
    return len(lacking), sum(sizes[name] for name in lacking)
