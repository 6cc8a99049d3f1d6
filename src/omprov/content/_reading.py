"""Reads objects from packs, checking every byte, and files from objects."""

from __future__ import annotations

import io
import os
import time
from bisect import bisect_right
from contextlib import suppress
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO, Protocol

from omprov.errors import Damaged, Unavailable

from ._format._lists import decode_list
from ._format._nodes import EntryKind, decode_node
from ._format._objects import (
    Key,
    ObjectType,
    Reference,
    content_key,
    decode_file,
    is_intact,
)
from ._format._pack import unpack
from ._index import Location
from ._losses import last_loss
from ._pack_folder import iter_footers, pack_file, refresh_index
from ._recent import Recent
from ._references._elsewhere import Elsewhere
from ._reliance import packs_settled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from _typeshed import WriteableBuffer

    from ._format._lists import ChunkList, Piece
    from ._format._nodes import Entry, TreeNode
    from ._index import ChunkIndex
    from ._references._sources import Sources

_OPEN_PACKS = 64
_NODES_KEPT = 1024
_PAGES_KEPT = 64
_CHUNKS_KEPT = 32
"""Of each open file: 2 MiB on average, for reads that jump back and forth."""
_BUFFER = 64 << 10
_RECENT = 1.0
_LISTING_SHARE = 50
"""`refresh_if_due` lists the packs after so many seconds, or so many times what it last took."""


class ObjectSource(Protocol):
    """Where objects come from that are not stored here."""

    def knows(self, key: Key) -> bool:
        """Say whether it is known, without asking anybody, to have an object."""
        ...

    def has(self, key: Key) -> bool:
        """Say whether it has an object."""
        ...

    def get(self, key: Key) -> bytes | None:
        """Return an object's bytes, verified; ``None`` if it does not have it."""
        ...


class ObjectReader:
    """Gives objects by key. Safe to use from several threads."""

    def __init__(
        self,
        packs: Path,
        index: ChunkIndex,
        sources: Sources,
        remotes: ObjectSource | None = None,
    ) -> None:
        self._packs = packs
        self._index = index
        self._sources = sources
        self._remotes = remotes
        self.elsewhere = Elsewhere(packs, index, sources, self.get)
        self._open = Recent[str, _OpenPack](_OPEN_PACKS)
        self._nodes = Recent[bytes, "TreeNode"](_NODES_KEPT)
        self._expected: dict[Key, Location] = {}
        self._due = 0.0
        self._loss = ""

    def close(self) -> None:
        """Close the packs; they open again on use."""
        self._open.clear()

    def without_remotes(self) -> ObjectReader:
        """Return a reader of what is stored here alone."""
        return ObjectReader(self._packs, self._index, self._sources)

    def has(self, key: Key) -> bool:
        """Say whether an object is stored here or in a remote.

        Raises:
            Unavailable: it is not stored here, and a remote cannot be asked.
        """
        if self._index.find(key) is not None:
            return True
        with packs_settled(self._packs.parent):
            self.refresh()
            if self._index.find(key) is not None:
                return True
        return self._remotes is not None and self._remotes.has(key)

    def get(self, key: Key) -> bytes:
        """Return an object's bytes, as they were written: from the packs here, else from a remote.

        Raises:
            Damaged: no pack holds it, or each pack that should has it damaged.
            Unavailable: it may be in a remote, which cannot be reached.
        """
        location = self._find(key)
        if location is not None:
            with suppress(FileNotFoundError):  # moved by another process
                return self._get_at(key, location)
        elif self._remotes is not None and self._remotes.knows(key):
            found = self._remotes.get(key)
            if found is not None:
                return found
        with packs_settled(self._packs.parent):  # nor can it be moved again meanwhile
            self.refresh()
            location = self._index.find(key)
            if location is not None:
                with suppress(FileNotFoundError):
                    return self._get_at(key, location)
        found = None if self._remotes is None else self._remotes.get(key)
        if found is None:
            raise Damaged(f"{key} is missing from the content store")
        return found

    def _get_at(self, key: Key, location: Location) -> bytes:
        try:
            return self._read(key, location)
        except Damaged:
            other = self._read_elsewhere(key, location.pack)
            if other is None:
                with suppress(Unavailable):
                    other = None if self._remotes is None else self._remotes.get(key)
            if other is None:
                raise
            return other

    def expect(self, keys: Iterable[Key]) -> None:
        """Look up at once where objects lie that are about to be read; one by one is slower."""
        self._expected = self._index.find_all(keys)

    def get_node(self, digest: bytes) -> TreeNode:
        """Return a tree node."""
        node = self._nodes.find(digest)
        if node is None:
            node = decode_node(self.get(Key(ObjectType.TREE, digest)))
            self._nodes.add(digest, node)
        return node

    def open_entry(self, entry: Entry) -> BinaryIO:
        """Open the bytes of a file or symlink; only what is asked for is read.

        Raises:
            Damaged: they are not what they were.
            NotFound: they are kept by reference, and are gone.
            SourceChanged: they are kept by reference, and have changed.
        """
        content = self._content(entry)
        match content:
            case bytes():
                return io.BytesIO(content)
            case Reference():
                return self.elsewhere.open(entry, content)
            case Key():
                return io.BufferedReader(_ChunkedFile(self, content, entry.size), _BUFFER)

    def iter_content(self, entry: Entry) -> Iterator[bytes]:
        """Give the bytes of a file or symlink piece by piece, in order.

        Raises:
            Damaged: they are not what they were.
            NotFound: they are kept by reference, and are gone.
            SourceChanged: they are kept by reference, and have changed.
        """
        for _, block in self.iter_chunks(entry):
            yield block

    def iter_chunks(
        self, entry: Entry, start: int = 0, end: int | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """Give those pieces of a file that begin between two offsets, in order, with their own.

        Raises:
            Damaged: they do not make up the file; of parts of it the caller counts the bytes.
            NotFound: they are kept by reference, and are gone.
            SourceChanged: they are kept by reference, and have changed.
        """
        content = self._content(entry)
        last = entry.size if end is None else end
        match content:
            case bytes():
                if start == 0:
                    yield 0, content
            case Reference():  # is read as a whole, for only that can be verified
                offset = 0
                for block in self.elsewhere.stream(entry, content):
                    if start <= offset < last:
                        yield offset, block
                    offset += len(block)
            case Key():
                offset = start
                for offset, piece in self._pieces_between(content, 0, start, last):
                    chunk = self.get(Key(ObjectType.CHUNK, piece.digest))
                    if len(chunk) != piece.length:
                        raise Damaged(f"{content} lists a chunk with a length that is not its own")
                    yield offset, chunk
                    offset += len(chunk)  # noqa: PLW2901 - it now is where the chunk ends
                if start == 0 and end is None and offset != entry.size:
                    raise Damaged(f"{content} lists other bytes than the file has")

    def _pieces_between(
        self, key: Key, offset: int, start: int, end: int
    ) -> Iterator[tuple[int, Piece]]:
        page = self.get_list(key)
        if not page.level:
            self.expect(Key(ObjectType.CHUNK, piece.digest) for piece in page.pieces)
        for piece in page.pieces:
            if offset >= end:
                return
            if page.level:
                if offset + piece.length > start:
                    below = Key(ObjectType.LIST, piece.digest)
                    yield from self._pieces_between(below, offset, start, end)
            elif offset >= start:
                yield offset, piece
            offset += piece.length

    def iter_pieces(self, key: Key) -> Iterator[Piece]:
        """Give the chunks of a list, in order."""
        page = self.get_list(key)
        for piece in page.pieces:
            if page.level:
                yield from self.iter_pieces(Key(ObjectType.LIST, piece.digest))
            else:
                yield piece

    def get_list(self, key: Key) -> ChunkList:
        """Return one page of a chunk list."""
        return decode_list(self.get(key))

    def refresh(self) -> None:
        """Bring the index up to date with the packs that are there."""
        began = time.monotonic()
        self._loss = last_loss(self._packs.parent)
        self._expected = {}
        self.elsewhere.refresh()
        refresh_index(self._packs, self._index)
        ended = time.monotonic()
        self._due = ended + max(_RECENT, _LISTING_SHARE * (ended - began))

    def refresh_if_due(self) -> None:
        """Do so unless it was done just now and nothing was lost since: for writers of little.

        They need not know every pack: what they do not find they store once more, and a pack that
        is gone they notice when they rely on it.
        """
        if time.monotonic() >= self._due or last_loss(self._packs.parent) != self._loss:
            self.refresh()

    def is_elsewhere(self, entry: Entry) -> bool:
        """Say whether a file would be read from where a reference says."""
        return isinstance(self._content(entry), Reference)

    def _find(self, key: Key) -> Location | None:
        return self._expected.get(key) or self._index.find(key)

    def _content(self, entry: Entry) -> bytes | Key | Reference:
        """Give a small file's bytes, the key of a large one's chunk list, or where a file lies."""
        if entry.kind == EntryKind.REFERENCE:
            return self.elsewhere.get(Key(ObjectType.REFERENCE, entry.digest))
        key = content_key(entry.size, entry.digest)
        if key is None:
            return b""
        if key.type is ObjectType.CHUNK:
            other = Key(ObjectType.FILE, entry.digest)
            if self._find(key) is None and self._index.find(other) is not None:
                key = other
            else:
                try:
                    return self.get(key)
                except Damaged:
                    if not self.has(other):
                        raise
                    key = other
        file = decode_file(self.get(key), entry.digest)
        if file.target.type is ObjectType.REFERENCE:
            return self.elsewhere.get(file.target)
        return file.target

    def _read(self, key: Key, location: Location) -> bytes:
        name, packed = location
        pack = self._open.find(name)
        if pack is None:
            pack = _OpenPack(self._packs / pack_file(name))
            self._open.add(name, pack)
        stored = os.pread(pack.descriptor, packed.stored, packed.offset)
        raw = unpack(packed, stored, name)
        if not is_intact(key, raw):
            raise Damaged(f"{key} in pack {name} is damaged; run `omprov fsck`")
        return raw

    def _read_elsewhere(self, key: Key, not_in: str) -> bytes | None:
        for name, objects in iter_footers(self._packs):
            if name == not_in:
                continue
            for packed in objects:
                if packed.digest == key.digest and packed.type == key.type:
                    with suppress(Damaged, FileNotFoundError):
                        return self._read(key, Location(name, packed))
        return None


class _ChunkedFile(io.RawIOBase):
    """A file made of chunks, read from anywhere."""

    def __init__(self, reader: ObjectReader, chunks: Key, size: int) -> None:
        super().__init__()
        self._reader = reader
        self._top = chunks
        self._size = size
        self._position = 0
        self._chunks = Recent[bytes, bytes](_CHUNKS_KEPT)
        self._pages = Recent[Key, tuple["ChunkList", list[int]]](_PAGES_KEPT)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        if self._position >= self._size:
            return 0
        target = memoryview(buffer).cast("B")
        start, chunk = self._chunk_here()
        part = memoryview(chunk)[self._position - start :][: len(target)]
        target[: len(part)] = part
        self._position += len(part)
        return len(part)

    def readall(self) -> bytes:
        parts = []
        while self._position < self._size:
            start, chunk = self._chunk_here()
            parts.append(chunk[self._position - start :])
            self._position = start + len(chunk)
        return b"".join(parts)

    def _chunk_here(self) -> tuple[int, bytes]:
        """Return the chunk that the position lies in, and where it begins."""
        key, start = self._top, 0
        while True:
            page, ends = self._page(key)
            place = bisect_right(ends, self._position - start)
            if place == len(ends):
                raise Damaged(f"{self._top} lists fewer bytes than the file has")
            start += ends[place - 1] if place else 0
            piece = page.pieces[place]
            if page.level == 0:
                break
            key = Key(ObjectType.LIST, piece.digest)
        chunk = self._chunks.find(piece.digest)
        if chunk is None:
            chunk = self._reader.get(Key(ObjectType.CHUNK, piece.digest))
            if len(chunk) != piece.length:
                raise Damaged(f"{key} lists a chunk with a length that is not its own")
            self._chunks.add(piece.digest, chunk)
        return start, chunk

    def _page(self, key: Key) -> tuple[ChunkList, list[int]]:
        found = self._pages.find(key)
        if found is None:
            page = self._reader.get_list(key)
            found = page, list(accumulate(piece.length for piece in page.pieces))
            self._pages.add(key, found)
        return found


class _OpenPack:
    """An open pack, closed when the last thread that reads from it lets go."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if hasattr(self, "descriptor"):
            os.close(self.descriptor)
