"""The chunk index: where each object lies. A cache in SQLite; the packs alone tell the truth.

It is made again where it is missing or damaged, and brought up to date from the footers of packs
that it does not know, for another process may have just written them.
"""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

from ._database import IN_ONE_STATEMENT, open_database, translated
from ._objects import HELD_LENGTH, Key, ObjectType
from ._pack import Packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_SCHEMA = """
CREATE TABLE pack (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE object (
    digest BLOB NOT NULL, type INTEGER NOT NULL, pack INTEGER NOT NULL, position INTEGER NOT NULL,
    stored INTEGER NOT NULL, raw INTEGER NOT NULL, compression INTEGER NOT NULL,
    PRIMARY KEY (digest, type)
) WITHOUT ROWID;
CREATE INDEX object_by_pack ON object (pack);
CREATE INDEX object_elsewhere ON object (type) WHERE type = 5;
"""


_TAKE_IN = """
INSERT INTO object (digest, position, stored, raw, type, compression, pack)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (digest, type) DO UPDATE SET position = excluded.position,
        stored = excluded.stored, raw = excluded.raw, compression = excluded.compression,
        pack = excluded.pack
    WHERE excluded.type <> 3 OR excluded.raw <= object.raw
"""
"""A file object with a reference never takes the place of one whose content is held."""


class Location(NamedTuple):
    """Where an object lies: the pack's name and the place in it."""

    pack: str
    packed: Packed


class ChunkIndex:
    """Answers where objects lie. Safe to use from several threads and processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = RLock()
        self._database = open_database(path, _SCHEMA)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def find(self, key: Key) -> Location | None:
        """Return where the object lies, as far as the index knows."""
        query = (
            "SELECT name, digest, position, stored, raw, type, compression FROM object"
            " JOIN pack ON pack.id = object.pack WHERE digest = ? AND type = ?"
        )
        with self._lock, translated(self._path):
            row = self._database.execute(query, (key.digest, key.type)).fetchone()
        return None if row is None else Location(row[0], Packed._make(row[1:]))

    def known(self, keys: Iterable[Key], *, held: bool = False) -> set[Key]:
        """Return those of `keys` that the index knows.

        Args:
            keys: which.
            held: leave out the file objects that are references: their bytes lie elsewhere.
        """
        wanted = set(keys)
        but = f" AND NOT (type = {ObjectType.FILE:d} AND raw > {HELD_LENGTH})" if held else ""
        digests = list({key.digest for key in wanted})
        found: set[Key] = set()
        with self._lock, translated(self._path):
            for start in range(0, len(digests), IN_ONE_STATEMENT):
                batch = digests[start : start + IN_ONE_STATEMENT]
                marks = ",".join("?" * len(batch))
                query = f"SELECT type, digest FROM object WHERE digest IN ({marks}){but}"  # noqa: S608 - marks only
                rows = self._database.execute(query, batch)
                found.update(Key(ObjectType(type_), digest) for type_, digest in rows)
        return found & wanted

    def has_references(self) -> bool:
        """Say whether anything at all is kept by reference."""
        query = "SELECT 1 FROM object WHERE type = 5 LIMIT 1"
        with self._lock, translated(self._path):
            return self._database.execute(query).fetchone() is not None

    def packs(self) -> set[str]:
        """Return the names of the packs that the index knows."""
        with self._lock, translated(self._path):
            return {name for (name,) in self._database.execute("SELECT name FROM pack")}

    def objects_of(self, pack: str) -> list[Key]:
        """Return the objects that the index expects in this pack."""
        query = (
            "SELECT type, digest FROM object"
            " WHERE pack = (SELECT id FROM pack WHERE name = ?) ORDER BY position"
        )
        with self._lock, translated(self._path):
            return [
                Key(ObjectType(type_), digest)
                for type_, digest in self._database.execute(query, (pack,))
            ]

    def add_pack(self, name: str, objects: Sequence[Packed]) -> None:
        """Take in a pack; of an object that is known already, the newer place counts.

        Of two file objects under one digest, one whose content is held counts before a reference.
        """
        with self._lock, translated(self._path), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("INSERT OR IGNORE INTO pack (name) VALUES (?)", (name,))
            (pack,) = self._database.execute(
                "SELECT id FROM pack WHERE name = ?", (name,)
            ).fetchone()
            self._database.executemany(
                _TAKE_IN,
                ((*packed, pack) for packed in objects),
            )

    def remove_packs(self, names: Iterable[str]) -> None:
        """Forget packs that are gone, and the objects in them."""
        with self._lock, translated(self._path), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for name in names:
                self._database.execute(
                    "DELETE FROM object WHERE pack = (SELECT id FROM pack WHERE name = ?)", (name,)
                )
                self._database.execute("DELETE FROM pack WHERE name = ?", (name,))

    def forget(self, pack: str, keys: Iterable[Key]) -> None:
        """Forget these objects of a pack, so that they count as not stored."""
        with self._lock, translated(self._path), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(
                "DELETE FROM object WHERE digest = ? AND type = ?"
                " AND pack = (SELECT id FROM pack WHERE name = ?)",
                ((key.digest, key.type, pack) for key in keys),
            )

    def clear(self) -> None:
        """Forget everything."""
        with self._lock, translated(self._path), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("DELETE FROM object")
            self._database.execute("DELETE FROM pack")
