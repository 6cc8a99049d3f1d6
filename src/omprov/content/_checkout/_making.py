"""Makes files beside their places, complete, then puts them there; tells how they look."""

from __future__ import annotations

import errno
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from omprov.content._adding._disk import FileLook
from omprov.content._format._nodes import EntryKind
from omprov.content._progress import Done
from omprov.errors import Conflict, Damaged, OmprovError, SourceChanged, Unavailable

from ._folder_handles import FolderHandles, mounted_over, split
from ._place import write_at

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from omprov.content._format._nodes import Entry
    from omprov.content._reading import ObjectReader

    from ._place import Place

_CLOCK = b"clock"
_PATIENCE = 20
"""So often the clock is read, every so many seconds, until it goes on …"""
_TICK = 0.001
_MOVED = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST}
_REFUSED = {errno.EACCES, errno.EPERM}


class Placed(NamedTuple):
    """What was put in place.

    Attributes:
        done: files and symlinks, and bytes written that were not told before.
        looks: digest and look of files that nobody can have changed without a trace.
    """

    done: Done
    looks: Sequence[tuple[bytes, FileLook]] = ()


class _Made(NamedTuple):
    name: bytes
    path: bytes
    entry: Entry
    modified: int
    told: int


class FileMaker:
    """Makes files in a folder of its own and puts them where they belong, one batch later.

    A batch waits until the next one is made, so that the clock of the file system goes on between
    the last write to a file and its being seen: whoever changes it from then on gives it another
    time, and the stat cache may trust its look at once ("racily clean" files it may not).
    """

    def __init__(self, place: Place, root: int, own: int, folder: bytes) -> None:
        """Take what it works with.

        Args:
            place: makes single files.
            root: descriptor of the folder that they belong to.
            own: descriptor of an empty folder on the same file system.
            folder: the path of the first, for messages.
        """
        self._place = place
        self._folders = FolderHandles(root)
        self.own = own
        self._folder = folder
        self._waiting: list[_Made] = []
        self._count = 0
        self._clock = os.open(_CLOCK, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, dir_fd=own)

    def close(self) -> None:
        """Close what it opened."""
        self._folders.close()
        os.close(self._clock)

    def new_name(self) -> bytes:
        """Return a name that its folder does not have."""
        self._count += 1
        return b"%x" % self._count

    def make(self, files: Sequence[tuple[bytes, Entry]]) -> Placed:
        """Make files, given as path and entry; put those of the batch before in place."""
        made: list[_Made] = []
        try:
            for path, entry in files:
                name = self.new_name()
                with self.told(path):
                    modified = self._place(entry, name, self.own)
                made.append(_Made(name, path, entry, modified, entry.size))
        except (OmprovError, OSError):  # what is complete stays
            self._put_in_place(made)
            self._put_in_place([])
            raise
        return self._put_in_place(made)

    def take(self, name: bytes, path: bytes, entry: Entry, written: int) -> Placed:
        """Treat a file that others wrote so many bytes of, in its folder, as if it had made it."""
        with self.told(path):
            if written != entry.size:
                raise Damaged("its chunks do not make it up; run `omprov fsck`")
            descriptor = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.own)
            try:
                if os.fstat(descriptor).st_size != entry.size:  # it ends in a hole
                    os.ftruncate(descriptor, entry.size)
                modified = os.fstat(descriptor).st_mtime_ns
            finally:
                os.close(descriptor)
        return self._put_in_place([_Made(name, path, entry, modified, 0)])

    def finish(self) -> Placed:
        """Put the last batch in place."""
        return self._put_in_place([])

    @contextmanager
    def told(self, path: bytes) -> Iterator[None]:
        """Name the file in what goes wrong while it is made or put in place."""
        whole = self._folder + b"/" + path
        try:
            yield
        except SourceChanged:  # it names the source, and what to do there
            raise
        except Damaged as error:
            raise Damaged(f"{os.fsdecode(whole)} cannot be written: {error}") from error
        except OSError as error:
            if error.errno in {errno.EXDEV, errno.EBUSY}:  # one mounted from within, as seen here
                raise mounted_over(whole) from error
            if error.errno in _REFUSED:
                raise Unavailable(
                    f"{os.fsdecode(whole)} cannot be written: permission denied. Look at the "
                    "permissions of the folder that it is in."
                ) from error
            if error.errno in _MOVED:
                raise Conflict(
                    f"{os.fsdecode(whole)} cannot be written: somebody changed the folders around "
                    "it meanwhile. Try again."
                ) from error
            raise

    def _put_in_place(self, made: list[_Made]) -> Placed:
        ready, self._waiting = self._waiting, made
        now = self._now_after(max((one.modified for one in ready), default=0))
        looks = []
        for one in ready:
            parent, name = split(one.path)
            with self.told(one.path):
                folder = self._folders.get(parent)
                os.rename(one.name, name, src_dir_fd=self.own, dst_dir_fd=folder)
                known = one.entry.kind != EntryKind.REFERENCE  # by the digest of its content
                if known and 0 < one.modified < now:
                    stat = os.stat(name, dir_fd=folder, follow_symlinks=False)
                    if stat.st_mtime_ns == one.modified:
                        looks.append((one.entry.digest, FileLook.of(stat)))
        return Placed(Done(len(ready), sum(one.told for one in ready)), looks)

    def _now_after(self, latest: int) -> int:
        """Read the clock that the file system gives files their times by, once it has gone on.

        Args:
            latest: a time that it gave; it goes on every few milliseconds.
        """
        now = self._now()
        for _ in range(_PATIENCE):
            if now > latest:
                break
            time.sleep(_TICK)
            now = self._now()
        return now

    def _now(self) -> int:
        os.utime(self._clock)
        return os.fstat(self._clock).st_mtime_ns


def write_range(
    reader: ObjectReader, entry: Entry, descriptor: int, start: int, end: int
) -> Placed:
    """Write those chunks of a file that begin between two offsets."""
    written = 0
    for offset, chunk in reader.iter_chunks(entry, start, end):
        write_at(descriptor, chunk, offset)
        written += len(chunk)
    return Placed(Done(0, written))
