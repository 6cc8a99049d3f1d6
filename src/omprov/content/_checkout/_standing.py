"""What stands on disk where the files of a tree shall go."""

# Names are bytes here, which pathlib does not take:
# ruff: noqa: PTH123

from __future__ import annotations

import os
import stat as stat_module
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from omprov.content._adding._disk import kind_of, looks, told
from omprov.content._adding._stats import identity
from omprov.content._format._nodes import Entry, EntryKind
from omprov.errors import Conflict

from ._folder_handles import split

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.content._adding._stats import StatCache

    from ._folder_handles import FolderHandles

_TRIES = 3
_READ = 4 << 20
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

OTHER = Entry(b"", EntryKind.PAGE, 0, 0, b"")
"""Stands for a socket, a device or the like."""
FOLDER = Entry(b"", EntryKind.FOLDER, 0, 0, b"")


class Ground(NamedTuple):
    """The folder that a plan is made for.

    Attributes:
        folder: its path, for messages.
        handles: opens what is below it.
        stats: knows the digests of files that did not change.
    """

    folder: bytes
    handles: FolderHandles
    stats: StatCache

    def look(self, path: bytes) -> os.stat_result | None:
        """Return how what is at `path` looks; ``None`` where nothing is."""
        parent, name = split(path)
        descriptor = self.handles.find(parent)
        if descriptor is None:
            return None
        try:
            return os.stat(name, dir_fd=descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def standing(self, found: Mapping[bytes, os.stat_result]) -> dict[bytes, Entry]:
        """Return what the files, links and folders are that look like this, by path.

        Raises:
            Conflict: a file kept changing while it was read.
            InvalidInput: a file cannot be read.
        """
        regular = [stat for stat in found.values() if stat_module.S_ISREG(stat.st_mode)]
        known = self.stats.find(regular)
        now = self.stats.now() if len(known) < len(regular) else 0
        standing: dict[bytes, Entry] = {}
        for path, stat in found.items():
            if stat_module.S_ISDIR(stat.st_mode):
                standing[path] = FOLDER
            elif stat_module.S_ISLNK(stat.st_mode):
                standing[path] = self._link(path)
            elif stat_module.S_ISREG(stat.st_mode):
                standing[path] = self._file(path, stat, known.get(identity(stat)), now)
            else:
                standing[path] = OTHER
        return standing

    def _link(self, path: bytes) -> Entry:
        parent, name = split(path)
        with told(self.folder + b"/" + path):
            target = os.readlink(name, dir_fd=self.handles.get(parent))
        return Entry(name, EntryKind.SYMLINK, len(target), 1, blake3(target).digest())

    def _file(self, path: bytes, stat: os.stat_result, digest: bytes | None, now: int) -> Entry:
        if digest is None:
            digest, stat = self._read(path)
            self.stats.add(stat, digest, now)
        return Entry(b"", kind_of(stat.st_mode), stat.st_size, 1, digest)

    def _read(self, path: bytes) -> tuple[bytes, os.stat_result]:
        parent, name = split(path)
        for _ in range(_TRIES):
            with told(self.folder + b"/" + path):
                descriptor = os.open(name, _FLAGS, dir_fd=self.handles.get(parent))
            with open(descriptor, "rb", buffering=0) as file:
                before = os.fstat(descriptor)
                if not stat_module.S_ISREG(before.st_mode):
                    break
                whole = blake3(max_threads=blake3.AUTO)
                while block := file.read(_READ):
                    whole.update(block)
                after = os.fstat(descriptor)
                if looks(before) == looks(after) and file.tell() == after.st_size:
                    return whole.digest(), after
        raise Conflict(
            f"{os.fsdecode(self.folder + b'/' + path)} changes while it is read. Stop what writes "
            "to it and try again."
        )
