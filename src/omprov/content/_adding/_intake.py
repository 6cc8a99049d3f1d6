"""Reads the content of files: in this process while there is little, then with a crew."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, BinaryIO

from omprov._cores import cores
from omprov.content._format._nodes import Entry
from omprov.content._format._objects import WHOLE

from ._chunking import iter_chunks
from ._disk import hash_file, kind_of, looks, read_all, read_steadily
from ._putting import put_chunks, put_content
from ._writer import ObjectWriter

if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from typing import Self

    from ._crew import Crew
    from ._putting import Sink
    from ._stats import StatCache
    from ._walk import FoundFile

    Tell = Callable[[int, int], None]
    """Told how many files, and bytes, were done."""

_FEW = 600
_LITTLE = 24 << 20
"""A crew pays once more files, or more bytes, are to be read: starting it takes 0.1 s."""


class Intake:
    """Finds out what files hold, and stores it. Not for several threads at once.

    `begin` may be called for many files ahead of `finish`, so that a crew has something to do;
    files are finished in the order in which they were begun. Use it in a ``with`` statement.

    Attributes:
        now: when it was made, by the clock of `StatCache`.
    """

    def __init__(self, sink: Sink, stats: StatCache, tell: Tell, *, crew: bool = True) -> None:
        """Read files into a sink.

        Args:
            sink: takes the objects.
            stats: is told the digests of what was read.
            tell: told the files and bytes that were read.
            crew: whether other processes may help.
        """
        self._sink = sink
        self._stats = stats
        self._tell = tell
        self.now = stats.now()
        self._waiting: deque[FoundFile] = deque()
        self._waiting_bytes = 0
        self._may_start = crew and cores() > 1
        self._crew: Crew | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._crew is not None:
            self._crew.close()

    def begin(self, file: FoundFile) -> None:
        """Begin to read a regular file."""
        if self._crew is not None:
            self._crew.begin(file)
            return
        self._waiting.append(file)
        self._waiting_bytes += file.stat.st_size
        if self._may_start and (len(self._waiting) > _FEW or self._waiting_bytes > _LITTLE):
            self._start()

    def finish(self, file: FoundFile) -> None:
        """Wait until the entry of a file is known.

        Raises:
            InvalidInput: it cannot be read.
            Conflict: it kept changing while it was read.
            StorageFull: there is no room.
        """
        if file.entry is not None:
            return
        if self._crew is not None:
            self._crew.finish(file)
            return
        self._waiting.popleft()
        self._waiting_bytes -= file.stat.st_size
        digest, stat = read_steadily(file.path, self._read)
        self._stats.add(stat, digest, self.now)
        file.entry = Entry(file.name, kind_of(stat.st_mode), stat.st_size, 1, digest)
        file.as_found = looks(stat) == looks(file.stat)
        self._tell(1, stat.st_size)

    def commit(self) -> None:
        """Make what the crew stored durable; what names it is to follow."""
        if self._crew is not None:
            self._crew.commit()

    def _start(self) -> None:
        from ._crew import Crew  # start-up: it draws in what processes talk with

        writer = self._sink if isinstance(self._sink, ObjectWriter) else None
        self._crew = Crew(writer, self._stats, self.now, self._tell)
        while self._waiting:
            self._crew.begin(self._waiting.popleft())

    def _read(self, file: BinaryIO, stat: os.stat_result) -> bytes:
        if stat.st_size < WHOLE:
            return put_content(read_all(file, stat.st_size), self._sink)
        if not self._sink.content:
            return hash_file(file)
        return put_chunks(iter_chunks(file), self._sink)
