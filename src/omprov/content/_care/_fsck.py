"""Verifies packs, and finds out which trees are whole."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from blake3 import blake3

from omprov.content._format._lists import decode_list
from omprov.content._format._nodes import EntryKind
from omprov.content._format._objects import Key, ObjectType, content_key, decode_file, is_intact
from omprov.content._format._pack import read_footer, unpack
from omprov.content._pack_folder import pack_file, pack_names
from omprov.content._progress import Done
from omprov.content._reliance import packs_settled
from omprov.errors import Damaged
from omprov.records import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from omprov.content._format._nodes import TreeNode
    from omprov.content._format._pack import Packed
    from omprov.content._index import ChunkIndex
    from omprov.content._progress import Progress


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong with one pack.

    Attributes:
        pack: its name: the BLAKE3 that its bytes should have.
        objects: (type, digest) of the objects that cannot be read from it, or only as long as the
            index remembers where they lie. Another pack may have them.
        reason: what was seen, as a sentence.
    """

    pack: str
    objects: tuple[tuple[str, Digest], ...]
    reason: str

    @property
    def keys(self) -> set[Key]:
        """How the objects are found."""
        return {
            Key(ObjectType[name.upper()], bytes.fromhex(digest)) for name, digest in self.objects
        }

    def __str__(self) -> str:
        return f"pack {self.pack}: {self.reason} ({len(self.objects)} objects)"


def check_packs(
    folder: Path, index: ChunkIndex, *, full: bool, progress: Progress | None
) -> Iterator[Damage]:
    """Verify every pack, that none is missing, and that the index agrees with them.

    Args:
        folder: of the store.
        index: says what was in a pack that cannot be read any more.
        full: read every byte; else only headers and footers.
        progress: told the packs and bytes done.
    """
    packs = folder / "packs"
    for name in sorted(pack_names(packs) | index.packs()):
        size = 0
        try:
            size = (packs / pack_file(name)).stat().st_size
            damage = _check_pack(packs, name, index, full=full)
        except FileNotFoundError:
            damage = _check_absent(folder, name, index)
        if damage is not None:
            yield damage
        if progress is not None:
            progress(Done(1, size))


def _check_absent(folder: Path, name: str, index: ChunkIndex) -> Damage | None:
    """Tell a pack that was lost from one that has just been collected: the index forgot that."""
    with packs_settled(folder):
        if name not in index.packs() or (folder / "packs" / pack_file(name)).exists():
            return None
        return lost(name, index.objects_of(name), "it is gone")


def _check_pack(packs: Path, name: str, index: ChunkIndex, *, full: bool) -> Damage | None:
    descriptor = os.open(packs / pack_file(name), os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            objects = read_footer(descriptor, name)
        except Damaged as error:
            return lost(name, index.objects_of(name), str(error))
        if not full:
            return None
        if whole_digest(packs / pack_file(name)) == name:
            return _check_index(packs, name, index, objects)
        bad = [packed.key for packed in objects if not _is_intact(descriptor, packed, name)]
        return lost(name, bad, "its bytes are not what they were")
    finally:
        os.close(descriptor)


def _check_index(
    packs: Path, name: str, index: ChunkIndex, objects: Sequence[Packed]
) -> Damage | None:
    """Compare what the index says of a sound pack with what is in it."""
    wrong = {packed.key for packed in index.places_in(name).difference(objects)}
    keys = {packed.key for packed in objects}
    lacking = keys - index.known(keys)
    with packs_settled(packs.parent):
        if not (wrong or lacking) or name not in index.packs():
            return None
    if lacking and not wrong and len(lacking) == len(keys):
        return None  # just collected, or forgotten on purpose
    return lost(
        name,
        sorted(wrong | lacking),
        "it is sound, but the index is wrong about it: `omprov fsck --rebuild-index` mends that",
    )


def whole_digest(path: Path) -> str:
    """Return the BLAKE3 of a file."""
    return blake3(max_threads=blake3.AUTO).update_mmap(path).hexdigest()


def _is_intact(descriptor: int, packed: Packed, name: str) -> bool:
    try:
        raw = unpack(packed, os.pread(descriptor, packed.stored, packed.offset), name)
    except Damaged:
        return False
    return is_intact(packed.key, raw)


def lost(pack: str, keys: Iterable[Key], reason: str) -> Damage:
    """Say what is wrong with a pack, and what is lost with it."""
    objects = tuple((key.type.name.lower(), Digest(key.digest.hex())) for key in keys)
    return Damage(pack, objects, reason)


class ObjectSource(Protocol):
    """Reads objects; raises `Damaged` for what cannot be read."""

    def get(self, key: Key) -> bytes: ...
    def get_node(self, digest: bytes) -> TreeNode: ...


def find_incomplete(
    roots: Iterable[Digest], reader: ObjectSource, index: ChunkIndex, bad: set[Key]
) -> dict[Digest, str]:
    """Return those of `roots` that miss something, with the first thing that each misses.

    Args:
        roots: digests of trees.
        reader: reads nodes and lists.
        index: knows which chunks are there.
        bad: objects that may not be readable although the index knows them.
    """
    search = _Search(reader, index, bad)
    found = {root: search.loss_in_tree(bytes.fromhex(root)) for root in roots}
    return {root: loss for root, loss in found.items() if loss is not None}


class _Search:
    """Walks trees from their roots; each node once, however many roots share it.

    Each method returns what is missing, as a sentence, or ``None``.
    """

    def __init__(self, reader: ObjectSource, index: ChunkIndex, bad: set[Key]) -> None:
        self._reader = reader
        self._index = index
        self._bad = bad
        self._losses: dict[bytes, str | None] = {}

    def loss_in_tree(self, tree: bytes) -> str | None:
        if tree not in self._losses:
            try:
                self._losses[tree] = self._loss_in_node(tree)
            except Damaged as error:
                self._losses[tree] = str(error)
        return self._losses[tree]

    def _loss_in_node(self, tree: bytes) -> str | None:
        contents: set[Key] = set()
        for entry in self._reader.get_node(tree).entries:
            if entry.kind in {EntryKind.FOLDER, EntryKind.PAGE}:
                loss = self.loss_in_tree(entry.digest)
                if loss is not None:
                    return loss
            elif entry.kind == EntryKind.REFERENCE:
                contents.add(Key(ObjectType.REFERENCE, entry.digest))
            elif (key := content_key(entry.size, entry.digest)) is not None:
                contents.add(key)
        return self._loss_among(contents)

    def _loss_among(self, keys: set[Key]) -> str | None:
        missing = keys - self._index.known(keys)
        # A small file that the store has no bytes of may be kept by reference.
        instead = {key: Key(ObjectType.FILE, key.digest) for key in missing}
        known = self._index.known(instead.values())
        for key, file in instead.items():
            if file not in known:
                return f"{key} is missing"
        for key in (keys - missing) & self._bad:
            self._reader.get(key)  # damaged in one pack, but another may have it
        files = known | {key for key in keys - missing if key.type is ObjectType.FILE}
        losses = (self._loss_in_file(key) for key in sorted(files))
        return next((loss for loss in losses if loss is not None), None)

    def _loss_in_file(self, key: Key) -> str | None:
        file = decode_file(self._reader.get(key), key.digest)
        if file.target.type is ObjectType.LIST:
            return self._loss_in_list(file.target)
        return self._loss_among({file.target})

    def _loss_in_list(self, key: Key) -> str | None:
        page = decode_list(self._reader.get(key))
        if page.level == 0:
            return self._loss_among({Key(ObjectType.CHUNK, p.digest) for p in page.pieces})
        losses = (self._loss_in_list(Key(ObjectType.LIST, p.digest)) for p in page.pieces)
        return next((loss for loss in losses if loss is not None), None)
