"""The folders of journals: one for each run, with a journal of each of its processes."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SUFFIX = ".journal"
FILES = "files"
"""In a run's folder: the files that it was given as texts, figures, images and tables."""
_SILENT = 600
"""Seconds: a writer on another machine that was silent for so long is taken for gone."""
_FRESH = 60
"""Seconds: a folder without any journal is left alone for so long."""


def list_journals(folder: Path) -> list[Path]:
    """Return the files of a run's journals."""
    return sorted(folder.glob(f"*{SUFFIX}"))


def is_closed(journal: Path, host: str) -> bool:
    """Say whether nobody writes to a journal any more; what is read after that is all there is.

    Args:
        journal: the file.
        host: where its writer runs.
    """
    try:
        with journal.open("rb") as file:
            is_here = host in {"", os.uname().nodename}
            is_silent = time.time() - os.fstat(file.fileno()).st_mtime > _SILENT
            return _can_lock(file.fileno()) and (is_here or is_silent)
    except OSError:
        return False


def _can_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks here
        return True
    return True


def list_folders(parent: Path) -> list[Path]:
    """Return the folders of runs whose journals were not delivered to their end, oldest first."""
    try:
        return sorted(Path(entry.path) for entry in os.scandir(parent) if entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []


@contextmanager
def alone_with(folder: Path) -> Iterator[bool]:
    """Say whether nobody else delivers what is in this folder, and keep it so for the block."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:  # delivered meanwhile
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:  # no locks here
            pass
        yield True
    finally:
        os.close(descriptor)


def is_leftover(folder: Path) -> bool:
    """Say whether a folder without any whole journal was left behind by a crash."""
    with suppress(OSError):
        return time.time() - folder.stat().st_mtime > _FRESH
    return False


def remove_folder(folder: Path) -> None:
    """Remove a folder that was delivered; what cannot be removed is removed by the next."""
    shutil.rmtree(folder, ignore_errors=True)
