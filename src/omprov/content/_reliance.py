"""What a writer may rely on: objects that are stored already, and stay while it works.

A writer that finds an object stored *freshens* its pack: it sets the pack's time of change to now.
Packs that changed within the grace period, or since the oldest writer at work began, are safe from
the collector. `docs/design/content-store.md` has the argument.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING, Self

from omprov.errors import Busy

from ._care._condemned import Condemned
from ._pack_folder import pack_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ._format._objects import Key
    from ._index import ChunkIndex

PACKS_LOCK = "packs.lock"
"""Held shared while packs are looked up and freshened, exclusively while some are removed."""
COLLECTOR_LOCK = "gc.lock"
"""Held by the one collector."""
_WRITER = "writer-"
_FRESH_FOR = 3600.0
"""Seconds after which a writer that is still at work freshens a pack again."""
_LOCK_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC


class Reliance:
    """The packs that one writer relies on, from its first look-up until it is closed.

    Safe to use from several threads; every process needs one of its own.
    """

    def __init__(self, folder: Path, index: ChunkIndex) -> None:
        self._folder = folder
        self._index = index
        self._mutex = Lock()
        self._condemned = Condemned(folder)
        self._fresh: dict[str, float] = {}
        self._writer: tuple[Path, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def known(self, keys: Iterable[Key], *, held: bool = True) -> set[Key]:
        """Return those of `keys` that are stored, and stay until this is closed and a grace after.

        What lies in a pack that cannot be freshened counts as not stored.

        Args:
            keys: which.
            held: leave out the file objects that are references: their bytes lie elsewhere.
        """
        wanted = set(keys)
        if not wanted:
            return wanted
        with self._mutex:
            try:
                self._register()
                with _locked(self._folder / PACKS_LOCK, fcntl.LOCK_SH):
                    return self._condemned.spare(self._rely_on(wanted, held))
            except OSError:  # nothing can be written here, so nothing can be held on to
                return set()

    def hold(self, packs: Iterable[str]) -> set[str]:
        """Return those of `packs` that are there; they stay as they are until this is closed.

        To be called while nobody collects: see `no_collector`. Where nothing can be written there
        is no such promise.
        """
        folder = self._folder / "packs"
        there = {name for name in packs if (folder / pack_file(name)).exists()}
        with self._mutex, suppress(OSError):
            self._register()
            with _locked(self._folder / PACKS_LOCK, fcntl.LOCK_SH):
                return {name for name in there if self._freshen(name)}
        return there

    def close(self) -> None:
        """Let go of the packs."""
        with self._mutex:
            self._fresh.clear()
            if self._writer is not None:
                path, descriptor = self._writer
                self._writer = None
                try:
                    path.unlink()
                except OSError:
                    pass  # without its lock it is a leftover
                finally:
                    os.close(descriptor)

    def _register(self) -> None:
        """Say that a writer is at work, before it relies on anything."""
        while self._writer is None:
            path = self._folder / "tmp" / (_WRITER + os.urandom(8).hex())
            descriptor = os.open(path, _LOCK_FLAGS | os.O_EXCL, 0o644)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                self._writer = path, descriptor
            else:  # another process took it for a leftover before the lock was there
                os.close(descriptor)

    def _rely_on(self, keys: set[Key], held: bool) -> set[Key]:  # noqa: FBT001 - passed on
        found: set[Key] = set()
        for pack, those in self._index.packs_of(keys, held=held).items():
            if self._freshen(pack):
                found |= those
        return found

    def _freshen(self, pack: str) -> bool:
        now = time.monotonic()
        if now - self._fresh.get(pack, -_FRESH_FOR) < _FRESH_FOR:
            return True
        try:
            _touch(self._folder / "packs" / pack_file(pack))
        except OSError:
            return False
        self._fresh[pack] = now
        return True


def _touch(path: Path) -> None:
    """Set a file's time of change to now; it differs from what it was in any case."""
    before = path.stat().st_mtime_ns
    os.utime(path)
    if path.stat().st_mtime_ns == before:  # within one tick of the clock
        os.utime(path, ns=(before + 1, before + 1))


def oldest_writer(folder: Path) -> int | None:
    """Return when the oldest writer at work began, in ns by the file system's clock."""
    began = []
    for path in (folder / "tmp").glob(_WRITER + "*"):
        with suppress(FileNotFoundError), path.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                began.append(os.fstat(file.fileno()).st_mtime_ns)
    return min(began, default=None)


@contextmanager
def packs_removable(folder: Path) -> Iterator[None]:
    """Keep writers from relying on anything while the block runs: it has to be short."""
    with _locked(folder / PACKS_LOCK, fcntl.LOCK_EX):
        yield


@contextmanager
def packs_settled(folder: Path) -> Iterator[None]:
    """Run the block while no pack is being removed; without a promise where no lock can be had."""
    try:
        descriptor = os.open(folder / PACKS_LOCK, _LOCK_FLAGS, 0o644)
    except OSError:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def no_collector(folder: Path) -> Iterator[None]:
    """Run the block, which has to be short, while nobody collects garbage; wait for who does.

    Where no lock can be had there is no such promise.
    """
    try:
        descriptor = os.open(folder / COLLECTOR_LOCK, _LOCK_FLAGS, 0o644)
    except OSError:
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def only_collector(folder: Path) -> Iterator[int]:
    """Be the one who collects garbage; give the time now, in ns by the file system's clock.

    Raises:
        Busy: another process does.
    """
    path = folder / COLLECTOR_LOCK
    try:
        with _locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB) as descriptor:
            os.utime(path)
            yield os.fstat(descriptor).st_mtime_ns
    except BlockingIOError as error:
        raise Busy(
            "another process collects garbage in this store, mends it or begins a backup; "
            "let it finish"
        ) from error


@contextmanager
def _locked(path: Path, how: int) -> Iterator[int]:
    descriptor = os.open(path, _LOCK_FLAGS, 0o644)
    try:
        fcntl.flock(descriptor, how)
        yield descriptor
    finally:
        os.close(descriptor)
