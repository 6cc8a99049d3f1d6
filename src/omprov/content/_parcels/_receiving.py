"""Takes in parcels from anybody, and gives parcels to whoever may read what is in them."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

from omprov.content._adding._ignore import may_hold
from omprov.content._adding._packing import PackFile
from omprov.content._durable import disk_errors_told
from omprov.content._format._nodes import decode_node
from omprov.content._format._objects import Key, ObjectType, decode_file
from omprov.content._reliance import Reliance
from omprov.content._remotes._needed import named_by
from omprov.content._remotes._new_packs import compressed
from omprov.errors import Conflict, Damaged, InvalidInput

from ._bringing import Raw
from ._parcel import PARCEL_RAW, PARCEL_SIZE, encode_parcel, open_parcel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from omprov.content._index import ChunkIndex
    from omprov.content._reading import ObjectReader
    from omprov.content._remotes._new_packs import StoredObject
    from omprov.records import Digest


def take_in(folder: Path, index: ChunkIndex, name: str, data: bytes) -> int:
    """Store a parcel that somebody sent; see `ContentStore.take_in`."""
    objects, named = _opened(data, name)
    with Reliance(folder, index) as reliance:
        lacking = named - reliance.known(named)
        if lacking:
            raise Conflict(
                f"the pack names {len(lacking)} object(s) that are not here, the first is "
                f"{min(lacking)}: send first what is named, or ask again what is missing"
            )
        new = {one.key for one in objects} - reliance.known({one.key for one in objects})
        if new:
            _place(folder, index, [one for one in objects if one.key in new])
    return len(new)


def _opened(data: bytes, name: str) -> tuple[list[StoredObject], set[Key]]:
    """Return the objects of a parcel, and what they name that is not among them."""
    objects: list[StoredObject] = []
    named: set[Key] = set()
    for one, raw in open_parcel(data, name):
        _refuse_reference(one.key, raw)
        objects.append(one)
        if one.key.type is not ObjectType.CHUNK:
            named.update(_named(one.key, raw))
    return objects, named - {one.key for one in objects}


def _named(key: Key, raw: bytes) -> set[Key]:
    """Return what an object names; refuse what would harm who checks it out."""
    try:
        nodes, leaves = named_by(Raw({key: raw}), key)
        node = decode_node(raw) if key.type is ObjectType.TREE else None
    except (Damaged, ValueError) as error:
        raise InvalidInput(f"{key} in the pack is not laid out as such objects are") from error
    if node is not None and not node.level:
        for entry in node.entries:
            if not may_hold(entry.name.removesuffix(b"/")):
                name = entry.name.decode(errors="replace")
                raise InvalidInput(f"{key} in the pack names {name!r}, which no version may hold")
    return leaves.union(nodes)


def _refuse_reference(key: Key, raw: bytes) -> None:
    """Keep addresses out: this machine would read, in its own name, what somebody else wrote."""
    if key.type is ObjectType.REFERENCE or (
        key.type is ObjectType.FILE
        and decode_file(raw, key.digest).target.type is not ObjectType.LIST
    ):
        raise InvalidInput("data kept by reference is not taken: send its bytes")


def _place(folder: Path, index: ChunkIndex, objects: Iterable[StoredObject]) -> None:
    with disk_errors_told():
        pack = PackFile(folder)
        try:
            for key, stored, raw, compression in objects:
                pack.append(key, stored, raw, compression)
            placed = pack.seal()
        except BaseException:
            pack.abandon()
            raise
    index.add_pack(placed, pack.objects)


def lacking(folder: Path, index: ChunkIndex, keys: Iterable[Key]) -> set[Key]:
    """Return those of `keys` that are not stored; the others stay for the grace period."""
    wanted = set(keys)
    with Reliance(folder, index) as reliance:
        return wanted - reliance.known(wanted)


def parcel_of(reader: ObjectReader, keys: Sequence[Key]) -> bytes:
    """Return a parcel with the first of some objects, as many as go into it.

    A small file that is kept by reference stands for its chunk. What is not there is left out.
    """
    objects: list[StoredObject] = []
    size = raw = 0
    for key in keys:
        found = key
        if not reader.has(key):
            found = Key(ObjectType.FILE, key.digest)
            if key.type is not ObjectType.CHUNK or not reader.has(found):
                continue
        objects.append(compressed(found, reader.get(found)))
        size += len(objects[-1].stored)
        raw += objects[-1].raw
        if size >= PARCEL_SIZE or raw >= PARCEL_RAW:
            break
    return encode_parcel(objects)[1]


class Reachable:
    """Which objects a tree needs, in eight bytes each.

    An object counts as needed where the first eight bytes of its digest are those of one that is:
    who could bring another object to share them with one of a tree that they may read would have to
    try 2⁶⁴ times, and know that object's whole digest besides.
    """

    def __init__(self, reader: ObjectReader, root: Digest) -> None:
        found = array("Q")
        top = Key(ObjectType.TREE, bytes.fromhex(root))
        seen = {top}
        waiting = [top]
        while waiting:
            key = waiting.pop()
            found.append(_short(key))
            nodes, leaves = named_by(reader, key)
            found.extend(map(_short, leaves))
            new = [node for node in nodes if node not in seen]
            seen.update(new)
            waiting += new
        self._shorts = array("Q", sorted(set(found)))

    def __len__(self) -> int:
        return len(self._shorts)

    def __contains__(self, key: Key) -> bool:
        short = _short(key)
        place = bisect_left(self._shorts, short)
        return place < len(self._shorts) and self._shorts[place] == short


def _short(key: Key) -> int:
    return int.from_bytes(key.digest[:8], "big")
