"""Local copies: read-only folders with the files of versions, shared by all who ask for them.

A process that was given one holds a shared lock on its folder until it closes the repository, so
nobody takes it away from a training that reads from it, however long that runs.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from omprov.errors import OmprovError
from omprov.records import Digest

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from omprov.content import ContentStore

UNUSED = timedelta(days=30)
"""A copy that nobody asked for in so long goes, though its version is there."""
_PARTIAL = "partial-"
_GOING = "going-"


@dataclass(frozen=True, slots=True)
class ClearedCopies:
    """What became of local copies.

    Attributes:
        removed: how many went.
        bytes: of files that have no other name: the rest is freed with the store's whole files.
        changed: how many stay because somebody changed them.
    """

    removed: int = 0
    bytes: int = 0
    changed: int = 0


class Copies:
    """The local copies of one repository. Safe to use from several threads."""

    def __init__(self, folder: Path, content: ContentStore) -> None:
        self.folder = folder
        self._content = content
        self._lock = threading.Lock()
        self._held: dict[Digest, int] = {}

    def close(self) -> None:
        """Let go of the copies; others may take them away."""
        with self._lock:
            held, self._held = self._held, {}
        for descriptor in held.values():
            os.close(descriptor)

    def get(self, digest: Digest) -> Path:
        """Return the copy of a content, made now if it is not there; it stays until `close`."""
        path = self.folder / digest
        while not self._hold(digest, path):
            self._make(digest, path)
        return path

    def _hold(self, digest: Digest, path: Path) -> bool:
        with self._lock:
            if digest in self._held and path.exists():
                return True
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                return False
            with suppress(OSError):  # no locks here: nobody can get the one to remove it either
                fcntl.flock(descriptor, fcntl.LOCK_SH)
            if not _is_at(descriptor, path):  # it was on its way out
                os.close(descriptor)
                return False
            with suppress(OSError):  # not ours, or nothing can be written
                os.utime(path)
            before = self._held.pop(digest, None)
            if before is not None:
                os.close(before)
            self._held[digest] = descriptor
            return True

    def _make(self, digest: Digest, path: Path) -> None:
        self.folder.mkdir(exist_ok=True)
        partial = self.folder / tempfile.mkdtemp(prefix=_PARTIAL, dir=self.folder)
        try:
            self._content.materialize(digest, partial, mode="link")
            partial.rename(path)
        except BaseException as error:
            shutil.rmtree(partial, ignore_errors=True)
            if not (isinstance(error, OSError) and path.exists()):
                raise  # else another process was quicker; its copy is as good

    def clear(
        self, kept: Container[Digest], *, now: float, grace: timedelta, dry_run: bool = False
    ) -> ClearedCopies:
        """Remove copies that nobody uses: of contents that no version names, or long unused ones.

        A copy that was changed stays: no version may hold what it has become.

        Args:
            kept: the contents that versions name.
            now: in seconds since 1970.
            grace: how long after its last use a copy stays in any case.
            dry_run: change nothing.
        """
        removed = freed = changed = 0
        for path in sorted(self.folder.iterdir()) if self.folder.exists() else ():
            with _alone_with(path) as alone:
                if not alone or not _is_due(path, kept, now, grace):
                    continue
                if not path.name.startswith((_PARTIAL, _GOING)) and not self._is_as_made(path):
                    changed += 1
                    continue
                size = _own_bytes(path)
                if dry_run or _remove(path):
                    removed += 1
                    freed += size
        return ClearedCopies(removed, freed, changed)

    def size(self) -> int:
        """Return the bytes of files that have no other name."""
        return _own_bytes(self.folder)

    def _is_as_made(self, path: Path) -> bool:
        try:
            return self._content.hash_tree(path).digest == path.name
        except OmprovError:
            return False


def _is_due(path: Path, kept: Container[Digest], now: float, grace: timedelta) -> bool:
    unused = now - path.stat().st_mtime
    if path.name.startswith(_GOING):
        return True
    if Digest(path.name) in kept:
        return unused > max(grace, UNUSED).total_seconds()
    return unused >= grace.total_seconds()


@contextmanager
def _alone_with(path: Path) -> Iterator[bool]:
    """Say whether nobody holds this folder, and keep it so for the block."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield _is_at(descriptor, path)
    finally:
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False


def _remove(path: Path) -> bool:
    """Take a folder away in one step, then delete it."""
    going = path if path.name.startswith(_GOING) else path.with_name(_GOING + path.name)
    try:
        path.rename(going)
    except OSError:
        return False
    shutil.rmtree(going, ignore_errors=True)
    return True


def _own_bytes(folder: Path) -> int:
    size = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            stat = path.lstat()
            if stat.st_nlink == 1 and not path.is_dir():
                size += stat.st_size
    return size
