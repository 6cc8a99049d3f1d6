"""The folder on this machine of a repository on a server: made where it is not there."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from omprov.content import ContentStore
from omprov.errors import Conflict, InvalidInput, NotFound
from omprov.repository import CONTENT, SERVERS, alone_in, founding_errors_told

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS = "server"
"""The file with the address of the server: where it stands, all is there."""


def folder_of(own: Path, url: str) -> Path:
    """Return the folder for a server.

    Args:
        own: the ``.omprov`` folder that it lies in.
        url: of the server.
    """
    url = check_url(url)
    host = "".join(c if c.isalnum() or c in "-." else "-" for c in urlsplit(url).netloc.lower())
    return own / SERVERS / f"{host}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def check_url(url: str) -> str:
    """Return the address of a server as it is kept: without what may differ and means nothing.

    Raises:
        InvalidInput: it is no such address.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInput(f"{url!r} is no address of a server: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInput(f"{url!r} is no address of a server: write http(s)://HOST[:PORT]")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InvalidInput(
            "the address of a server holds no names, secrets or questions: `omprov login` keeps a "
            "token, OMPROV_TOKEN says one"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    where = host if port is None else f"{host}:{port}"
    return f"{parts.scheme}://{where}{parts.path.rstrip('/')}"


def read_address(folder: Path) -> str | None:
    """Return the address of the server that a folder is of; ``None`` where it is of none."""
    try:
        return (folder / ADDRESS).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None


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
        with founding_errors_told(folder):
            _make(folder, url)
    try:
        return ContentStore.open(folder / CONTENT)
    except NotFound:
        with founding_errors_told(folder), alone_in(folder):
            return _store(folder)


def _make(folder: Path, url: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
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
