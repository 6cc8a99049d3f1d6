"""Sends what another store lacks of a tree: what names nothing first, trees after all they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.content._format._objects import Key, ObjectType
from omprov.content._progress import Done
from omprov.content._remotes._needed import named_by
from omprov.content._remotes._new_packs import compressed
from omprov.errors import InvalidInput

from ._parcel import make_parcels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from omprov.content._progress import Progress
    from omprov.content._reading import ObjectReader
    from omprov.content._remotes._new_packs import StoredObject
    from omprov.records import Digest

    Ask = Callable[[list[Key]], set[Key]]
    """Says which of some objects the other store lacks."""
    Put = Callable[[str, bytes], None]
    """Brings a parcel there: its name and its bytes."""

ASKED_AT_ONCE = 8192


def send_tree(
    reader: ObjectReader, root: Digest, ask: Ask, put: Put, progress: Progress | None
) -> int:
    """Bring to another store what it lacks of a tree; see `ContentStore.send`."""
    sent = 0
    for name, data in make_parcels(_lacking(reader, root, ask)):
        put(name, data)
        sent += len(data)
        if progress is not None:
            progress(Done(1, len(data)))
    return sent


def _lacking(reader: ObjectReader, root: Digest, ask: Ask) -> Iterator[StoredObject]:
    """Give what is lacking, so that everything comes after what it names."""
    below = _lacking_nodes(reader, Key(ObjectType.TREE, bytes.fromhex(root)), ask)
    waiting: list[Key] = []
    leaves: dict[Key, None] = {}
    for key in in_order(below):
        waiting.append(key)
        _, named = named_by(reader, key)
        leaves.update(dict.fromkeys(named))
        if len(leaves) >= ASKED_AT_ONCE or len(waiting) >= ASKED_AT_ONCE:
            yield from _objects(reader, leaves, waiting, ask)
            waiting, leaves = [], {}
    yield from _objects(reader, leaves, waiting, ask)


def _objects(
    reader: ObjectReader, leaves: Iterable[Key], nodes: Iterable[Key], ask: Ask
) -> Iterator[StoredObject]:
    wanted = list(leaves)
    for start in range(0, len(wanted), ASKED_AT_ONCE):
        batch = wanted[start : start + ASKED_AT_ONCE]
        lacking = ask(batch)
        for key in batch:
            if key in lacking:
                _refuse_reference(reader, key)
                yield compressed(key, reader.get(key))
    for key in nodes:
        yield compressed(key, reader.get(key))


def _refuse_reference(reader: ObjectReader, key: Key) -> None:
    """Say in time that only bytes can be sent: an address means something else over there."""
    by_reference = key.type is ObjectType.REFERENCE or (
        key.type is ObjectType.CHUNK
        and not reader.has(key)
        and reader.has(Key(ObjectType.FILE, key.digest))
    )
    if by_reference:
        raise InvalidInput(
            "data kept by reference cannot be recorded on a server: record it with its bytes"
        )


def _lacking_nodes(reader: ObjectReader, root: Key, ask: Ask) -> dict[Key, list[Key]]:
    """Return the trees, files and lists that are lacking, each with those that it names."""
    below: dict[Key, list[Key]] = {}
    level = [root]
    while level:
        following: dict[Key, None] = {}
        for start in range(0, len(level), ASKED_AT_ONCE):
            for key in ask(level[start : start + ASKED_AT_ONCE]):
                below[key], _ = named_by(reader, key)
                following.update(dict.fromkeys(below[key]))
        level = [key for key in following if key not in below]
    return below


def in_order(below: dict[Key, list[Key]]) -> Iterator[Key]:
    """Give the keys of a graph, each after those below it that are keys, too."""
    done: set[Key] = set()
    for top, under in below.items():
        waiting = [(top, iter(under))] if top not in done else []
        while waiting:
            key, children = waiting[-1]
            child = next((one for one in children if one in below and one not in done), None)
            if child is not None:
                waiting.append((child, iter(below[child])))
                continue
            waiting.pop()
            if key not in done:
                done.add(key)
                yield key
