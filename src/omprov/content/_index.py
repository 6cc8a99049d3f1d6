"""The chunk index: where each object lies. A cache in SQLite; the packs alone tell the truth.

It is made again where it is missing or damaged, and brought up to date from the footers of packs
that it does not know, for another process may have just written them.
"""

from __future__ import annotations

from threading import RLock
from typing import TYPE_CHECKING, NamedTuple

from ._database import IN_ONE_STATEMENT, open_database, translated
from ._format._objects import HELD_LENGTH, Key, ObjectType
from ._format._pack import Packed
from ._losses import note_loss

if TYPE_CHECKING:
    from collections.abc import Iterable
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
_ADD = """
INSERT INTO object (digest, position, stored, raw, type, compression, pack)
    VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (digest, type) DO UPDATE SET position = excluded.position,
        stored = excluded.stored, raw = excluded.raw, compression = excluded.compression,
        pack = excluded.pack
    WHERE """
_ADD_NEW = _ADD + "excluded.type <> 3 OR excluded.raw <= object.raw"
"""A file object with a reference never takes the place of one whose content is held …"""
_ADD_FOUND = _ADD + "excluded.type = 3 AND excluded.raw < object.raw"
"""… but the other way round, whenever it is found."""
_HELD = f" AND NOT (type = {ObjectType.FILE:d} AND raw > {HELD_LENGTH})"
"""Leaves out the file objects that are references: their bytes lie elsewhere."""


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
        if self.count()[0] == 0:
            note_loss(path.parent)

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
        but = _HELD if held else ""
        digests = list({key.digest for key in wanted})
        rows: set[tuple[int, bytes]] = set()
        with self._lock, translated(self._path):
            for start in range(0, len(digests), IN_ONE_STATEMENT):
                batch = digests[start : start + IN_ONE_STATEMENT]
                marks = ",".join("?" * len(batch))
                query = f"SELECT type, digest FROM object WHERE digest IN ({marks}){but}"  # noqa: S608 - marks only
                rows.update(self._database.execute(query, batch))
        return {key for key in wanted if key in rows}

    def packs_of(self, keys: Iterable[Key], *, held: bool = True) -> dict[str, set[Key]]:
        """Return those of `keys` that the index knows, by the name of the pack that each is in.

        Args:
            keys: which.
            held: leave out the file objects that are references: their bytes lie elsewhere.
        """
        but = _HELD if held else ""
        wanted = set(keys)
        digests = list({key.digest for key in wanted})
        rows: dict[tuple[int, bytes], int] = {}
        with self._lock, translated(self._path), self._database:
            self._database.execute("BEGIN")  # one view: the numbers of packs are used again
            for start in range(0, len(digests), IN_ONE_STATEMENT):
                batch = digests[start : start + IN_ONE_STATEMENT]
                marks = ",".join("?" * len(batch))
                query = f"SELECT type, digest, pack FROM object WHERE digest IN ({marks}){but}"  # noqa: S608 - marks only
                found = self._database.execute(query, batch)
                rows.update(((type_, digest), pack) for type_, digest, pack in found)
            names = dict(map(self._named, set(rows.values())))
        by_pack: dict[str, set[Key]] = {}
        for key in wanted:
            pack = rows.get(key)
            if pack is not None:
                by_pack.setdefault(names[pack], set()).add(key)
        return by_pack

    def _named(self, pack: int) -> tuple[int, str]:
        query = "SELECT id, name FROM pack WHERE id = ?"
        found: tuple[int, str] = self._database.execute(query, (pack,)).fetchone()
        return found

    def find_all(self, keys: Iterable[Key]) -> dict[Key, Location]:
        """Return where those of `keys` lie that the index knows."""
        wanted = set(keys)
        digests = list({key.digest for key in wanted})
        found: dict[Key, Location] = {}
        with self._lock, translated(self._path):
            for start in range(0, len(digests), IN_ONE_STATEMENT):
                batch = digests[start : start + IN_ONE_STATEMENT]
                query = (
                    "SELECT name, digest, position, stored, raw, type, compression FROM object"  # noqa: S608 - marks only
                    " JOIN pack ON pack.id = object.pack"
                    f" WHERE digest IN ({','.join('?' * len(batch))})"
                )
                for name, *place in self._database.execute(query, batch):
                    packed = Packed._make(place)
                    found[packed.key] = Location(name, packed)
        return {key: found[key] for key in wanted & found.keys()}

    def has_references(self) -> bool:
        """Say whether anything at all is kept by reference."""
        query = "SELECT 1 FROM object WHERE type = 5 LIMIT 1"
        with self._lock, translated(self._path):
            return self._database.execute(query).fetchone() is not None

    def packs(self) -> set[str]:
        """Return the names of the packs that the index knows."""
        with self._lock, translated(self._path):
            return {name for (name,) in self._database.execute("SELECT name FROM pack")}

    def count(self) -> tuple[int, int]:
        """Return how many packs and how many objects the index knows."""
        query = "SELECT (SELECT count(*) FROM pack), (SELECT count(*) FROM object)"
        with self._lock, translated(self._path):
            packs, objects = self._database.execute(query).fetchone()
        return packs, objects

    def places_in(self, pack: str) -> set[Packed]:
        """Return where the index expects objects in this pack."""
        query = (
            "SELECT digest, position, stored, raw, type, compression FROM object"
            " WHERE pack = (SELECT id FROM pack WHERE name = ?)"
        )
        with self._lock, translated(self._path):
            return {Packed._make(row) for row in self._database.execute(query, (pack,))}

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

    def add_pack(self, name: str, objects: Iterable[Packed], *, found: bool = False) -> None:
        """Take in a pack.

        Of two file objects under one digest, one whose content is held counts before a reference.

        Args:
            name: of the pack.
            objects: in it.
            found: it was not written now, but found: then the known place of an object counts, else
                this one. A pack that is found may be about to be removed.
        """
        with self._lock, translated(self._path), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("INSERT OR IGNORE INTO pack (name) VALUES (?)", (name,))
            (pack,) = self._database.execute(
                "SELECT id FROM pack WHERE name = ?", (name,)
            ).fetchone()
            self._database.executemany(
                _ADD_FOUND if found else _ADD_NEW,
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
        note_loss(self._path.parent)

    def forget(self, pack: str, keys: Iterable[Key]) -> None:
        """Forget these objects of a pack, so that they count as not stored."""
        with self._lock, translated(self._path), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany(
                "DELETE FROM object WHERE digest = ? AND type = ?"
                " AND pack = (SELECT id FROM pack WHERE name = ?)",
                ((key.digest, key.type, pack) for key in keys),
            )
        note_loss(self._path.parent)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock, translated(self._path), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.execute("DELETE FROM object")
            self._database.execute("DELETE FROM pack")
        note_loss(self._path.parent)
