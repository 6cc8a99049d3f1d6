"""Reads objects from packs, checking every byte, and files from objects."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections import OrderedDict
from contextlib import suppress
from itertools import accumulate
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO, Generic, TypeVar

from omprov.errors import Damaged, Unavailable

from ._index import Location
from ._lists import decode_list
from ._nodes import decode_node
from ._objects import Key, ObjectType, content_key, decode_file, decode_reference, is_intact
from ._pack import unpack
from ._pack_folder import iter_footers, pack_file, refresh_index
from ._reliance import packs_settled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _typeshed import WriteableBuffer

    from ._index import ChunkIndex
    from ._lists import ChunkList, Piece
    from ._nodes import TreeNode

_OPEN_PACKS = 64
_NODES_KEPT = 1024
_PAGES_KEPT = 8
_BUFFER = 64 << 10

Name = TypeVar("Name")
Value = TypeVar("Value")


class ObjectReader:
    """Gives objects by key. Safe to use from several threads."""

    def __init__(self, packs: Path, index: ChunkIndex) -> None:
        self._packs = packs
        self._index = index
        self._open = _Recent[str, _OpenPack](_OPEN_PACKS)
        self._nodes = _Recent[bytes, "TreeNode"](_NODES_KEPT)

    def close(self) -> None:
        """Close the packs; they open again on use."""
        self._open.clear()

    def get(self, key: Key) -> bytes:
        """Return an object's bytes, as they were written.

        Raises:
            Damaged: no pack holds it, or each pack that should has it damaged.
        """
        location = self._index.find(key)
        if location is not None:
            with suppress(FileNotFoundError):  # moved by another process
                return self._get_at(key, location)
        with packs_settled(self._packs.parent):  # nor can it be moved again meanwhile
            self.refresh()
            location = self._index.find(key)
            if location is None:
                raise Damaged(f"{key} is missing from the content store")
            try:
                return self._get_at(key, location)
            except FileNotFoundError:
                raise Damaged(f"{key} is missing: its pack is gone") from None

    def _get_at(self, key: Key, location: Location) -> bytes:
        try:
            return self._read(key, location)
        except Damaged:
            other = self._read_elsewhere(key, location.pack)
            if other is None:
                raise
            return other

    def get_node(self, digest: bytes) -> TreeNode:
        """Return a tree node."""
        node = self._nodes.find(digest)
        if node is None:
            node = decode_node(self.get(Key(ObjectType.TREE, digest)))
            self._nodes.add(digest, node)
        return node

    def open_file(self, digest: bytes, size: int) -> BinaryIO:
        """Open a file's bytes; only the chunks that are asked for are read.

        Raises:
            Unavailable: the store holds only a reference to the file.
        """
        content = self._content(digest, size)
        if isinstance(content, bytes):
            return io.BytesIO(content)
        return io.BufferedReader(_ChunkedFile(self, content, size), _BUFFER)

    def iter_content(self, digest: bytes, size: int) -> Iterator[bytes]:
        """Give a file's bytes chunk by chunk, in order.

        Raises:
            Unavailable: the store holds only a reference to the file.
        """
        content = self._content(digest, size)
        if isinstance(content, bytes):
            yield content
            return
        for piece in self.iter_pieces(content):
            yield self.get(Key(ObjectType.CHUNK, piece.digest))

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
        refresh_index(self._packs, self._index)

    def _content(self, digest: bytes, size: int) -> bytes | Key:
        """Give a small file's bytes, or the key of a large one's chunk list."""
        key = content_key(size, digest)
        if key is None:
            return b""
        if key.type is ObjectType.CHUNK:
            try:
                return self.get(key)
            except Damaged:
                key = Key(ObjectType.FILE, digest)
                if self._index.find(key) is None:
                    raise
        file = decode_file(self.get(key), digest)
        if file.target.type is ObjectType.REFERENCE:
            where = decode_reference(self.get(file.target)).uri
            raise Unavailable(f"the store holds only a reference to this file: fetch {where}")
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
        self._chunk = b""
        self._chunk_start = 0
        self._pages = _Recent[Key, tuple["ChunkList", list[int]]](_PAGES_KEPT)

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
        if not self._chunk_start <= self._position < self._chunk_start + len(self._chunk):
            self._load_chunk()
        target = memoryview(buffer).cast("B")
        start = self._position - self._chunk_start
        part = memoryview(self._chunk)[start : start + len(target)]
        target[: len(part)] = part
        self._position += len(part)
        return len(part)

    def _load_chunk(self) -> None:
        key, start = self._top, 0
        while True:
            page, ends = self._page(key)
            place = bisect_right(ends, self._position - start)
            if place == len(ends):
                raise Damaged(f"{self._top} lists fewer bytes than the file has")
            start += ends[place - 1] if place else 0
            if page.level == 0:
                break
            key = Key(ObjectType.LIST, page.pieces[place].digest)
        self._chunk = self._reader.get(Key(ObjectType.CHUNK, page.pieces[place].digest))
        self._chunk_start = start
        if len(self._chunk) != page.pieces[place].length:
            raise Damaged(f"{key} lists a chunk with a length that is not its own")

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


class _Recent(Generic[Name, Value]):
    """The values used last, at most so many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Name, Value] = OrderedDict()
        self._lock = Lock()

    def find(self, name: Name) -> Value | None:
        with self._lock:
            value = self._values.get(name)
            if value is not None:
                self._values.move_to_end(name)
            return value

    def add(self, name: Name, value: Value) -> None:
        with self._lock:
            self._values[name] = value
            if len(self._values) > self._most:
                self._values.popitem(last=False)

    def clear(self) -> None:
        with self._lock:
            self._values.clear()
