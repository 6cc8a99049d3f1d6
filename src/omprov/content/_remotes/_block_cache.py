"""Blocks of remote packs kept on the disk, never more than a limit in all: an optional help.

Several processes share one cache. Which blocks there are, and when each was last used, stands in a
small database; each block is a file. A block counts before its file is there and as long as it may
be there, so the files never take more than the limit and what is being written. Whatever goes wrong
with the cache, reading goes on without it. What it gives is verified by those who read it.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager, suppress
from threading import RLock
from time import time_ns
from typing import TYPE_CHECKING, NamedTuple

from omprov.content._database import discard_database, open_database, translated
from omprov.content._durable import create_locked, disk_errors_told
from omprov.content._pack_folder import remove_unlocked
from omprov.errors import OmprovError, Unavailable

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

BLOCK = 1 << 20
"""Remote packs are read and kept in blocks of so many bytes."""

_DATABASE = "blocks.sqlite"
_SCHEMA = """
CREATE TABLE block (
    pack TEXT NOT NULL, number INTEGER NOT NULL, size INTEGER NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (pack, number)
) WITHOUT ROWID;
CREATE INDEX block_by_use ON block (used);
"""


class CachedPack(NamedTuple):
    """What the cache holds of one remote pack.

    Attributes:
        pack: its name.
        blocks: how many blocks.
        size: their bytes.
        used: when one of them was last used, in nanoseconds since 1970.
    """

    pack: str
    blocks: int
    size: int
    used: int


class BlockCache:
    """Keeps blocks of remote packs. Safe to use from several threads and processes."""

    def __init__(self, folder: Path, limit: int) -> None:
        """Know a cache; it is made when something is to be kept.

        Args:
            folder: where it is; nothing else may be there.
            limit: of the bytes of all blocks; 0 keeps nothing.
        """
        self.folder = folder
        self.limit = limit
        self._lock = RLock()
        self._opened: sqlite3.Connection | None = None

    def close(self) -> None:
        """Let go of files."""
        with self._lock:
            if self._opened is not None:
                self._opened.close()
                self._opened = None

    def read(self, pack: str, number: int) -> bytes | None:
        """Return a block, if it is here."""
        if not self.limit:
            return None
        try:
            data = self._path(pack, number).read_bytes()
        except OSError:
            return None
        with suppress(OmprovError, OSError), self._changing() as database:
            database.execute(
                "UPDATE block SET used = ? WHERE pack = ? AND number = ?", (time_ns(), pack, number)
            )
        return data

    def write(self, pack: str, number: int, data: bytes) -> None:
        """Keep a block, in place of those not used for longest; do nothing where that fails."""
        if len(data) > self.limit:
            return
        with suppress(OmprovError, OSError):
            self._write(pack, number, data)

    def drop(self, pack: str, number: int) -> None:
        """Forget a block that is not what it was."""
        with suppress(OmprovError, OSError), self._changing() as database:
            self._path(pack, number).unlink(missing_ok=True)
            database.execute("DELETE FROM block WHERE pack = ? AND number = ?", (pack, number))

    def list(self) -> list[CachedPack]:
        """Return what is here, the pack used last first."""
        if not (self.folder / _DATABASE).exists():
            return []
        query = (
            "SELECT pack, count(*), sum(size), max(used) FROM block GROUP BY pack"
            " ORDER BY max(used) DESC, pack"
        )
        with self._lock, translated(self.folder / _DATABASE):
            return [CachedPack._make(row) for row in self._database().execute(query)]

    def size(self) -> int:
        """Return the bytes of all blocks."""
        return sum(cached.size for cached in self.list())

    def shrink(self) -> None:
        """Let the blocks go that are above the limit."""
        if self.list():
            with disk_errors_told(self.folder), self._changing() as database:
                self._make_room(database, 0)

    def clear(self) -> None:
        """Let everything go.

        Raises:
            Unavailable: it cannot be deleted.
        """
        with self._lock:
            self.close()
            try:
                if self.folder.exists():
                    discard_database(self.folder / _DATABASE)
                    for path in self.folder.iterdir():
                        shutil.rmtree(path)
            except OSError as error:
                raise Unavailable(f"{self.folder} cannot be emptied: {error.strerror}") from error

    def _write(self, pack: str, number: int, data: bytes) -> None:
        path = self._path(pack, number)
        self._database()  # makes the folders
        temporary, descriptor = create_locked(self.folder / "tmp")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                with self._changing() as database:
                    self._make_room(database, len(data))
                    database.execute(
                        "INSERT OR REPLACE INTO block VALUES (?, ?, ?, ?)",
                        (pack, number, len(data), time_ns()),
                    )
                path.parent.mkdir(exist_ok=True)
                with self._changing() as database:
                    query = "SELECT 1 FROM block WHERE pack = ? AND number = ?"
                    if database.execute(query, (pack, number)).fetchone():
                        temporary.rename(path)
        finally:
            temporary.unlink(missing_ok=True)

    def _make_room(self, database: sqlite3.Connection, size: int) -> None:
        (total,) = database.execute("SELECT coalesce(sum(size), 0) FROM block").fetchone()
        while total + size > self.limit:
            row = database.execute(
                "SELECT pack, number, size FROM block ORDER BY used LIMIT 1"
            ).fetchone()
            if row is None:
                return
            pack, number, freed = row
            self._path(pack, number).unlink(missing_ok=True)
            database.execute("DELETE FROM block WHERE pack = ? AND number = ?", (pack, number))
            total -= freed

    def _path(self, pack: str, number: int) -> Path:
        return self.folder / pack[:2] / f"{pack}.{number}"

    def _database(self) -> sqlite3.Connection:
        with self._lock:
            if self._opened is None:
                (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
                remove_unlocked(self.folder / "tmp")
                self._opened = open_database(self.folder / _DATABASE, _SCHEMA)
            return self._opened

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, translated(self.folder / _DATABASE), self._database() as database:
            database.execute("BEGIN IMMEDIATE")
            yield database
