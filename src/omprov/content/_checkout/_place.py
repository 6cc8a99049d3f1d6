"""Makes single files on disk: as copies, as clones that share blocks, or as hard links."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeVar

from blake3 import blake3

from omprov.content._durable import create_locked
from omprov.content._format._nodes import EntryKind
from omprov.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from omprov.content._format._nodes import Entry
    from omprov.content._reading import ObjectReader

    Place = Callable[[Entry, bytes, int], int]
    """Makes the file of an entry under a name in an open folder, where nothing is yet; returns when
    it was modified, in ns, or 0 where others may have had their hands on it."""

MaterializeMode = Literal["copy", "reflink", "link"]
_FICLONE = 0x40049409
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = 1 << 20
_PROBE = 4096
_TRIES = 5
"""So often a cached file may be collected between finding and using it."""
_ZEROS = bytes(_PROBE)
"""Blocks from so many bytes on that are all zeros are not written: less is no hole on any disk."""

Result = TypeVar("Result")


def choose_place(mode: MaterializeMode, reader: ObjectReader, store: Path) -> Place:
    """Return the function that makes files in this mode.

    Raises:
        InvalidInput: there is no such mode.
    """
    cached = _CachedFiles(reader, store)
    match mode:
        case "copy":
            return lambda entry, name, folder: _copy(reader, entry, name, folder)
        case "reflink":
            return lambda entry, name, folder: _clone(reader, cached, entry, name, folder)
        case "link":
            return lambda entry, name, folder: _link(reader, cached, entry, name, folder)
        case _:
            raise InvalidInput(f"mode {mode!r} is none of copy, reflink, link")


def create_file(entry: Entry, name: bytes, folder: int) -> int:
    """Make the empty file of an entry; return its descriptor."""
    permissions = 0o777 if entry.kind == EntryKind.EXECUTABLE else 0o666
    return os.open(name, _NEW, permissions, dir_fd=folder)


def write_at(descriptor: int, block: bytes, offset: int) -> None:
    """Write a block at its place in a file; one of zeros is left as a hole."""
    if block[:_PROBE] == _ZEROS and len(block) >= _PROBE and not block.strip(b"\0"):
        return
    view = memoryview(block)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def _copy(reader: ObjectReader, entry: Entry, name: bytes, folder: int) -> int:
    if entry.kind == EntryKind.SYMLINK:
        target = b"".join(reader.iter_content(entry))
        os.symlink(target, name, dir_fd=folder)
        return 0
    descriptor = create_file(entry, name, folder)
    try:
        offset = 0
        for block in reader.iter_content(entry):
            write_at(descriptor, block, offset)
            offset += len(block)
        stat = os.fstat(descriptor)
        if stat.st_size != offset:  # it ends in a hole
            os.ftruncate(descriptor, offset)
            stat = os.fstat(descriptor)
        return stat.st_mtime_ns
    finally:
        os.close(descriptor)


def _copy_read_only(reader: ObjectReader, entry: Entry, name: bytes, folder: int) -> int:
    _copy(reader, entry, name, folder)
    os.chmod(name, 0o555 if entry.kind == EntryKind.EXECUTABLE else 0o444, dir_fd=folder)
    return 0


def _clone(
    reader: ObjectReader, cached: _CachedFiles, entry: Entry, name: bytes, folder: int
) -> int:
    if not _is_worth_sharing(entry) or cached.is_elsewhere(entry):
        return _copy(reader, entry, name, folder)
    with cached.open(entry) as source:
        descriptor = create_file(entry, name, folder)
        try:
            fcntl.ioctl(descriptor, _FICLONE, source.fileno())
        except OSError:  # this file system cannot share blocks
            while block := source.read(_READ):
                write_all(descriptor, block)
        finally:
            os.close(descriptor)
    return 0


def _link(
    reader: ObjectReader, cached: _CachedFiles, entry: Entry, name: bytes, folder: int
) -> int:
    if not _is_worth_sharing(entry):
        return _copy(reader, entry, name, folder)
    if cached.is_elsewhere(entry):
        return _copy_read_only(reader, entry, name, folder)
    try:
        cached.link(entry, name, folder)
    except OSError as error:
        if error.errno == errno.EMLINK:  # too many names for one file
            return _copy_read_only(reader, entry, name, folder)
        if error.errno == errno.EXDEV:
            raise InvalidInput(
                "the folder lies on another file system than the content store: hard links "
                "cannot cross; use mode copy"
            ) from error
        raise
    return 0


def _is_worth_sharing(entry: Entry) -> bool:
    return entry.kind != EntryKind.SYMLINK and entry.size > 0


class _CachedFiles:
    """Whole read-only files beside the packs, made on demand; may be deleted at any time."""

    def __init__(self, reader: ObjectReader, store: Path) -> None:
        self._reader = reader
        self._store = store
        self._has_references = reader.elsewhere.is_used()

    def is_elsewhere(self, entry: Entry) -> bool:
        """Say whether the bytes are kept by reference: the store shall not hold them after all."""
        return self._has_references and self._reader.elsewhere.find(entry) is not None

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

    def link(self, entry: Entry, name: bytes, folder: int) -> None:
        """Give it one more name, in an open folder."""
        self._with(entry, lambda file: os.link(file, name, dst_dir_fd=folder))

    def _with(self, entry: Entry, use: Callable[[Path], Result]) -> Result:
        """Use it; the collector, or another process that makes it anew, may take it each time."""
        for _ in range(_TRIES):
            with suppress(FileNotFoundError):
                return use(self.get(entry))
        return use(self.get(entry))  # let the error be seen

    def _make(self, entry: Entry, path: Path, permissions: int) -> None:
        path.parent.mkdir(exist_ok=True)
        temporary, descriptor = create_locked(self._store / "tmp")
        try:
            for block in self._reader.iter_content(entry):
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
