"""Which content a reference turned out to have: a cache in SQLite, filled whenever one is read.

A reference that names a state (size and ETag) always has the content that it had once, so what was
read through it need not be read again, and a copy of it on disk can be recognised.
"""

from __future__ import annotations

from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING

from omprov.content._database import IN_ONE_STATEMENT, open_database, translated
from omprov.errors import Unavailable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path

_SCHEMA = """
CREATE TABLE learned (reference BLOB PRIMARY KEY, digest BLOB NOT NULL) WITHOUT ROWID;
"""
_WRITE_EVERY = 1024


class LearnedDigests:
    """Digests of contents by the digests of references. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = RLock()
        self._opened: sqlite3.Connection | None = None
        self._waiting: dict[bytes, bytes] = {}

    def close(self) -> None:
        """Write what is waiting, and let go of the file."""
        self.write()
        if self._opened is not None:
            self._opened.close()

    def find(self, references: Iterable[bytes]) -> dict[bytes, bytes]:
        """Return what is known of these references."""
        wanted = list(set(references))
        found: dict[bytes, bytes] = {}
        if not wanted:
            return found
        with self._lock, translated(self._path):
            for start in range(0, len(wanted), IN_ONE_STATEMENT):
                batch = wanted[start : start + IN_ONE_STATEMENT]
                marks = ",".join("?" * len(batch))
                query = f"SELECT reference, digest FROM learned WHERE reference IN ({marks})"  # noqa: S608 - marks only
                found.update(self._database().execute(query, batch))
            found |= {name: self._waiting[name] for name in wanted if name in self._waiting}
        return found

    def add(self, reference: bytes, digest: bytes) -> None:
        """Remember the content of a reference."""
        with self._lock:
            self._waiting[reference] = digest
            if len(self._waiting) >= _WRITE_EVERY:
                self.write()

    def write(self) -> None:
        """Write what is waiting; a cache that cannot be written is no error."""
        with self._lock, suppress(Unavailable), translated(self._path):
            waiting, self._waiting = self._waiting, {}
            if waiting:
                database = self._database()
                with database:
                    database.execute("BEGIN IMMEDIATE")
                    database.executemany(
                        "INSERT OR REPLACE INTO learned VALUES (?, ?)", waiting.items()
                    )

    def _database(self) -> sqlite3.Connection:
        if self._opened is None:  # most stores have no use for it
            self._opened = open_database(self._path, _SCHEMA)
        return self._opened
