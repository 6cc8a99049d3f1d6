"""Making the folder of a repository, so that it is there whole or counts as not there."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from omprov.catalog import create_catalog
from omprov.content import ContentStore
from omprov.errors import (
    AlreadyExists,
    Conflict,
    Damaged,
    NotFound,
    OmprovError,
    StorageFull,
    Unavailable,
)
from omprov.records import DEFAULT_PROJECT

from ._layout import CATALOG, CONTENT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

_UNFINISHED = "catalog.new"


def is_complete(path: Path) -> bool:
    """Say whether a repository is in this folder; one that was interrupted in the making is not."""
    return (path / CATALOG).exists()


def make_parts(path: Path, *, who: str, now: datetime) -> None:
    """Make an empty content store and catalog in `path`, or what of them is missing.

    Raises:
        AlreadyExists: there is a repository.
        Conflict: a file stands where a folder has to be.
        Damaged: content is there whose catalog was lost.
        StorageFull: there is no room.
        Unavailable: the folder cannot be written.
    """
    with founding_errors_told(path):
        path.mkdir(parents=True, exist_ok=True)
        with alone_in(path):
            if is_complete(path):
                raise AlreadyExists("repository", path)
            (path / ".gitignore").write_text("*\n", encoding="utf-8")
            _make_content(path / CONTENT)
            _make_catalog(path, who=who, now=now)


def _make_content(path: Path) -> None:
    try:
        store = ContentStore.open(path)
    except NotFound:
        ContentStore.create(path).close()
        return
    with store:
        if store.size():
            raise Damaged(
                f"{path} holds files, but {CATALOG}, which says what they are, is gone: restore it "
                "from a backup, or move the folder away"
            )


def _make_catalog(path: Path, *, who: str, now: datetime) -> None:
    """Make the catalog under another name, and give it its own once it is complete."""
    for leftover in path.glob(f"{_UNFINISHED}*"):
        leftover.unlink()
    catalog = create_catalog(path / _UNFINISHED)
    try:
        with catalog.write(who, now) as writer:
            writer.add_project(DEFAULT_PROJECT)
    finally:
        catalog.close()  # SQLite takes its log into the file, and deletes it
    if (path / f"{_UNFINISHED}-wal").exists():  # it could not: the file alone is not whole
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    (path / _UNFINISHED).rename(path / CATALOG)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def alone_in(path: Path) -> Iterator[None]:
    """Let the processes that make a repository here do it in turn."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def founding_errors_told(path: Path) -> Iterator[None]:
    """Turn the system's errors into the tree's."""
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        raise Conflict(f"{path} cannot be made: a file stands in the way") from error
    except OmprovError:  # some are system errors as well
        raise
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(
                f"no room to make {path}; free some space and make it again"
            ) from error
        raise Unavailable(f"{path} cannot be made: {error.strerror}") from error
