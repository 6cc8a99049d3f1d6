"""Turns content in memory, or coming in, into objects: chunks, chunk lists, tree nodes."""

from __future__ import annotations

from io import BytesIO
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

from blake3 import blake3

from omprov.content._format._lists import chunk_piece, encode_list, piece_mark
from omprov.content._format._nodes import Entry, EntryKind, encode_node, name_mark
from omprov.content._format._objects import WHOLE, FileObject, Key, ObjectType, encode_file
from omprov.content._format._paging import Pager, paginate

from ._chunking import iter_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from omprov.content._format._lists import Piece

_size_of, _files_of = attrgetter("size"), attrgetter("files")


class Sink(Protocol):
    """Takes the objects of a tree, in an order in which nothing comes before what it names."""

    @property
    def content(self) -> bool:
        """Whether it takes the bytes of files, or only tree nodes."""
        ...

    def lacks(self, keys: Iterable[Key], *, held: bool = True) -> set[Key]:
        """Return those of `keys` that have to be added.

        Args:
            keys: which.
            held: file objects that are references count as not stored.
        """
        ...

    def add(self, key: Key, raw: bytes) -> None:
        """Take an object."""
        ...


class NodeSink:
    """Keeps tree nodes in memory and no content: for comparing, not for storing."""

    content = False

    def __init__(self) -> None:
        self.nodes: dict[bytes, bytes] = {}

    def lacks(self, keys: Iterable[Key], *, held: bool = True) -> set[Key]:  # noqa: ARG002 - it takes no content
        """Return nothing."""
        return set()

    def add(self, key: Key, raw: bytes) -> None:
        """Keep a node."""
        self.nodes[key.digest] = raw


class NullSink(NodeSink):
    """Keeps nothing: for digests alone."""

    def add(self, key: Key, raw: bytes) -> None:
        """Drop it."""


def new_folder(sink: Sink) -> Pager[Entry]:
    """Return what takes the entries of one folder, in order, and writes its nodes.

    What it finally gives is the entry that stands for the folder's top node.
    """

    def write(level: int, page: list[Entry]) -> Entry:
        raw = encode_node(level, page)
        digest = blake3(raw).digest()
        sink.add(Key(ObjectType.TREE, digest), raw)
        return Entry(
            page[-1].name if page else b"",
            EntryKind.PAGE,
            sum(map(_size_of, page)),
            sum(map(_files_of, page)),
            digest,
        )

    return Pager(name_mark, write)


def write_tree(entries: Iterable[Entry], sink: Sink) -> Entry:
    """Write the nodes of one folder; return the entry that stands for the top one."""
    folder = new_folder(sink)
    for entry in entries:
        folder.add(entry)
    return folder.finish()


def put_pieces(pieces: Iterable[Piece], whole: Callable[[], bytes], sink: Sink) -> bytes:
    """Write the list of a large file's chunks, and its file object; return the file's digest.

    Args:
        pieces: the chunks, in order; they are stored by whoever gives them.
        whole: tells the file's digest, once all pieces were given.
        sink: takes the objects.
    """

    def write(level: int, page: list[Piece]) -> Piece:
        raw = encode_list(level, page)
        digest = blake3(raw).digest()
        sink.add(Key(ObjectType.LIST, digest), raw)
        return chunk_piece(sum(piece.length for piece in page), digest)._replace(
            mark=page[-1].mark if page else 0
        )

    top = paginate(pieces, mark=piece_mark, write=write)
    digest = whole()
    file = FileObject(Key(ObjectType.LIST, top.digest), top.length)
    sink.add(Key(ObjectType.FILE, digest), encode_file(file, digest))
    return digest


def put_chunks(chunks: Iterable[memoryview], sink: Sink) -> bytes:
    """Write a large file's chunks, their list and its file object; return the file's digest."""
    whole = blake3()

    def pieces() -> Iterator[Piece]:
        for chunk in chunks:
            raw = bytes(chunk)
            whole.update(raw)
            digest = blake3(raw).digest()
            sink.add(Key(ObjectType.CHUNK, digest), raw)
            yield chunk_piece(len(raw), digest)

    return put_pieces(pieces(), whole.digest, sink)


def put_content(content: bytes, sink: Sink) -> bytes:
    """Write the bytes of one file; return their digest."""
    if not sink.content:
        return blake3(content).digest()
    if len(content) >= WHOLE:
        return put_chunks(iter_chunks(BytesIO(content)), sink)
    digest = blake3(content).digest()
    if content:
        sink.add(Key(ObjectType.CHUNK, digest), content)
    return digest
