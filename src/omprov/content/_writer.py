"""Writes objects into new packs, each object once."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import zstandard
from blake3 import blake3

from omprov.errors import StorageFull, Unavailable

from ._pack import STORED, ZSTANDARD, Packed, encode_footer, encode_header
from ._pack_folder import pack_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from ._index import ChunkIndex
    from ._objects import Key

PACK_SIZE = 64 << 20
"""A pack is closed once it holds so many bytes …"""
PACK_OBJECTS = 1 << 16
"""… or so many objects."""
_WAITING_SIZE = 4 << 20
_WAITING_OBJECTS = 2048
_LARGE = 16 << 10
"""Objects of so many bytes on average are compressed and written in a thread beside the reading."""
_WORTHWHILE = 0.94
"""Compression that saves less than this factor is not worth the work of undoing it."""
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class ObjectWriter:
    """Collects objects and writes those that the store lacks.

    Objects reach the packs in the order in which they were added, so a tree never comes before
    what it names. Nothing counts as stored before `commit` returns; leaving the ``with`` block by
    an error drops the pack at hand (earlier ones stay, as unused bytes).
    """

    content = True

    def __init__(self, folder: Path, index: ChunkIndex) -> None:
        self._folder = folder
        self._index = index
        self._waiting: dict[Key, bytes] = {}
        self._waiting_size = 0
        self._pack: _PackFile | None = None
        self._compressor = zstandard.ZstdCompressor(level=1)
        self._thread = ThreadPoolExecutor(1)
        self._placing: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.shutdown()
        if self._pack is not None:
            self._pack.abandon()
            self._pack = None

    def lacks(self, keys: Iterable[Key]) -> set[Key]:
        """Return those of `keys` that are neither stored nor about to be."""
        self._settle()
        wanted = set(keys)
        wanted.difference_update(self._waiting)
        return self._not_placed(wanted)

    def add(self, key: Key, raw: bytes) -> None:
        """Store an object unless it is stored already."""
        self._waiting[key] = raw
        self._waiting_size += len(raw)
        if self._waiting_size >= _WAITING_SIZE or len(self._waiting) >= _WAITING_OBJECTS:
            self._hand_over()

    def commit(self) -> None:
        """Make everything that was added durable."""
        self._settle()
        self._place(self._waiting)
        self._waiting = {}
        self._seal()
        fsync_folder(self._folder / "packs")  # what others stored, and is relied upon, too

    def _hand_over(self) -> None:
        """Place what is waiting: large objects in a thread; with small ones, threads only hurt."""
        waiting, size = self._waiting, self._waiting_size
        self._waiting, self._waiting_size = {}, 0
        self._settle()
        if size >= len(waiting) * _LARGE:
            self._placing = self._thread.submit(self._place, waiting)
        else:
            self._place(waiting)

    def _settle(self) -> None:
        placing, self._placing = self._placing, None
        if placing is not None:
            placing.result()

    def _not_placed(self, keys: set[Key]) -> set[Key]:
        unknown = keys if self._pack is None else keys - self._pack.keys
        return unknown - self._index.known(unknown, held=True) if unknown else unknown

    def _place(self, waiting: dict[Key, bytes]) -> None:
        lacking = self._not_placed(set(waiting))
        with disk_errors_told():
            for key, raw in waiting.items():
                if key in lacking:
                    self._append(key, raw)

    def _append(self, key: Key, raw: bytes) -> None:
        if self._pack is None:
            self._pack = _PackFile(self._folder)
        packed = self._compressor.compress(raw)
        if len(packed) < len(raw) * _WORTHWHILE:
            self._pack.append(key, packed, len(raw), ZSTANDARD)
        else:
            self._pack.append(key, raw, len(raw), STORED)
        if self._pack.size >= PACK_SIZE or len(self._pack.keys) >= PACK_OBJECTS:
            self._seal()

    def _seal(self) -> None:
        if self._pack is None:
            return
        with disk_errors_told():
            name = self._pack.seal()
        self._index.add_pack(name, self._pack.objects)
        self._pack = None


class _PackFile:
    """The pack at hand, under a name of its own until it is complete."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path, descriptor = create_locked(folder / "tmp")
        self._file = os.fdopen(descriptor, "wb", buffering=1 << 20)
        self._hash = blake3()
        self.size = 0
        self.objects: list[Packed] = []
        self.keys: set[Key] = set()
        self._write(encode_header())

    def append(self, key: Key, stored: bytes, raw: int, compression: int) -> None:
        place = Packed(key.digest, self.size, len(stored), raw, key.type, compression)
        self._write(stored)
        self.objects.append(place)
        self.keys.add(key)

    def seal(self) -> str:
        """Complete the pack, make it durable, put it in its place; return its name."""
        self._write(encode_footer(self.objects, self.size))
        self._file.flush()
        os.fsync(self._file.fileno())
        name = self._hash.hexdigest()
        packs = self._folder / "packs"
        self._path.rename(packs / pack_file(name))
        fsync_folder(packs)
        self._file.close()
        return name

    def abandon(self) -> None:
        self._path.unlink(missing_ok=True)
        with suppress(OSError):  # what it could not write no longer matters
            self._file.close()

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors_told(where: object = "the content store") -> Iterator[None]:
    """Turn "no space left" and its kin into `StorageFull`, "read-only" into `Unavailable`."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise StorageFull(
                f"no room on the disk for {where} ({error.strerror}); nothing was half-written. "
                "Free some space and try again."
            ) from error
        if error.errno == errno.EROFS:
            raise Unavailable(f"{where} cannot be written: its disk is read-only") from error
        raise


def create_locked(folder: Path) -> tuple[Path, int]:
    """Make a file that no process takes for a leftover while its descriptor is open."""
    while True:
        path = folder / secrets.token_hex(8)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)  # another process took it for a leftover before the lock was there
