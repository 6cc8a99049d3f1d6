"""Reads, hashes, cuts, compresses and writes files with several processes at once.

This process decides, the workers (`_crew_task`) do: it says which files to read, learns which
chunks they are made of, and says which of those to store, so that no two workers store the same.

**Order.** Workers write chunks, which name nothing. Whatever names chunks (lists, file objects,
trees) is written by this process and held back until the chunks are durable, so that nothing in
the store ever names what is not there, whoever is killed and when.

**Interruption.** When this process ends, however it ends, the workers complete the packs at hand:
what was stored need not be stored again. From time to time everything so far is made to count
(`_CHECKPOINT`), so that it need not even be read again.

**Large files** come through memory that is shared with the workers: all of the file has to be
hashed in one go as well, and both digests have to be of the same bytes even if somebody writes to
the file meanwhile.
"""

from __future__ import annotations

import mmap
import os
import time
from collections import deque
from dataclasses import dataclass
from itertools import count, starmap
from typing import TYPE_CHECKING, Any, BinaryIO

from blake3 import blake3

from omprov._cores import cores
from omprov._workers import Workers
from omprov.content._format._lists import Piece, chunk_piece
from omprov.content._format._nodes import Entry
from omprov.content._format._objects import Key, ObjectType

from ._chunking import iter_windows
from ._crew_task import LARGE, WINDOW, serve
from ._disk import FileLook, hash_file, kind_of, looks, read_steadily
from ._putting import put_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ._intake import Tell
    from ._packing import PackFile
    from ._stats import StatCache
    from ._walk import FoundFile
    from ._writer import ObjectWriter

_MOST = 8
"""More workers than this process can feed are of no use."""
_BATCH_FILES = 256
_BATCH_BYTES = 4 << 20
_BATCH_PATHS = 64 << 10
"""Bytes of all paths in a batch: messages must fit between two processes without waiting."""
_JOBS = 2
"""So many batches wait at a worker: one that it reads while the other is decided upon."""
_CHECKPOINT = 30.0
"""Seconds."""


@dataclass(slots=True)
class _Window:
    """A part of a large file in shared memory.

    Attributes:
        slot: where.
        pieces: length and digest of each of its chunks, once a worker has found them.
    """

    slot: int
    pieces: list[tuple[int, bytes]] | None = None


class Crew:
    """Several processes that take in files for one writer, or only hash them.

    As `Intake`, whose files it takes over: begun ahead, finished in order.
    """

    def __init__(self, writer: ObjectWriter | None, stats: StatCache, now: int, tell: Tell) -> None:
        """Start the workers.

        Args:
            writer: stores what names chunks; ``None`` to hash only.
            stats: is told the digests of what was read.
            now: what `StatCache.now` said before the first file was looked at.
            tell: told the files and bytes that were read.
        """
        self._writer = writer
        self._stats = stats
        self._now = now
        self._tell = tell
        size = min(cores(), _MOST)
        self._slots = list(range(size + 2))
        descriptor = os.memfd_create("omprov-windows")
        try:
            os.ftruncate(descriptor, WINDOW * len(self._slots))
            self._memory = mmap.mmap(descriptor, WINDOW * len(self._slots))
            folder = None if writer is None else writer.folder
            self._workers = Workers(serve, folder, descriptor, count=size, inherit=(descriptor,))
        finally:
            os.close(descriptor)
        self._loads = [0] * size
        self._batch: list[FoundFile] = []
        self._batch_bytes = self._batch_paths = 0
        self._queue: deque[list[FoundFile]] = deque()
        self._jobs: dict[int, list[FoundFile] | _Window] = {}
        self._numbers = count()
        self._placing: set[bytes] = set()
        self._sealing = 0
        self._held: list[PackFile] = []
        self._checkpoint = time.monotonic()
        if writer is not None:
            writer.hold()

    def close(self) -> None:
        """Let the workers complete their packs, and end them."""
        self._workers.close()

    def begin(self, file: FoundFile) -> None:
        """Begin to read a file; large ones wait until they are to be finished."""
        if file.stat.st_size > LARGE:
            return
        self._batch.append(file)
        self._batch_bytes += file.stat.st_size
        self._batch_paths += len(file.path)
        if (
            len(self._batch) >= _BATCH_FILES
            or self._batch_bytes >= _BATCH_BYTES
            or self._batch_paths >= _BATCH_PATHS
        ):
            self._end_batch()

    def finish(self, file: FoundFile) -> None:
        """Wait until the entry of a file is known."""
        if file.stat.st_size > LARGE:
            digest, stat = read_steadily(file.path, self._read_large)
            self._settle(file, FileLook.of(stat), digest)
            self._tell(1, 0)
            return
        if file in self._batch:
            self._end_batch()
        while file.entry is None:
            self._turn()

    def commit(self) -> None:
        """Make every chunk durable."""
        while self._jobs:
            self._turn()
        if self._writer is not None:
            self._seal()
            while self._sealing:
                self._turn()

    # -- small files
    def _end_batch(self) -> None:
        self._queue.append(self._batch)
        self._batch, self._batch_bytes, self._batch_paths = [], 0, 0
        self._dispatch()

    def _dispatch(self) -> None:
        while self._queue and min(self._loads) < _JOBS:
            batch = self._queue.popleft()
            self._give(batch, ("files", [file.path for file in batch]))

    def _give(self, job: list[FoundFile] | _Window, message: tuple[Any, ...]) -> None:
        """Give a job to the worker that has least to do."""
        worker = self._loads.index(min(self._loads))
        self._loads[worker] += 1
        number = next(self._numbers)
        self._jobs[number] = job
        self._workers.send(worker, (*message, number))

    def _turn(self) -> None:
        """Wait for one message of a worker, and act on it."""
        worker, (what, *facts) = self._workers.receive()
        match what:
            case "read":
                self._take_files(worker, *facts)
            case "cut":
                self._take_window(worker, *facts)
            case "stored":
                self._take_stored(worker, *facts)
            case "sealed":
                assert self._writer is not None
                objects = self._writer.take_in(*facts)
                self._placing.difference_update(packed.digest for packed in objects)
            case "all sealed":
                self._sealing -= 1
                if not self._sealing and self._writer is not None:
                    self._writer.publish(self._held)
        self._dispatch()

    def _take_files(self, worker: int, number: int, results: Sequence[Any]) -> None:
        batch = self._jobs[number]
        assert isinstance(batch, list)
        chunks: list[bytes] = []
        for file, (look, digest, of_file, structure) in zip(batch, results, strict=True):
            chunks += of_file
            if self._writer is not None:
                for type_number, name, raw in structure:
                    self._writer.add(Key(ObjectType(type_number), name), raw)
            self._settle(file, FileLook(*look), digest)
        self._tell(len(batch), sum(file.stat.st_size for file in batch))
        self._choose(worker, number, chunks)

    def _settle(self, file: FoundFile, look: FileLook, digest: bytes) -> None:
        self._stats.add(look, digest, self._now)
        file.entry = Entry(file.name, kind_of(look.st_mode), look.st_size, 1, digest)
        file.as_found = looks(look) == looks(file.stat)

    def _choose(self, worker: int, number: int, chunks: list[bytes]) -> None:
        """Let a worker store those of its chunks that nobody has stored or is about to."""
        if self._writer is None:
            self._take_stored(worker, number)
            return
        keys = {digest: Key(ObjectType.CHUNK, digest) for digest in chunks}
        for digest in self._placing.intersection(keys):
            del keys[digest]
        lacking = {key.digest for key in self._writer.lacks(keys.values())}
        self._placing |= lacking
        chosen = []
        for place, digest in enumerate(chunks):
            if digest in lacking:
                lacking.remove(digest)
                chosen.append(place)
        self._workers.send(worker, ("store", number, chosen))

    def _take_stored(self, worker: int, number: int) -> None:
        self._loads[worker] -= 1
        job = self._jobs.pop(number)
        if isinstance(job, _Window):
            self._slots.append(job.slot)
        if self._writer is not None and time.monotonic() - self._checkpoint > _CHECKPOINT:
            self._seal()

    def _seal(self) -> None:
        """Begin to make everything so far durable; what names chunks appears after them."""
        assert self._writer is not None
        if not self._sealing:
            self._checkpoint = time.monotonic()
            self._held = self._writer.cut()
            self._sealing = len(self._workers)
            for worker in range(len(self._workers)):
                self._workers.send(worker, ("seal",))

    # -- large files
    def _read_large(self, file: BinaryIO, _: os.stat_result) -> bytes:
        if self._writer is None:
            return hash_file(file, lambda size: self._tell(0, size))
        whole = blake3()
        return put_pieces(self._iter_pieces(file, whole), whole.digest, self._writer)

    def _iter_pieces(self, file: BinaryIO, whole: blake3) -> Iterator[Piece]:
        windows: deque[_Window] = deque()
        slot = -1

        def next_window() -> memoryview:
            nonlocal slot
            while not self._slots:
                self._turn()
            slot = self._slots.pop()
            return memoryview(self._memory)[slot * WINDOW : (slot + 1) * WINDOW]

        for view in iter_windows(file, next_window, whole.update):
            windows.append(_Window(slot))
            self._give(windows[-1], ("window", slot, len(view)))
            self._tell(0, len(view))
            while windows and windows[0].pieces is not None:
                yield from _pieces_of(windows.popleft())
        while windows:
            while windows[0].pieces is None:
                self._turn()
            yield from _pieces_of(windows.popleft())

    def _take_window(self, worker: int, number: int, pieces: list[tuple[int, bytes]]) -> None:
        window = self._jobs[number]
        assert isinstance(window, _Window)
        window.pieces = pieces
        self._choose(worker, number, [digest for _, digest in pieces])


def _pieces_of(window: _Window) -> Iterator[Piece]:
    assert window.pieces is not None
    return starmap(chunk_piece, window.pieces)
