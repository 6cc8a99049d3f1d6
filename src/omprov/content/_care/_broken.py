"""Finds trees, files and lists of which something is missing, so that no writer relies on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from omprov.content._format._objects import Key, ObjectType
from omprov.content._reliance import only_collector, packs_removable
from omprov.content._remotes._needed import named_by
from omprov.errors import Damaged

from ._condemned import condemn, short_key

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from omprov.content._index import ChunkIndex
    from omprov.content._reading import ObjectReader
    from omprov.records import Digest


def condemn_broken(
    folder: Path, reader: ObjectReader, index: ChunkIndex, roots: Iterable[Digest]
) -> None:
    """Let everything that reaches something missing count as not stored.

    Else a file that looks as it did would not be read again when it is put, though some of its
    bytes are lost.
    """
    search = _Search(reader, index)
    for root in roots:
        search.is_broken(Key(ObjectType.TREE, bytes.fromhex(root)))
    broken = [key for key, is_broken in search.seen.items() if is_broken]
    if broken:
        keys = np.array(sorted({short_key(key) for key in broken}), "<u8")
        with only_collector(folder), packs_removable(folder):
            condemn(folder, keys.tobytes())


class _Search:
    """Looks at each object once."""

    def __init__(self, reader: ObjectReader, index: ChunkIndex) -> None:
        self._reader = reader
        self._index = index
        self.seen: dict[Key, bool] = {}

    def is_broken(self, key: Key) -> bool:
        if key not in self.seen:
            try:
                nodes, leaves = named_by(self._reader, key)
            except Damaged:
                self.seen[key] = True
                return True
            missing = leaves - self._index.known(leaves)
            instead = {Key(ObjectType.FILE, leaf.digest) for leaf in missing}
            by_reference = self._index.known(instead)
            below = [self.is_broken(node) for node in (*nodes, *by_reference)]  # all of them
            self.seen[key] = any(below) or len(by_reference) < len(instead)
        return self.seen[key]
