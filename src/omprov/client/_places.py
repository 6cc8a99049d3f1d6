"""Where a server is, and where this machine keeps what belongs to it. Loads next to nothing."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from omprov.errors import InvalidInput
from omprov.repository import SERVERS

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
