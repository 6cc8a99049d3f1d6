"""What each worker of a `Crew` does, in its own process: read, hash, cut, compress, write.

It imports little, for it has to start quickly and there may be several of them.
"""

from __future__ import annotations

import mmap
import os
from collections import deque
from typing import TYPE_CHECKING, Any, BinaryIO

from blake3 import blake3

from omprov.content._format._objects import WHOLE, Key, ObjectType

from ._chunking import find_lengths
from ._disk import FileLook, hash_file, read_all, read_steadily
from ._packing import Packing
from ._putting import put_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

    from omprov.content._format._pack import Packed

LARGE = 8 << 20
"""Files of more bytes are read by the process that leads the crew, window by window."""
WINDOW = 8 << 20
"""Bytes of a window."""


def serve(link: Connection, folder: Path | None, descriptor: int) -> None:
    """Do what the leader says until it goes; then complete the pack at hand.

    Args:
        link: to the leader.
        folder: of the store; ``None`` to hash only.
        descriptor: the memory that windows lie in.
    """
    task = _Task(link, folder, descriptor)
    try:
        while True:
            task.follow(link.recv())
    except EOFError:
        task.complete()
    finally:
        task.close()


class _Task:
    def __init__(self, link: Connection, folder: Path | None, descriptor: int) -> None:
        self._link = link
        self._memory = memoryview(mmap.mmap(descriptor, os.fstat(descriptor).st_size))
        self._raws: dict[int, Sequence[bytes | memoryview]] = {}
        self._digests: dict[int, Sequence[bytes]] = {}
        self._sealed: deque[str] = deque()
        self._packing = None if folder is None else Packing(folder, self._note_sealed)

    def follow(self, order: tuple[Any, ...]) -> None:
        """Do one thing, and answer."""
        match order:
            case "files", paths, number:
                self._read(paths, number)
            case "window", slot, size, number:
                self._cut(slot, size, number)
            case "store", number, chosen:
                self._store(number, chosen)
            case ("seal",):
                self.complete()
                self._tell_sealed()
                self._link.send(("all sealed",))
        self._tell_sealed()

    def complete(self) -> None:
        """Put the pack at hand in its place."""
        if self._packing is not None:
            self._packing.seal()
            self._packing.settle()

    def close(self) -> None:
        """Let go of files."""
        if self._packing is not None:
            self._packing.close()

    def _read(self, paths: Iterable[bytes], number: int) -> None:
        content = _Content(takes=self._packing is not None)
        results = []
        for path in paths:
            content.begin_file()
            digest, stat = read_steadily(path, content.read)
            results.append((tuple(FileLook.of(stat)), digest, content.chunks, content.structure))
        if self._packing is not None:
            self._digests[number] = content.digests
            self._raws[number] = content.raws
        self._link.send(("read", number, results))

    def _cut(self, slot: int, size: int, number: int) -> None:
        start = slot * WINDOW
        lengths = find_lengths(self._memory[start : start + size])
        raws = []
        for length in lengths:
            raws.append(self._memory[start : start + length])
            start += length
        digests = [blake3(raw).digest() for raw in raws]
        self._raws[number], self._digests[number] = raws, digests
        self._link.send(("cut", number, list(zip(lengths, digests, strict=True))))

    def _store(self, number: int, chosen: Iterable[int]) -> None:
        assert self._packing is not None
        raws, digests = self._raws.pop(number), self._digests.pop(number)
        for place in chosen:
            self._packing.add(Key(ObjectType.CHUNK, digests[place]), raws[place])
        self._link.send(("stored", number))

    def _note_sealed(self, name: str, _: Sequence[Packed]) -> None:
        self._sealed.append(name)

    def _tell_sealed(self) -> None:
        while self._sealed:
            self._link.send(("sealed", self._sealed.popleft()))


class _Content:
    """Collects what the files of one batch are made of; a sink for `put_content`."""

    def __init__(self, *, takes: bool) -> None:
        self.content = takes
        self.raws: list[bytes] = []
        self.digests: list[bytes] = []
        self.chunks: list[bytes] = []
        self.structure: list[tuple[int, bytes, bytes]] = []

    def begin_file(self) -> None:
        self.chunks, self.structure = [], []

    def read(self, file: BinaryIO, stat: os.stat_result) -> bytes:
        """Read a file; one that has to be read again is collected twice, which does no harm."""
        if not self.content and stat.st_size >= WHOLE:
            return hash_file(file)
        return put_content(read_all(file, stat.st_size), self)

    def lacks(self, keys: Iterable[Key], *, held: bool = True) -> set[Key]:  # noqa: ARG002
        return set(keys)

    def add(self, key: Key, raw: bytes) -> None:
        if key.type is ObjectType.CHUNK:
            self.raws.append(raw)
            self.digests.append(key.digest)
            self.chunks.append(key.digest)
        else:
            self.structure.append((int(key.type), key.digest, raw))
