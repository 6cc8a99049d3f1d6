"""Tokens of servers, in a file that only its owner reads."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omprov.errors import Damaged

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one server.

    Attributes:
        token: proves who asks.
        user: whose it is; for people.
    """

    token: str
    user: str


class Credentials:
    """A small JSON file; changes are atomic, and serialised between processes.

    Args:
        file: where it lies; it, and the folder, are made when something is kept.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def find(self, url: str) -> Kept | None:
        """Return what is kept of a server."""
        known = self._read().get(url)
        return None if known is None else Kept(known["token"], known["user"])

    def keep(self, url: str, token: str, user: str) -> None:
        """Keep a token, instead of the one that was kept of the server."""
        with self._changing() as known:
            known[url] = {"token": token, "user": user}

    def forget(self, url: str) -> bool:
        """Forget the token of a server; say whether there was one."""
        if url not in self._read():
            return False
        with self._changing() as known:
            return known.pop(url, None) is not None

    def urls(self) -> list[str]:
        """Return the servers of which a token is kept."""
        return sorted(self._read())

    def _read(self) -> dict[str, Any]:
        try:
            data = json.loads(self._file.read_text(encoding="utf-8"))
            return {url: {"token": one["token"], "user": one["user"]} for url, one in data.items()}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Damaged(
                f"{self._file} cannot be read; delete it, and sign in again with `omprov login`"
            ) from error

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        folder = self._file.parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            known = self._read()
            yield known
            partial = self._file.with_name(self._file.name + ".new")
            partial.unlink(missing_ok=True)
            opened = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(opened, "w", encoding="utf-8") as file:
                json.dump(known, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._file)
        finally:
            os.close(descriptor)
