"""Brings here what is lacking of a tree, from a store that answers with parcels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.content._adding._writer import ObjectWriter
from omprov.content._format._nodes import TreeNode, decode_node
from omprov.content._format._objects import Key, ObjectType
from omprov.content._progress import Done
from omprov.content._remotes._needed import named_by
from omprov.errors import Damaged, NotFound

from ._parcel import open_parcel
from ._sending import in_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from omprov.content._index import ChunkIndex
    from omprov.content._progress import Progress
    from omprov.records import Digest

    Fetch = Callable[[list[Key]], bytes]
    """Gives a parcel with the first of some objects, as many as go into it."""

FETCHED_AT_ONCE = 4096


class Raw:
    """Objects in memory, as `named_by` reads them."""

    def __init__(self, objects: dict[Key, bytes]) -> None:
        self._objects = objects

    def get(self, key: Key) -> bytes:
        """Return an object's bytes."""
        return self._objects[key]

    def get_node(self, digest: bytes) -> TreeNode:
        """Return a tree node."""
        return decode_node(self._objects[Key(ObjectType.TREE, digest)])


def bring_tree(
    folder: Path, index: ChunkIndex, root: Digest, fetch: Fetch, progress: Progress | None
) -> None:
    """Store what is lacking of a tree; see `ContentStore.bring`."""
    with ObjectWriter(folder, index) as writer:
        bringing = _Bringing(writer, fetch, progress)
        bringing.bring(Key(ObjectType.TREE, bytes.fromhex(root)))
        writer.commit()


class _Bringing:
    """What is on its way into a store: first what names nothing, then what names it."""

    def __init__(self, writer: ObjectWriter, fetch: Fetch, progress: Progress | None) -> None:
        self._writer = writer
        self._fetch = fetch
        self._progress = progress
        self._nodes: dict[Key, bytes] = {}

    def bring(self, root: Key) -> None:
        waiting: list[Key] = []
        leaves: dict[Key, None] = {}
        for key in in_order(self._lacking_nodes(root)):
            waiting.append(key)
            leaves.update(dict.fromkeys(named_by(Raw(self._nodes), key)[1]))
            if len(leaves) >= FETCHED_AT_ONCE:
                self._store(leaves, waiting)
                waiting, leaves = [], {}
        self._store(leaves, waiting)

    def _lacking_nodes(self, root: Key) -> dict[Key, list[Key]]:
        """Fetch the trees, files and lists that are lacking; return which of them each names."""
        below: dict[Key, list[Key]] = {}
        level = [root]
        while level:
            following: dict[Key, None] = {}
            lacking = self._writer.lacks(level)
            for key, raw in fetched([key for key in level if key in lacking], self._fetch):
                self._nodes[key] = raw
                below[key], _ = named_by(Raw(self._nodes), key)
                following.update(dict.fromkeys(below[key]))
            level = [key for key in following if key not in below]
        return below

    def _store(self, leaves: Iterable[Key], waiting: Iterable[Key]) -> None:
        lacking = self._writer.lacks(leaves)
        for key, raw in fetched([key for key in leaves if key in lacking], self._fetch):
            if key.type is ObjectType.FILE:  # a small file that the other store has by reference
                references = list(named_by(Raw({key: raw}), key)[1])
                for one, what in fetched(references, self._fetch):
                    self._writer.add(one, what)
            self._writer.add(key, raw)
            if self._progress is not None:
                self._progress(Done(0, len(raw)))
        for key in waiting:
            self._writer.add(key, self._nodes[key])


def fetched(keys: list[Key], fetch: Fetch) -> Iterator[tuple[Key, bytes]]:
    """Give objects with their bytes, verified; they come in as many parcels as it takes.

    In the place of a chunk may come the file object of the same digest.

    Raises:
        NotFound: the other store does not have the first of them.
        Damaged: what comes is not what was asked for.
    """
    left = dict.fromkeys(keys)
    while left:
        before = len(left)
        for (key, *_), raw in open_parcel(fetch(list(left)[:FETCHED_AT_ONCE])):
            chunk = Key(ObjectType.CHUNK, key.digest)
            if key in left:
                del left[key]
            elif key.type is ObjectType.FILE and chunk in left:
                del left[chunk]
            else:
                raise Damaged(f"the server sent {key}, which nobody asked for")
            yield key, raw
        if len(left) == before:
            raise NotFound("object", next(iter(left)), hint="The server does not have it.")
