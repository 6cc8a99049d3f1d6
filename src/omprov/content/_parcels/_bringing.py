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
        nodes, below = _lacking_nodes(writer, Key(ObjectType.TREE, bytes.fromhex(root)), fetch)
        waiting: list[Key] = []
        leaves: dict[Key, None] = {}
        for key in in_order(below):
            waiting.append(key)
            leaves.update(dict.fromkeys(named_by(Raw(nodes), key)[1]))
            if len(leaves) >= FETCHED_AT_ONCE:
                _store(writer, leaves, waiting, nodes, fetch, progress)
                waiting, leaves = [], {}
        _store(writer, leaves, waiting, nodes, fetch, progress)
        writer.commit()


def _lacking_nodes(
    writer: ObjectWriter, root: Key, fetch: Fetch
) -> tuple[dict[Key, bytes], dict[Key, list[Key]]]:
    nodes: dict[Key, bytes] = {}
    below: dict[Key, list[Key]] = {}
    level = [root]
    while level:
        following: dict[Key, None] = {}
        lacking = writer.lacks(level)
        for key, raw in fetched([key for key in level if key in lacking], fetch):
            nodes[key] = raw
            below[key], _ = named_by(Raw(nodes), key)
            following.update(dict.fromkeys(below[key]))
        level = [key for key in following if key not in below]
    return nodes, below


def _store(
    writer: ObjectWriter,
    leaves: Iterable[Key],
    waiting: Iterable[Key],
    nodes: dict[Key, bytes],
    fetch: Fetch,
    progress: Progress | None,
) -> None:
    lacking = writer.lacks(leaves)
    for key, raw in fetched([key for key in leaves if key in lacking], fetch):
        if key.type is ObjectType.FILE:  # a small file that the other store keeps by reference
            (reference,) = named_by(Raw({key: raw}), key)[1]
            for one, what in fetched([reference], fetch):
                writer.add(one, what)
        writer.add(key, raw)
        if progress is not None:
            progress(Done(0, len(raw)))
    for key in waiting:
        writer.add(key, nodes[key])


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
