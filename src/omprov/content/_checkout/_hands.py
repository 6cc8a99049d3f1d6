"""Who writes the files of a checkout: this process alone, or workers beside it.

Small files go to one worker in batches, large ones are cut into ranges that several workers write
at once. Each message to a worker has exactly one answer.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from omprov._cores import cores
from omprov._workers import Workers
from omprov.content._format._objects import content_key
from omprov.content._opening import open_parts
from omprov.errors import Unavailable

from ._making import FileMaker, Placed, write_range
from ._place import choose_place, create_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

    from omprov.content._format._nodes import Entry
    from omprov.content._reading import ObjectReader
    from omprov.content._remotes._remote import RemoteSetup

    from ._place import MaterializeMode

    Account = Callable[[Placed], None]
    """Told what was put in place."""

MANY_FILES = 4000
MUCH = 64 << 20
"""Workers are started for so many files, or so many bytes: they take 0.2 s to come up."""
MOST_WORKERS = 16
RANGE = 32 << 20
"""So many bytes of a large file are written at a time; a larger file is a large one."""
_AHEAD = 2
"""So many messages wait for a worker, so that it never waits for the next."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where files are made, and how.

    Attributes:
        folder: the path that they go to.
        root: its descriptor.
        partial: descriptor of the folder for files that are not complete.
        store: the folder of the content store.
        setup: where the store reads what it does not have itself.
        mode: of the checkout.
    """

    folder: bytes
    root: int
    partial: int
    store: Path
    setup: RemoteSetup
    mode: MaterializeMode

    def maker(self, reader: ObjectReader) -> FileMaker:
        """Return what makes files here, in a folder that only this process uses."""
        name = b"%d" % os.getpid()
        os.mkdir(name, dir_fd=self.partial)
        own = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.partial)
        return FileMaker(choose_place(self.mode, reader, self.store), self.root, own, self.folder)

    def cuts(self, entry: Entry) -> bool:
        """Say whether this file is written in ranges, unless its bytes are kept by reference."""
        return self.mode == "copy" and entry.size > RANGE


class Hands(Protocol):
    """Writes the files of a checkout."""

    def give(self, batch: Sequence[tuple[bytes, Entry]]) -> None:
        """Take files to write, of which the one that is cut into ranges is alone in its batch."""
        ...

    def finish(self) -> None:
        """Write what is left."""
        ...


@contextmanager
def get_hands(
    site: Site, reader: ObjectReader, account: Account, *, files: int, size: int
) -> Iterator[Hands]:
    """Give those who write so many files and bytes."""
    maker = site.maker(reader)
    try:
        workers = _start(site) if files >= MANY_FILES or size >= MUCH else None
        if workers is None:
            yield Alone(site, maker, reader, account)
            return
        with workers:
            yield Crew(site, maker, reader, workers, account)
    finally:
        maker.close()


def _start(site: Site) -> Workers | None:
    count = min(cores(), MOST_WORKERS)
    if count == 1:
        return None
    try:
        return Workers(serve, site, count=count, inherit=(site.root, site.partial))
    except Unavailable:  # slower, but it works
        return None


class Alone:
    """This process writes everything itself."""

    def __init__(
        self, site: Site, maker: FileMaker, reader: ObjectReader, account: Account
    ) -> None:
        self._site = site
        self._maker = maker
        self._reader = reader
        self._account = account

    def give(self, batch: Sequence[tuple[bytes, Entry]]) -> None:
        """Write them."""
        path, entry = batch[0]
        if not _is_cut(self._site, self._maker, self._reader, batch):
            _expect(self._reader, batch)
            self._account(self._maker.make(batch))
            return
        name = self._maker.new_name()
        with self._maker.told(path), _new_file(self._maker, entry, name) as descriptor:
            written = 0
            for start, end in _ranges(entry.size):
                placed = write_range(self._reader, entry, descriptor, start, end)
                written += placed.done.bytes
                self._account(placed)
        self._account(self._maker.take(name, path, entry, written))

    def finish(self) -> None:
        """Put the last ones in place."""
        self._account(self._maker.finish())


class _Range(NamedTuple):
    """Asks a worker to write a part of a large file."""

    path: bytes
    entry: Entry
    file: bytes
    start: int
    end: int


@dataclass(slots=True)
class _Large:
    name: bytes
    path: bytes
    entry: Entry
    open_ranges: int = 1
    """Ranges that were given out and are not written yet, and one for those to be given out."""
    written: int = 0


class Crew:
    """Workers write; this process cuts the work, and puts large files in place."""

    def __init__(
        self,
        site: Site,
        maker: FileMaker,
        reader: ObjectReader,
        workers: Workers,
        account: Account,
    ) -> None:
        self._site = site
        self._maker = maker
        self._reader = reader
        self._workers = workers
        self._account = account
        self._waiting = [0] * len(workers)
        self._ranges: list[list[_Large | None]] = [[] for _ in range(len(workers))]

    def give(self, batch: Sequence[tuple[bytes, Entry]]) -> None:
        """Give them to workers, as soon as one has room."""
        path, entry = batch[0]
        if not _is_cut(self._site, self._maker, self._reader, batch):
            self._send(batch, None)
            return
        name = self._maker.new_name()
        with self._maker.told(path), _new_file(self._maker, entry, name):
            pass
        large = _Large(name, path, entry)
        file = b"%d/%s" % (os.getpid(), name)
        for start, end in _ranges(entry.size):
            large.open_ranges += 1
            self._send(_Range(path, entry, file, start, end), large)
        self._complete(large)

    def finish(self) -> None:
        """Wait until everything is written and in its place."""
        while any(self._waiting):
            self._hear()
        for worker in range(len(self._workers)):
            self._workers.send(worker, None)
            self._note(worker, None)
        while any(self._waiting):
            self._hear()
        self._account(self._maker.finish())

    def _send(self, message: object, large: _Large | None) -> None:
        while min(self._waiting) >= _AHEAD or self._workers.has_message():
            self._hear()
        worker = self._waiting.index(min(self._waiting))
        self._workers.send(worker, message)
        self._note(worker, large)

    def _note(self, worker: int, large: _Large | None) -> None:
        self._waiting[worker] += 1
        self._ranges[worker].append(large)

    def _hear(self) -> None:
        worker, placed = self._workers.receive()
        self._waiting[worker] -= 1
        self._account(placed)
        large = self._ranges[worker].pop(0)
        if large is not None:
            large.written += placed.done.bytes
            self._complete(large)

    def _complete(self, large: _Large) -> None:
        """Count a range as written; after the last one the file is complete."""
        large.open_ranges -= 1
        if not large.open_ranges:
            self._account(self._maker.take(large.name, large.path, large.entry, large.written))


def _is_cut(
    site: Site, maker: FileMaker, reader: ObjectReader, batch: Sequence[tuple[bytes, Entry]]
) -> bool:
    """Say whether this is one file to be written in ranges; a source is read in one go."""
    path, entry = batch[0]
    if not site.cuts(entry):
        return False
    with maker.told(path):
        return not reader.is_elsewhere(entry)


def _expect(reader: ObjectReader, batch: Sequence[tuple[bytes, Entry]]) -> None:
    keys = {content_key(entry.size, entry.digest) for _, entry in batch}
    reader.expect(key for key in keys if key is not None)


def serve(link: Connection, site: Site) -> None:
    """Write what is asked for, in a process of its own."""
    parts = open_parts(site.store, site.setup)
    reader = parts.reader(parts.remotes)
    maker = site.maker(reader)
    while True:
        match link.recv():
            case None:
                parts.learned.write()
                link.send(maker.finish())
            case _Range() as part:
                with maker.told(part.path):
                    link.send(_write_part(site, reader, part))
            case batch:
                _expect(reader, batch)
                link.send(maker.make(batch))


def _write_part(site: Site, reader: ObjectReader, part: _Range) -> Placed:
    flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(part.file, flags, dir_fd=site.partial)
    try:
        return write_range(reader, part.entry, descriptor, part.start, part.end)
    finally:
        os.close(descriptor)


@contextmanager
def _new_file(maker: FileMaker, entry: Entry, name: bytes) -> Iterator[int]:
    """Make an empty file.

    It is not given its size beforehand: the disk could keep that and lose the bytes in a power cut,
    and the file would look, to the stat cache too, as if it were whole.
    """
    descriptor = create_file(entry, name, maker.own)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _ranges(size: int) -> Iterator[tuple[int, int]]:
    for start in range(0, size, RANGE):
        yield start, min(start + RANGE, size)
