"""The folder on this machine of a repository on a server: made where it is not there."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from omprov.content import ContentStore
from omprov.errors import Conflict, NotFound
from omprov.repository import CONTENT, alone_in, founding_errors_told

from ._places import ADDRESS, read_address

if TYPE_CHECKING:
    from pathlib import Path


def open_local(folder: Path, url: str) -> ContentStore:
    """Open the content store for a server, with all around it; make what is missing.

    Raises:
        Conflict: the folder is another server's.
        StorageFull: there is no room.
        Unavailable: the folder cannot be written.
    """
    known = read_address(folder)
    if known is not None and known != url:
        raise Conflict(f"{folder} is of the server {known}, and not of {url}")
    if known is None:
        make_local(folder, url)
    try:
        return ContentStore.open(folder / CONTENT)
    except NotFound:
        with founding_errors_told(folder), alone_in(folder):
            return _store(folder)


def make_local(folder: Path, url: str) -> None:
    """Make the folder for a server.

    Raises:
        StorageFull: there is no room.
        Unavailable: the folder cannot be written.
    """
    with founding_errors_told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _fill(folder, url)


def _fill(folder: Path, url: str) -> None:
    with alone_in(folder):
        if read_address(folder) is not None:  # another process was quicker
            return
        ignored = folder.parent.parent / ".gitignore"
        if not ignored.exists():
            ignored.write_text("*\n", encoding="utf-8")
        _store(folder).close()
        partial = folder / f"{ADDRESS}.new"
        with partial.open("w", encoding="utf-8") as file:
            file.write(url + "\n")
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / ADDRESS)


def _store(folder: Path) -> ContentStore:
    try:
        return ContentStore.open(folder / CONTENT)
    except NotFound:
        return ContentStore.create(folder / CONTENT)
