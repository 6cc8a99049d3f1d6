"""Files that appear complete and durable or not at all, and what the disk says when it refuses."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from omprov.errors import StorageFull, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from omprov.errors import OmprovError

_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def fsync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors_told(where: object = "the content store") -> Iterator[None]:
    """Turn "no space left" and its kin into `StorageFull`, "read-only" into `Unavailable`."""
    try:
        yield
    except OSError as error:
        if (known := told_of_disk(error, where)) is None:
            raise
        raise known from error


def told_of_disk(error: OSError, where: object = "the content store") -> OmprovError | None:
    """Return what `disk_errors_told` raises for an error, if it is one that it knows."""
    if error.errno in _NO_ROOM:
        return StorageFull(
            f"no room on the disk for {where} ({error.strerror}); nothing was half-written. "
            "Free some space and try again."
        )
    if error.errno == errno.EROFS:
        return Unavailable(f"{where} cannot be written: its disk is read-only")
    return None


def create_locked(folder: Path) -> tuple[Path, int]:
    """Make a file that no process takes for a leftover while its descriptor is open."""
    while True:
        path = folder / os.urandom(8).hex()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)  # another process took it for a leftover before the lock was there
