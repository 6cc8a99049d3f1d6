"""Fills packs: compresses objects, appends them, and makes full packs durable beside that."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import zstandard
from blake3 import blake3

from omprov.content._durable import create_locked, disk_errors_told, fsync_folder, told_of_disk
from omprov.content._format._pack import STORED, ZSTANDARD, Packed, encode_footer, encode_header
from omprov.content._pack_folder import pack_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future, ThreadPoolExecutor
    from pathlib import Path

    from omprov.content._format._objects import Key

    Sealed = Callable[[str, list[Packed]], None]
    """Told the name of a pack that is in its place, and what it holds."""

PACK_SIZE = 64 << 20
"""A pack is closed once it holds so many bytes …"""
PACK_OBJECTS = 1 << 16
"""… or so many objects."""
_WORTHWHILE = 0.94
"""Compression that saves less than this factor is not worth the work of undoing it."""
_SAMPLED = 32 << 10
_SAMPLE = 4 << 10
_BUFFER = 1 << 20


class Packing:
    """Packs in the making, of one writer. Not for several threads at once.

    A full pack is made durable and put in its place by a thread of its own, one after the other in
    the order in which they were filled; where packs are held they wait until they are published.

    Attributes:
        holding: whether full packs wait for `publish`.
    """

    def __init__(self, folder: Path, sealed: Sealed) -> None:
        """Fill packs of the store in `folder`.

        Args:
            folder: of the store.
            sealed: called for each pack that is in its place; maybe in another thread.
        """
        self.holding = False
        self._folder = folder
        self._sealed = sealed
        self._pack: PackFile | None = None
        self._ended: list[PackFile] = []
        self._thread: ThreadPoolExecutor | None = None
        self._publishing: Future[None] | None = None
        self._compressor = zstandard.ZstdCompressor(level=1)

    def has(self, key: Key) -> bool:
        """Say whether a pack that is not in its place yet holds an object."""
        return (self._pack is not None and key in self._pack.keys) or any(
            key in pack.keys for pack in tuple(self._ended)
        )

    def add(self, key: Key, raw: bytes | memoryview) -> None:
        """Append an object."""
        size = len(raw)
        packed = self._compress(raw, size)
        try:  # not `with disk_errors_told`: this is called for millions of objects
            if self._pack is None:
                self._pack = PackFile(self._folder)
            if packed is not None:
                self._pack.append(key, packed, size, ZSTANDARD)
            else:
                self._pack.append(key, raw, size, STORED)
        except OSError as error:
            if (known := told_of_disk(error)) is None:
                raise
            raise known from error
        if self._pack.size >= PACK_SIZE or len(self._pack.keys) >= PACK_OBJECTS:
            self.seal()

    def _compress(self, raw: bytes | memoryview, size: int) -> bytes | None:
        """Compress, where that helps; of large objects, samples tell first whether it may."""
        view = memoryview(raw)
        if size >= _SAMPLED and not any(
            self._shrinks(view[start : start + _SAMPLE]) for start in (0, size // 2)
        ):
            return None
        packed = self._compressor.compress(view)
        return packed if len(packed) < size * _WORTHWHILE else None

    def _shrinks(self, sample: memoryview) -> bool:
        return len(self._compressor.compress(sample)) < sample.nbytes

    def seal(self) -> None:
        """Begin to put the pack at hand in its place, unless packs are held."""
        pack = self._end()
        if pack is None or self.holding:
            return
        self.settle()
        if self._thread is None:
            from concurrent.futures import ThreadPoolExecutor  # start-up: few fill a pack

            self._thread = ThreadPoolExecutor(1, "omprov-packs")
        self._publishing = self._thread.submit(self.publish, pack)

    def settle(self) -> None:
        """Wait until every pack that was sealed is in its place."""
        publishing, self._publishing = self._publishing, None
        if publishing is not None:
            publishing.result()

    def ended(self) -> list[PackFile]:
        """End the pack at hand; return all packs that are not in their place yet, oldest first."""
        self.settle()
        self._end()
        return list(self._ended)

    def publish(self, pack: PackFile) -> None:
        """Put an ended pack in its place, durably."""
        with disk_errors_told():
            name = pack.seal()
        self._sealed(name, pack.objects)
        self._ended.remove(pack)

    def close(self) -> None:
        """Drop what is not in its place, but wait for packs that are on their way."""
        if self._thread is not None:
            self._thread.shutdown()
        self._end()
        for pack in self._ended:
            pack.abandon()

    def _end(self) -> PackFile | None:
        pack, self._pack = self._pack, None
        if pack is not None:
            self._ended.append(pack)
        return pack


class PackFile:
    """One pack, under a name of its own until it is complete."""

    def __init__(self, folder: Path) -> None:
        """Begin one among the temporary files of a store."""
        self._folder = folder
        self.path, descriptor = create_locked(folder / "tmp")
        self._file = os.fdopen(descriptor, "wb", buffering=_BUFFER)
        self._hash = blake3()
        self.size = 0
        self.objects: list[Packed] = []
        self.keys: set[Key] = set()
        self._write(encode_header())

    def append(self, key: Key, stored: bytes | memoryview, raw: int, compression: int) -> None:
        """Append an object's stored bytes.

        Args:
            key: of the object.
            stored: its bytes in the pack.
            raw: how many bytes it has once decompressed.
            compression: how it is stored.
        """
        place = Packed(key.digest, self.size, len(stored), raw, key.type, compression)
        self._write(stored)
        self.objects.append(place)
        self.keys.add(key)

    def complete(self) -> str:
        """Write the last bytes of the pack and make it durable; return its name."""
        self._write(encode_footer(self.objects, self.size))
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._hash.hexdigest()

    def seal(self) -> str:
        """Complete the pack, put it in its place; return its name."""
        name = self.complete()
        self.place(name)
        return name

    def place(self, name: str) -> None:
        """Put the pack, which is complete, in its place."""
        packs = self._folder / "packs"
        self.path.rename(packs / pack_file(name))
        fsync_folder(packs)
        self._file.close()

    def abandon(self) -> None:
        """Drop it."""
        self.path.unlink(missing_ok=True)
        with suppress(OSError):  # what it could not write no longer matters
            self._file.close()

    def _write(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)
