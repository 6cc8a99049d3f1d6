"""The list of the condemned: objects that stand in packs, but count as not stored.

Trees, files and lists that nothing reaches are condemned before the first pack goes: from then on
what they name may be gone, so no writer must rely on them. The list outlives a collector that was
killed; the next one that ends well empties it. Layout: `docs/format.md`, section 1.
"""

from __future__ import annotations

import os
from array import array
from typing import TYPE_CHECKING

from blake3 import blake3

from omprov.content._durable import fsync_folder
from omprov.content._format._objects import ObjectType

if TYPE_CHECKING:
    from pathlib import Path

    from omprov.content._format._objects import Key

CONDEMNED = "condemned"
"""The file."""
NODES = frozenset({ObjectType.TREE, ObjectType.FILE, ObjectType.LIST})
"""What names other objects."""
_MAGIC = b"OMC\x01\0\0\0\0"
_CHECK = 32
_WIDTH = 8
TYPE_BITS = 7
DIGEST_BITS = 0xFFFF_FFFF_FFFF_FFFF & ~TYPE_BITS
"""Which bits of a short key come from the type, and which from the digest."""


def short_key(key: Key) -> int:
    """Return the number that stands for a key where millions are held: 61 bits of it, the type.

    Two objects may share one. Whoever uses it must err on the safe side then.
    """
    return int.from_bytes(key.digest[:_WIDTH], "little") & DIGEST_BITS | key.type


def encode_condemned(keys: bytes) -> bytes:
    """Return the content of the file for short keys, each 8 bytes, little-endian."""
    return _MAGIC + blake3(keys).digest() + keys


def write_condemned(folder: Path, keys: bytes) -> None:
    """Replace the list of a store, durably."""
    partial = folder / f"{CONDEMNED}.new"
    with partial.open("wb") as file:
        file.write(encode_condemned(keys))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / CONDEMNED)
    fsync_folder(folder)


def condemn(folder: Path, keys: bytes) -> None:
    """Add short keys to the list. A broken list stays: it condemns everything as it is."""
    known = read_condemned(folder / CONDEMNED)
    if known is not None:
        both = {*memoryview(known).cast("Q"), *memoryview(keys).cast("Q")}
        write_condemned(folder, array("Q", sorted(both)).tobytes())


class Condemned:
    """The list as it is on disk. Its user serialises threads, and holds the packs' lock."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / CONDEMNED
        self._seen: tuple[int, int] | None = None
        self._keys: frozenset[int] | None = frozenset()

    def spare(self, keys: set[Key]) -> set[Key]:
        """Return those of `keys` that are not condemned; no tree, file or list of a broken list."""
        self._read()
        if self._keys is None:
            return {key for key in keys if key.type not in NODES}
        if not self._keys:
            return keys
        return {key for key in keys if short_key(key) not in self._keys}

    def _read(self) -> None:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._seen, self._keys = None, frozenset()
            return
        seen = stat.st_ino, stat.st_mtime_ns
        if seen != self._seen:
            raw = read_condemned(self._path)
            self._keys = None if raw is None else frozenset(memoryview(raw).cast("Q"))
            self._seen = seen


def read_condemned(path: Path) -> bytes | None:
    """Read the short keys, 8 bytes each; ``None`` where the file is not what was written."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return b""
    head = len(_MAGIC) + _CHECK
    keys = raw[head:]
    sound = raw[: len(_MAGIC)] == _MAGIC and len(keys) % _WIDTH == 0
    return keys if sound and blake3(keys).digest() == raw[len(_MAGIC) : head] else None
