"""Finds what one store has and another lacks of some trees, in memory that does not grow with it.

What is needed is noted in a private SQLite file that goes with the process.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple, Protocol

from omprov.content._database import IN_ONE_STATEMENT
from omprov.content._format._lists import decode_list
from omprov.content._format._nodes import EntryKind
from omprov.content._format._objects import Key, ObjectType, content_key, decode_file
from omprov.content._format._pack import Packed
from omprov.errors import Damaged, NotFound

from ._exchange_plan import NeededNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from omprov.content._format._nodes import TreeNode
    from omprov.content._index import ChunkIndex, Location
    from omprov.content._reading import ObjectReader
    from omprov.records import Digest

_SCHEMA = """
CREATE TABLE needed (
    digest BLOB NOT NULL, type INTEGER NOT NULL, pack TEXT NOT NULL, position INTEGER NOT NULL,
    stored INTEGER NOT NULL, raw INTEGER NOT NULL, compression INTEGER NOT NULL,
    PRIMARY KEY (digest, type)
) WITHOUT ROWID;
CREATE INDEX needed_by_place ON needed (pack, position);
"""
_COLUMNS = "digest, position, stored, raw, type, compression"
_CONTENT = f"type IN ({ObjectType.CHUNK:d}, {ObjectType.REFERENCE:d})"
"""What names nothing."""


class Reads(Protocol):
    """What gives objects."""

    def get(self, key: Key) -> bytes:
        """Return an object's bytes."""
        ...

    def get_node(self, digest: bytes) -> TreeNode:
        """Return a tree node."""
        ...


class PackNeed(NamedTuple):
    """What is needed of one pack."""

    pack: str
    objects: int
    stored: int


class NeededObjects:
    """What is to be moved, and where it lies in the source."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.execute("PRAGMA cache_size = -16384")
        self._database.executescript(_SCHEMA)
        self._database.execute("BEGIN")

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def add(self, locations: Iterable[Location]) -> None:
        """Note objects; those that are noted already count once."""
        self._database.executemany(
            "INSERT OR IGNORE INTO needed (digest, position, stored, raw, type, compression, pack)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            ((*location.packed, location.pack) for location in locations),
        )

    def packs(self) -> list[PackNeed]:
        """Return what is needed, pack by pack."""
        query = "SELECT pack, count(*), sum(stored) FROM needed GROUP BY pack ORDER BY pack"
        return [PackNeed._make(row) for row in self._database.execute(query)]

    def has_all(self, keys: Iterable[Key]) -> bool:
        """Say whether all of `keys` are needed."""
        wanted = list(set(keys))
        for start in range(0, len(wanted), IN_ONE_STATEMENT):
            batch = set(wanted[start : start + IN_ONE_STATEMENT])
            marks = ",".join("?" * len(batch))
            query = f"SELECT type, digest FROM needed WHERE digest IN ({marks})"  # noqa: S608 - marks only
            found = set(self._database.execute(query, [key.digest for key in batch]))
            if not {(key.type, key.digest) for key in batch} <= found:
                return False
        return True

    def contents_in(self, pack: str) -> Iterator[Packed]:
        """Give what is needed of a pack and names nothing, by position."""
        query = f"SELECT {_COLUMNS} FROM needed WHERE pack = ? AND {_CONTENT} ORDER BY position"  # noqa: S608 - constants
        return map(Packed._make, self._database.execute(query, (pack,)))


class Search:
    """Walks from trees to everything that they name; each object once, however many name it.

    Args:
        reader: reads trees, files and lists of both stores.
        source: knows what can be moved.
        target: knows what need not.
        prune: take it that the target has whatever is named by what it has.
        lenient: pass over what is in neither store.
    """

    def __init__(
        self,
        reader: ObjectReader,
        source: ChunkIndex,
        target: ChunkIndex,
        *,
        prune: bool,
        lenient: bool = False,
    ) -> None:
        self._reader = reader
        self._source = source
        self._target = target
        self._prune = prune
        self._lenient = lenient
        self._seen: dict[Key, bool] = {}
        self.needed = NeededObjects()
        self.nodes: dict[Key, NeededNode] = {}

    def add_tree(self, root: Digest) -> bool:
        """Note what is needed of a tree.

        Returns:
            Whether anything of it is.

        Raises:
            NotFound: the tree is in neither store.
            Damaged: something that it names is in neither store.
        """
        top = Key(ObjectType.TREE, bytes.fromhex(root))
        if not self._target.known([top]) and not self._source.known([top]):
            raise NotFound("content", root)
        waiting: list[tuple[Key, Iterator[Key], tuple[list[Key], frozenset[str]]]] = []
        self._enter(top, waiting)
        while waiting:
            key, below, (nodes, packs) = waiting[-1]
            child = next(below, None)
            if child is not None:
                self._enter(child, waiting)
                continue
            waiting.pop()
            self._leave(key, nodes, packs)
        return self._seen[top]

    def _enter(
        self, key: Key, waiting: list[tuple[Key, Iterator[Key], tuple[list[Key], frozenset[str]]]]
    ) -> None:
        if key in self._seen:
            return
        if self._prune and self._target.known([key]):
            self._seen[key] = False
            return
        try:
            nodes, leaves = named_by(self._reader, key)
        except Damaged:
            if not self._lenient:
                raise
            nodes, leaves = [], set()
        packs, instead = self._note_leaves(leaves)
        nodes += instead
        waiting.append((key, iter(nodes), (nodes, packs)))

    def _leave(self, key: Key, nodes: list[Key], packs: frozenset[str]) -> None:
        """Note an object after everything that it names."""
        below = tuple(node for node in nodes if self._seen[node])
        place = None
        if not self._target.known([key]):
            place = self._source.find(key)
            if place is not None:
                self.needed.add([place])
            elif not self._lenient:
                raise Damaged(f"{key} is missing; run `omprov fsck`")
        self._seen[key] = bool(place or packs or below)
        if self._seen[key]:
            self.nodes[key] = NeededNode(None if place is None else place.pack, packs, below)

    def _note_leaves(self, leaves: set[Key]) -> tuple[frozenset[str], list[Key]]:
        """Note what names nothing.

        Returns:
            The packs where it lies, and files that stand for chunks that nobody has: a small file
            may be kept by reference.
        """
        lacking = leaves - self._target.known(leaves)
        places = self._source.find_all(lacking)
        self.needed.add(places.values())
        instead = [Key(ObjectType.FILE, key.digest) for key in lacking - places.keys()]
        known = self._target.known(instead) | self._source.known(instead) if instead else set()
        for file in instead:
            if file not in known and not self._lenient:
                raise Damaged(f"chunk {file.digest.hex()} is missing; run `omprov fsck`")
        packs = frozenset(place.pack for place in places.values())
        return packs, [file for file in instead if file in known]


def named_by(reader: Reads, key: Key) -> tuple[list[Key], set[Key]]:
    """Return what an object names: what names more, and what does not.

    Raises:
        Damaged: it cannot be read.
    """
    if key.type is ObjectType.TREE:
        return _in_tree(reader, key)
    if key.type is ObjectType.FILE:
        target = decode_file(reader.get(key), key.digest).target
        return ([target], set()) if target.type is ObjectType.LIST else ([], {target})
    page = decode_list(reader.get(key))
    if page.level:
        return [Key(ObjectType.LIST, piece.digest) for piece in page.pieces], set()
    return [], {Key(ObjectType.CHUNK, piece.digest) for piece in page.pieces}


def _in_tree(reader: Reads, key: Key) -> tuple[list[Key], set[Key]]:
    nodes: dict[Key, None] = {}
    leaves: set[Key] = set()
    for entry in reader.get_node(key.digest).entries:
        if entry.kind in {EntryKind.FOLDER, EntryKind.PAGE}:
            nodes[Key(ObjectType.TREE, entry.digest)] = None
        elif entry.kind == EntryKind.REFERENCE:
            leaves.add(Key(ObjectType.REFERENCE, entry.digest))
        elif (content := content_key(entry.size, entry.digest)) is not None:
            if content.type is ObjectType.CHUNK:
                leaves.add(content)
            else:
                nodes[content] = None
    return list(nodes), leaves
