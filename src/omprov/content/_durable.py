"""Files that appear complete and durable or not at all, and what the disk says when it refuses."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

from omprov.errors import StorageFull, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
        if error.errno in _NO_ROOM:
            raise StorageFull(
                f"no room on the disk for {where} ({error.strerror}); nothing was half-written. "
                "Free some space and try again."
            ) from error
        if error.errno == errno.EROFS:
            raise Unavailable(f"{where} cannot be written: its disk is read-only") from error
        raise


def create_locked(folder: Path) -> tuple[Path, int]:
    """Make a file that no process takes for a leftover while its descriptor is open."""
    while True:
        path = folder / secrets.token_hex(8)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)  # another process took it for a leftover before the lock was there
