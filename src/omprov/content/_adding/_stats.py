"""The stat cache: which digest a file had when it looked as it looks now.

A file's entry is trusted while its size, modification time, change time and inode are what they
were. A file that changed in the same tick of the clock as it was read could change once more
without a trace ("racily clean", as git calls it): such an entry is never written.
"""

from __future__ import annotations

from contextlib import suppress
from threading import RLock
from typing import TYPE_CHECKING, Any

from omprov.content._database import IN_ONE_STATEMENT, open_database, translated
from omprov.errors import Unavailable

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from pathlib import Path

    from ._disk import FileLook

    Identity = tuple[int, int]
    """Device and inode."""

_SCHEMA = """
CREATE TABLE stat (
    device INTEGER NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL,
    modified INTEGER NOT NULL, changed INTEGER NOT NULL, digest BLOB NOT NULL,
    PRIMARY KEY (device, inode)
) WITHOUT ROWID;
"""
_UPSERT = "INSERT OR REPLACE INTO stat VALUES (?, ?, ?, ?, ?, ?)"
_WRITE_EVERY = 8192
_MOST = 16_000_000
"""Beyond so many rows the cache is emptied, for it does not know which files are gone."""
_SECOND = 1_000_000_000
_COARSE_MARGIN = 2 * _SECOND
"""Some file systems keep times to two seconds only, and others have a clock of their own."""


def identity(stat: os.stat_result) -> Identity:
    """Return which file this is, whatever its names."""
    return stat.st_dev, stat.st_ino


class StatCache:
    """Digests of files by how they look. Safe to use from several threads and processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = RLock()
        self._counted = False
        self._database = open_database(path, _SCHEMA)
        self._waiting: list[tuple[int, int, int, int, int, bytes]] = []
        self._clock_file = path.with_name(path.name + "-clock")
        self._device = path.stat().st_dev

    def close(self) -> None:
        """Write what is waiting, and let go of the file."""
        self.write()
        self._database.close()

    def now(self) -> int:
        """Return the file system's own clock, in ns; 0 (before all files) where there is none."""
        try:
            self._clock_file.touch()
            return self._clock_file.stat().st_mtime_ns
        except OSError:
            return 0

    def find(self, stats: Iterable[os.stat_result]) -> dict[Identity, bytes]:
        """Return the digests of those regular files that look unchanged."""
        by_device: dict[int, dict[int, os.stat_result]] = {}
        for stat in stats:
            by_device.setdefault(_signed(stat.st_dev), {})[_signed(stat.st_ino)] = stat
        found: dict[Identity, bytes] = {}
        with self._lock, translated(self._path):
            for device, wanted in by_device.items():
                inodes = list(wanted)
                for start in range(0, len(inodes), IN_ONE_STATEMENT):
                    batch = inodes[start : start + IN_ONE_STATEMENT]
                    for inode, *looks, digest in self._select(device, batch):
                        stat = wanted[inode]
                        if looks == [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns]:
                            found[identity(stat)] = digest
        return found

    def _select(self, device: int, inodes: list[int]) -> Iterable[tuple[Any, ...]]:
        marks = ",".join("?" * len(inodes))
        looks = "inode, size, modified, changed, digest"
        query = f"SELECT {looks} FROM stat WHERE device = ? AND inode IN ({marks})"  # noqa: S608
        return self._database.execute(query, (device, *inodes))

    def add(self, stat: os.stat_result | FileLook, digest: bytes, now: int) -> None:
        """Remember a file's digest, unless it changed too shortly before it was read.

        Args:
            stat: how it looked before and after it was read.
            digest: BLAKE3 of what was read.
            now: what `now` returned before it was read.
        """
        latest = max(stat.st_mtime_ns, stat.st_ctime_ns)
        coarse = stat.st_dev != self._device or latest % _SECOND == 0
        if latest + (_COARSE_MARGIN if coarse else 0) >= now:
            return
        row = (
            _signed(stat.st_dev),
            _signed(stat.st_ino),
            stat.st_size,
            stat.st_mtime_ns,
            stat.st_ctime_ns,
            digest,
        )
        with self._lock:
            self._waiting.append(row)
            if len(self._waiting) >= _WRITE_EVERY:
                self.write()

    def write(self) -> None:
        """Write what is waiting; a cache that cannot be written is no error."""
        with self._lock, suppress(Unavailable), translated(self._path):
            rows, self._waiting = self._waiting, []
            if rows:
                with self._database:
                    self._database.execute("BEGIN IMMEDIATE")
                    if not self._counted:  # once: counting takes as long as there are rows
                        self._empty_when_full()
                    self._database.executemany(_UPSERT, rows)

    def _empty_when_full(self) -> None:
        self._counted = True
        (count,) = self._database.execute("SELECT count(*) FROM stat").fetchone()
        if count > _MOST:
            self._database.execute("DELETE FROM stat")


def _signed(number: int) -> int:
    """SQLite's integers are signed; some file systems use all 64 bits for inodes."""
    return number - (1 << 64) if number >= 1 << 63 else number
