"""Finds and reads the files of trees whose bytes the store does not hold."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from omprov.content._format._nodes import EntryKind
from omprov.content._format._objects import (
    HELD_LENGTH,
    Key,
    ObjectType,
    Reference,
    content_key,
    decode_file,
    decode_reference,
)
from omprov.content._format._pack import unpack
from omprov.content._pack_folder import iter_footers, pack_file, read_pack_footer
from omprov.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from omprov.content._format._nodes import Entry
    from omprov.content._format._pack import Packed
    from omprov.content._index import ChunkIndex

    from ._sources import Sources


def known_digest(entry: Entry) -> bytes | None:
    """Return the digest of an entry's content; ``None`` where nobody read it."""
    return None if entry.kind == EntryKind.REFERENCE else entry.digest


class Elsewhere:
    """Reads what is kept by reference. Safe to use from several threads.

    The same content may have been recorded at several places. The index knows one of them; where
    it does not serve, the others are tried, and one that serves is preferred from then on.
    """

    def __init__(
        self,
        packs: Path,
        index: ChunkIndex,
        sources: Sources,
        get_object: Callable[[Key], bytes],
    ) -> None:
        self._packs = packs
        self._index = index
        self._sources = sources
        self._get_object = get_object
        self._repeated: dict[bytes, list[str]] | None = None

    def refresh(self) -> None:
        """Take note that packs may have come or gone."""
        self._repeated = None

    def is_used(self) -> bool:
        """Say whether anything at all is kept by reference, as far as is known by now."""
        return self._index.has_references()

    def get(self, key: Key) -> Reference:
        """Return a reference."""
        return decode_reference(self._get_object(key))

    def find(self, entry: Entry) -> Reference | None:
        """Return where the bytes of a file lie; ``None`` where the store holds them."""
        if entry.kind == EntryKind.REFERENCE:
            return self.get(Key(ObjectType.REFERENCE, entry.digest))
        key = content_key(entry.size, entry.digest)
        if key is None or self._index.known([key], held=True):
            return None
        key = Key(ObjectType.FILE, entry.digest)
        if self._index.find(key) is None:
            return None
        target = decode_file(self._get_object(key), entry.digest).target
        return self.get(target) if target.type is ObjectType.REFERENCE else None

    def find_other(self, entry: Entry, but: Reference) -> Reference | None:
        """Return another place where a file of known digest lies unchanged; prefer it from now on.

        Args:
            entry: of the file.
            but: the place that does not serve.
        """
        if entry.kind == EntryKind.REFERENCE:
            return None
        for name in self._packs_of_repeated().get(entry.digest, ()):
            try:
                objects = read_pack_footer(self._packs, name)
                raw = self._read(name, objects, Key(ObjectType.FILE, entry.digest))
                reference = self.get(decode_file(raw, entry.digest).target)
                if reference == but:
                    continue
                self._sources.check(reference)
            except (NotFound, Unavailable, FileNotFoundError):
                continue
            self._index.add_pack(name, objects)
            return reference
        return None

    def open(self, entry: Entry, reference: Reference) -> BinaryIO:
        """Open a file; see `Sources.open`."""
        digest = known_digest(entry)
        try:
            return self._sources.open(reference, digest)
        except (NotFound, Unavailable):
            other = self.find_other(entry, reference)
            if other is None:
                raise
            return self._sources.open(other, digest)

    def stream(self, entry: Entry, reference: Reference) -> Iterator[bytes]:
        """Give a file's bytes, in parts; see `Sources.stream`."""
        digest = known_digest(entry)
        blocks = self._sources.stream(reference, digest)
        try:
            first = next(blocks, b"")
        except (NotFound, Unavailable):
            other = self.find_other(entry, reference)
            if other is None:
                raise
            yield from self._sources.stream(other, digest)
            return
        yield first
        yield from blocks

    def _packs_of_repeated(self) -> dict[bytes, list[str]]:
        """Return the packs that hold each file object with a reference, where there are several."""
        if self._repeated is None:
            packs: dict[bytes, list[str]] = {}
            for name, objects in iter_footers(self._packs):
                for packed in objects:
                    if packed.type == ObjectType.FILE and packed.raw > HELD_LENGTH:
                        packs.setdefault(packed.digest, []).append(name)
            self._repeated = {digest: names for digest, names in packs.items() if len(names) > 1}
        return self._repeated

    def _read(self, pack: str, objects: list[Packed], key: Key) -> bytes:
        packed = next(one for one in objects if one.key == key)
        descriptor = os.open(self._packs / pack_file(pack), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return unpack(packed, os.pread(descriptor, packed.stored, packed.offset), pack)
        finally:
            os.close(descriptor)
