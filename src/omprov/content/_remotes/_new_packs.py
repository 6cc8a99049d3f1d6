"""Makes new packs of objects that lie in other packs."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import zstandard

from omprov.content._adding._packing import PACK_OBJECTS, PACK_SIZE, PackFile
from omprov.content._durable import disk_errors_told
from omprov.content._format._objects import is_intact
from omprov.content._format._pack import STORED, ZSTANDARD, unpack
from omprov.errors import Damaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from omprov.content._format._objects import Key
    from omprov.content._format._pack import Packed


class StoredObject(NamedTuple):
    """An object as it lies in a pack; its bytes are verified."""

    key: Key
    stored: bytes
    raw: int
    compression: int


def verified(packed: Packed, stored: bytes, pack: str) -> StoredObject:
    """Return an object that was read from a pack.

    Raises:
        Damaged: it is not what its digest says.
    """
    if not is_intact(packed.key, unpack(packed, stored, pack)):
        raise Damaged(f"{packed.key} in pack {pack} is damaged; run `omprov fsck`")
    return StoredObject(packed.key, stored, packed.raw, packed.compression)


def compressed(key: Key, raw: bytes) -> StoredObject:
    """Return an object as it is to lie in a pack."""
    packed = zstandard.ZstdCompressor(level=1).compress(raw)
    if len(packed) < len(raw):
        return StoredObject(key, packed, len(raw), ZSTANDARD)
    return StoredObject(key, raw, len(raw), STORED)


def build_packs(store: Path, objects: Iterable[StoredObject]) -> Iterator[PackFile]:
    """Give complete packs with these objects, in their order; they lie in the store's ``tmp``.

    Whoever takes one seals it, or abandons it.
    """
    with disk_errors_told():
        pack: PackFile | None = None
        try:
            for key, stored, raw, compression in objects:
                if pack is None:
                    pack = PackFile(store)
                pack.append(key, stored, raw, compression)
                if pack.size >= PACK_SIZE or len(pack.keys) >= PACK_OBJECTS:
                    full, pack = pack, None
                    yield full
            if pack is not None:
                full, pack = pack, None
                yield full
        finally:
            if pack is not None:
                pack.abandon()


@contextmanager
def abandoned_after(pack: PackFile) -> Iterator[str]:
    """Complete a pack and give its name; its file goes when the block ends."""
    try:
        yield pack.complete()
    finally:
        pack.abandon()
