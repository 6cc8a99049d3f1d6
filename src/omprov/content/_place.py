"""Makes single files on disk: as copies, as clones that share blocks, or as hard links."""

# Paths are bytes here, which pathlib does not take:
# ruff: noqa: PTH101, PTH211

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeVar

from blake3 import blake3

from omprov.errors import InvalidInput

from ._durable import create_locked
from ._nodes import EntryKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ._nodes import Entry
    from ._reading import ObjectReader

    Place = Callable[[Entry, bytes], None]
    """Makes the file of an entry at a path where nothing is yet."""

MaterializeMode = Literal["copy", "reflink", "link"]
_FICLONE = 0x40049409
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = 1 << 20
_TRIES = 5
"""So often a cached file may be collected between finding and using it."""

Result = TypeVar("Result")


def choose_place(mode: MaterializeMode, reader: ObjectReader, store: Path) -> Place:
    """Return the function that makes files in this mode.

    Raises:
        InvalidInput: there is no such mode.
    """
    cached = _CachedFiles(reader, store)
    match mode:
        case "copy":
            return lambda entry, path: _copy(reader, entry, path)
        case "reflink":
            return lambda entry, path: _clone(reader, cached, entry, path)
        case "link":
            return lambda entry, path: _link(reader, cached, entry, path)
        case _:
            raise InvalidInput(f"mode {mode!r} is none of copy, reflink, link")


def _copy(reader: ObjectReader, entry: Entry, path: bytes) -> None:
    if entry.kind == EntryKind.SYMLINK:
        os.symlink(b"".join(reader.iter_content(entry.digest, entry.size)), path)
        return
    permissions = 0o777 if entry.kind == EntryKind.EXECUTABLE else 0o666
    descriptor = os.open(path, _NEW, permissions)
    try:
        for block in reader.iter_content(entry.digest, entry.size):
            write_all(descriptor, block)
    finally:
        os.close(descriptor)


def _clone(reader: ObjectReader, cached: _CachedFiles, entry: Entry, path: bytes) -> None:
    if not _is_worth_sharing(entry):
        _copy(reader, entry, path)
        return
    permissions = 0o777 if entry.kind == EntryKind.EXECUTABLE else 0o666
    with cached.open(entry) as source:
        descriptor = os.open(path, _NEW, permissions)
        try:
            fcntl.ioctl(descriptor, _FICLONE, source.fileno())
        except OSError:  # this file system cannot share blocks
            while block := source.read(_READ):
                write_all(descriptor, block)
        finally:
            os.close(descriptor)


def _link(reader: ObjectReader, cached: _CachedFiles, entry: Entry, path: bytes) -> None:
    if not _is_worth_sharing(entry):
        _copy(reader, entry, path)
        return
    try:
        cached.link(entry, path)
    except OSError as error:
        if error.errno == errno.EMLINK:  # too many names for one file
            _copy(reader, entry, path)
            os.chmod(path, 0o555 if entry.kind == EntryKind.EXECUTABLE else 0o444)
        elif error.errno == errno.EXDEV:
            raise InvalidInput(
                "the folder lies on another file system than the content store: hard links "
                "cannot cross; use mode copy"
            ) from error
        else:
            raise


def _is_worth_sharing(entry: Entry) -> bool:
    return entry.kind != EntryKind.SYMLINK and entry.size > 0


class _CachedFiles:
    """Whole read-only files beside the packs, made on demand; may be deleted at any time."""

    def __init__(self, reader: ObjectReader, store: Path) -> None:
        self._reader = reader
        self._store = store

    def get(self, entry: Entry) -> Path:
        """Return a file with exactly these bytes: one that was altered through a link goes."""
        executable = entry.kind == EntryKind.EXECUTABLE
        name = entry.digest.hex() + ("-x" if executable else "")
        path = self._store / "files" / name
        if not _holds(path, entry.digest):
            path.unlink(missing_ok=True)
            self._make(entry, path, 0o555 if executable else 0o444)
        return path

    def open(self, entry: Entry) -> BinaryIO:
        """Open it for reading; it may go from the folder meanwhile."""
        return self._with(entry, lambda path: path.open("rb"))

    def link(self, entry: Entry, path: bytes) -> None:
        """Give it one more name."""
        self._with(entry, lambda file: os.link(file, path))

    def _with(self, entry: Entry, use: Callable[[Path], Result]) -> Result:
        for _ in range(_TRIES):
            file = self.get(entry)
            try:
                return use(file)
            except FileNotFoundError:
                if file.exists():
                    raise
        return use(self.get(entry))  # the collector took it each time: let the error be seen

    def _make(self, entry: Entry, path: Path, permissions: int) -> None:
        path.parent.mkdir(exist_ok=True)
        temporary, descriptor = create_locked(self._store / "tmp")
        try:
            for block in self._reader.iter_content(entry.digest, entry.size):
                write_all(descriptor, block)
            os.fchmod(descriptor, permissions)
            temporary.rename(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
        finally:
            os.close(descriptor)


def _holds(path: Path, digest: bytes) -> bool:
    try:
        return blake3().update_mmap(path).digest() == digest
    except OSError:
        return False


def write_all(descriptor: int, block: bytes) -> None:
    """Write a block, however many calls the system needs for it."""
    view = memoryview(block)
    while view:
        view = view[os.write(descriptor, view) :]
