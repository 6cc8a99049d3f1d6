"""Reads folders and files from disk as they are, noticing what changes meanwhile.

Paths are bytes here, for file names are bytes.
"""

from __future__ import annotations

import errno
import os
import stat as stat_module
from contextlib import contextmanager
from io import FileIO
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from blake3 import blake3

from omprov.content._format._nodes import EntryKind
from omprov.errors import Conflict, InvalidInput, OmprovError, Unavailable

from ._ignore import IGNORE_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Self, TypeVar

    from ._ignore import IgnoreRules

    Result = TypeVar("Result")

_RECORDED = {stat_module.S_IFREG, stat_module.S_IFLNK}
_FILE, _EXECUTABLE = EntryKind.FILE, EntryKind.EXECUTABLE
_TRIES = 3
_BLOCK = 16 << 20
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO}
_SPECIAL = {
    stat_module.S_IFSOCK: "a socket",
    stat_module.S_IFIFO: "a named pipe",
    stat_module.S_IFBLK: "a device",
    stat_module.S_IFCHR: "a device",
}


class FileLook(NamedTuple):
    """How a file looked; what of `os.stat_result` matters, with its names."""

    st_mode: int
    st_ino: int
    st_dev: int
    st_size: int
    st_mtime_ns: int
    st_ctime_ns: int

    @classmethod
    def of(cls, stat: os.stat_result) -> Self:
        """Take it from the system's answer."""
        return cls(
            stat.st_mode,
            stat.st_ino,
            stat.st_dev,
            stat.st_size,
            stat.st_mtime_ns,
            stat.st_ctime_ns,
        )


def list_folder(path: bytes, rules: IgnoreRules) -> tuple[list[bytes], IgnoreRules]:
    """Return the names in a folder, and the rules for what is below it.

    Names are sorted; those of folders end in ``/``.
    """
    with told(path):
        with os.scandir(path) as found:
            names = [
                entry.name + b"/" if entry.is_dir(follow_symlinks=False) else entry.name
                for entry in found
            ]
        if IGNORE_FILE in names:
            rules = rules.enter(path)
    names.sort()
    return rules.kept(path, names), rules


def look(path: bytes) -> os.stat_result:
    """Return how a file or symlink looks.

    Raises:
        InvalidInput: it is neither a regular file nor a symlink.
        Conflict: it is gone.
    """
    try:  # not `with told`: this is called for millions of files
        stat = os.lstat(path)
    except OSError as error:
        raise _as_told(path, error) from error
    kind = stat_module.S_IFMT(stat.st_mode)
    if kind not in _RECORDED:
        if kind == stat_module.S_IFDIR:
            raise _changing(path)
        raise InvalidInput(
            f"{os.fsdecode(path)} is {_SPECIAL.get(kind, 'no file')}: only files, folders and "
            "symlinks can be recorded. Remove it, or name it in .omprovignore."
        )
    return stat


def kind_of(mode: int) -> EntryKind:
    """Return the kind of entry that a file or symlink of this mode makes.

    Executable is what its owner says.
    """
    if stat_module.S_ISLNK(mode):
        return EntryKind.SYMLINK
    return _EXECUTABLE if mode & stat_module.S_IXUSR else _FILE


def read_all(file: BinaryIO, size: int) -> bytes:
    """Read the bytes that a file without buffer is said to have, and one more where it has it."""
    content = file.read(size + 1)
    while len(content) < size and (more := file.read(size + 1 - len(content))):
        content += more
    return content


def hash_file(file: BinaryIO, tell: Callable[[int], None] = lambda _: None) -> bytes:
    """Return the BLAKE3 of what is left of a file, computed on all cores.

    Args:
        file: without buffer.
        tell: told how many bytes were read, from time to time.
    """
    whole = blake3(max_threads=blake3.AUTO)
    block = memoryview(bytearray(_BLOCK))
    while count := file.readinto(block):  # type: ignore[attr-defined]
        whole.update(block[:count])
        tell(count)
    return whole.digest()


def read_steadily(
    path: bytes, read: Callable[[BinaryIO, os.stat_result], Result]
) -> tuple[Result, os.stat_result]:
    """Call `read` on an open file until the file did not change while it was read.

    Returns:
        What `read` returned, and how the file looked before and after.

    Raises:
        Conflict: it changed each time, or is gone.
        InvalidInput: it cannot be opened, or is no regular file any more.
    """
    for _ in range(_TRIES):
        try:  # not `with told`: this is called for millions of files
            with FileIO(os.open(path, _FLAGS)) as file:
                descriptor = file.fileno()
                before = os.fstat(descriptor)
                if not stat_module.S_ISREG(before.st_mode):
                    raise _changing(path)
                result = read(file, before)
                after = os.fstat(descriptor)
                if looks(before) == looks(after) and file.tell() == after.st_size:
                    return result, after
        except OmprovError:  # some are errors of the system as well
            raise
        except OSError as error:
            raise _as_told(path, error) from error
    raise _changing(path)


def looks(stat: os.stat_result | FileLook) -> tuple[int, int, int, int]:
    """Return what would differ if the file had changed."""
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


@contextmanager
def told(path: bytes) -> Iterator[None]:
    """Turn the errors of looking at `path` into the tree's."""
    try:
        yield
    except OmprovError:  # some are errors of the system as well
        raise
    except OSError as error:
        raise _as_told(path, error) from error


def _as_told(path: bytes, error: OSError) -> Exception:
    if isinstance(error, PermissionError):
        return InvalidInput(f"{os.fsdecode(path)} cannot be read: permission denied")
    if error.errno in _GONE:
        return _changing(path)
    if error.errno == errno.ENAMETOOLONG:
        return InvalidInput(
            f"{os.fsdecode(path[:60])}… is longer than the system takes for a path: move the "
            "folder to a place with a shorter path, or name it in .omprovignore"
        )
    return Unavailable(f"{os.fsdecode(path)} cannot be read: {error.strerror}")


def _changing(path: bytes) -> Conflict:
    return Conflict(
        f"{os.fsdecode(path)} changes while it is read. Stop what writes to it and try again."
    )
