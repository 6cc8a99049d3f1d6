"""Turns files on disk, or in memory, into trees: nodes and content go to a sink, in one pass."""

# Paths are bytes here, which pathlib does not take:
# ruff: noqa: PTH100, PTH115, PTH116, PTH119

from __future__ import annotations

import os
import stat as stat_module
from dataclasses import dataclass
from io import BytesIO
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

from blake3 import blake3

from omprov.errors import InvalidInput, NotFound
from omprov.records import Digest

from ._chunking import iter_chunks
from ._disk import kind_of, list_folder, look, read_steadily, told
from ._ignore import ALWAYS_IGNORED, IgnoreRules
from ._lists import chunk_piece, encode_list, piece_mark
from ._nodes import Entry, EntryKind, check_entry_name, encode_node, name_mark
from ._objects import WHOLE, FileObject, Key, ObjectType, content_key, encode_file
from ._paging import paginate
from ._progress import Done
from ._stats import identity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ._lists import Piece
    from ._progress import Progress
    from ._stats import Identity, StatCache


_BATCH = 1024
_READ = 4 << 20
_TELL_EVERY = 256


@dataclass(frozen=True, slots=True)
class TreeSummary:
    """What became of a folder.

    Attributes:
        digest: of the tree; equal folders have equal digests.
        size: bytes of all files.
        files: regular files and symlinks.
    """

    digest: Digest
    size: int
    files: int


class Sink(Protocol):
    """Takes the objects of a tree, in an order in which nothing comes before what it names."""

    @property
    def content(self) -> bool:
        """Whether it takes the bytes of files, or only tree nodes."""
        ...

    def lacks(self, keys: Iterable[Key]) -> set[Key]:
        """Return those of `keys` that have to be added."""
        ...

    def add(self, key: Key, raw: bytes) -> None:
        """Take an object."""
        ...


class NodeSink:
    """Keeps tree nodes in memory and no content: for comparing, not for storing."""

    content = False

    def __init__(self) -> None:
        self.nodes: dict[bytes, bytes] = {}

    def lacks(self, keys: Iterable[Key]) -> set[Key]:  # noqa: ARG002 - it takes no content
        """Return nothing."""
        return set()

    def add(self, key: Key, raw: bytes) -> None:
        """Keep a node."""
        self.nodes[key.digest] = raw


class NullSink(NodeSink):
    """Keeps nothing: for digests alone."""

    def add(self, key: Key, raw: bytes) -> None:
        """Drop it."""


def scan(
    path: str | os.PathLike[str] | bytes,
    sink: Sink,
    stats: StatCache,
    *,
    rules: IgnoreRules | None = None,
    progress: Progress | None = None,
) -> TreeSummary:
    """Record a folder, or a single file as the only entry of a tree.

    Args:
        path: what to record; it may be a symlink itself.
        sink: takes the objects.
        stats: knows the digests of files that did not change.
        rules: what to leave out; built-in names and `.omprovignore` by default.
        progress: told what was done.

    Raises:
        NotFound: there is nothing at `path`.
        InvalidInput: something in it can be no part of a tree.
        Conflict: a file kept changing while it was read.
    """
    raw_path = os.fsencode(path)
    run = _Scan(sink, stats, progress)
    try:
        stat = os.stat(raw_path)
    except FileNotFoundError as error:
        raise NotFound("file or folder", os.fsdecode(raw_path)) from error
    try:
        if stat_module.S_ISDIR(stat.st_mode):
            root = run.folder(raw_path.rstrip(b"/") or b"/", rules or IgnoreRules())
        else:
            root = run.single_file(raw_path)
    except RecursionError as error:
        raise InvalidInput(f"{os.fsdecode(raw_path)} has folders nested too deeply") from error
    stats.write()
    return TreeSummary(Digest(root.digest.hex()), root.size, root.files)


def digest_files(looks: Mapping[bytes, os.stat_result], stats: StatCache) -> dict[bytes, Entry]:
    """Return the entries that files and symlinks on disk would make, by their path.

    Args:
        looks: path → how the regular file or symlink there looks.
        stats: knows the digests of files that did not change.
    """
    run = _Scan(NullSink(), stats, None)
    known = run.known(looks.values())
    return {
        path: run.leaf(os.path.basename(path), path, stat, known.get(identity(stat)))
        for path, stat in looks.items()
    }


def scan_files(files: Mapping[str, bytes], sink: Sink) -> TreeSummary:
    """Record files given as bytes.

    Args:
        files: path, with parts joined by ``/``, → content.
        sink: takes the objects.

    Raises:
        InvalidInput: a path that no file in a folder can have.
    """
    tree: dict[bytes, Any] = {}
    for path, content in files.items():
        _place(tree, path, content)
    root = _memory_folder(tree, sink)
    return TreeSummary(Digest(root.digest.hex()), root.size, root.files)


class _Scan:
    def __init__(self, sink: Sink, stats: StatCache, progress: Progress | None) -> None:
        self._sink = sink
        self._stats = stats
        self._progress = progress
        self._now = stats.now()

    def folder(self, path: bytes, rules: IgnoreRules) -> Entry:
        names, rules = list_folder(path, rules)
        entries = self._entries(path, names, rules)
        return write_tree(entries, self._sink)

    def single_file(self, path: bytes) -> Entry:
        name = os.path.basename(os.path.abspath(path))
        real = os.path.realpath(path)
        return write_tree([self.leaf(name, real, look(real), None)], self._sink)

    def _entries(self, path: bytes, names: list[bytes], rules: IgnoreRules) -> Iterator[Entry]:
        rest = iter(names)
        while batch := list(islice(rest, _BATCH)):
            looks = {name: look(path + b"/" + name) for name in batch if not name.endswith(b"/")}
            known = self.known(looks.values())
            for name in batch:
                if name.endswith(b"/"):
                    below = self.folder(path + b"/" + name[:-1], rules)
                    yield below._replace(name=name, kind=EntryKind.FOLDER)
                else:
                    stat = looks[name]
                    yield self.leaf(name, path + b"/" + name, stat, known.get(identity(stat)))
            if self._progress is not None:
                self._progress(Done(len(looks), sum(s.st_size for s in looks.values())))

    def known(self, looks: Iterable[os.stat_result]) -> dict[Identity, bytes]:
        """Give the digests of files that need not be read: known, and stored."""
        regular = [stat for stat in looks if stat_module.S_ISREG(stat.st_mode)]
        known = self._stats.find(regular)
        if not self._sink.content or not known:
            return known
        sizes = {identity(stat): stat.st_size for stat in regular}
        keys = {content_key(sizes[file], digest) for file, digest in known.items()} - {None}
        lacking = {key.digest for key in self._sink.lacks(key for key in keys if key)}
        return {file: digest for file, digest in known.items() if digest not in lacking}

    def leaf(self, name: bytes, path: bytes, stat: os.stat_result, digest: bytes | None) -> Entry:
        kind = kind_of(stat)
        if kind is EntryKind.SYMLINK:
            with told(path):
                target = os.readlink(path)
            return Entry(name, kind, len(target), 1, put_content(target, self._sink))
        if digest is None:
            fresh, stat = read_steadily(path, self._read)
            self._stats.add(stat, fresh, self._now)
            return Entry(name, kind_of(stat), stat.st_size, 1, fresh)
        return Entry(name, kind_of(stat), stat.st_size, 1, digest)

    def _read(self, file: BinaryIO, stat: os.stat_result) -> bytes:
        if stat.st_size < WHOLE:
            return put_content(file.read(stat.st_size + 1), self._sink)
        if not self._sink.content:
            return _hash_file(file)
        return put_chunks(iter_chunks(file), self._sink)


def write_tree(entries: Iterable[Entry], sink: Sink) -> Entry:
    """Write the nodes of one folder; return the entry that stands for the top one."""

    def write(level: int, page: list[Entry]) -> Entry:
        raw = encode_node(level, page)
        digest = blake3(raw).digest()
        sink.add(Key(ObjectType.TREE, digest), raw)
        return Entry(
            page[-1].name if page else b"",
            EntryKind.PAGE,
            sum(entry.size for entry in page),
            sum(entry.files for entry in page),
            digest,
        )

    return paginate(entries, mark=name_mark, write=write)


def put_chunks(chunks: Iterable[memoryview], sink: Sink) -> bytes:
    """Write a large file's chunks, their list and its file object; return the file's digest."""

    def write(level: int, page: list[Piece]) -> Piece:
        raw = encode_list(level, page)
        digest = blake3(raw).digest()
        sink.add(Key(ObjectType.LIST, digest), raw)
        return chunk_piece(sum(piece.length for piece in page), digest)._replace(
            mark=page[-1].mark if page else 0
        )

    whole = blake3()

    def pieces() -> Iterator[Piece]:
        for chunk in chunks:
            raw = bytes(chunk)
            whole.update(raw)
            digest = blake3(raw).digest()
            sink.add(Key(ObjectType.CHUNK, digest), raw)
            yield chunk_piece(len(raw), digest)

    top = paginate(pieces(), mark=piece_mark, write=write)
    digest = whole.digest()
    file = FileObject(Key(ObjectType.LIST, top.digest), top.length)
    sink.add(Key(ObjectType.FILE, digest), encode_file(file, digest))
    return digest


def _hash_file(file: BinaryIO) -> bytes:
    whole = blake3()
    while block := file.read(_READ):
        whole.update(block)
    return whole.digest()


def _place(tree: dict[bytes, Any], path: str, content: bytes) -> None:
    *folders, name = os.fsencode(path).split(b"/")
    if not all(check_entry_name(part) for part in (*folders, name)):
        raise InvalidInput(f"{path!r} cannot be the path of a file in a folder")
    if not ALWAYS_IGNORED.isdisjoint((*folders, name)):
        raise InvalidInput(f"{path!r} belongs to other books kept on a folder: it is never stored")
    for folder in folders:
        below = tree.setdefault(folder, {})
        if not isinstance(below, dict):
            raise InvalidInput(f"{path!r} lies below a file")
        tree = below
    if name in tree:
        raise InvalidInput(f"{path!r} is both a file and a folder")
    tree[name] = content


def _memory_folder(tree: dict[bytes, Any], sink: Sink) -> Entry:
    entries = []
    for name, below in tree.items():
        if isinstance(below, dict):
            folder = _memory_folder(below, sink)
            entries.append(folder._replace(name=name + b"/", kind=EntryKind.FOLDER))
        else:
            digest = put_content(below, sink)
            entries.append(Entry(name, EntryKind.FILE, len(below), 1, digest))
    return write_tree(sorted(entries), sink)


def put_content(content: bytes, sink: Sink) -> bytes:
    """Write the bytes of one file; return their digest."""
    if len(content) >= WHOLE:
        return put_chunks(iter_chunks(BytesIO(content)), sink)
    digest = blake3(content).digest()
    if content and sink.content:
        sink.add(Key(ObjectType.CHUNK, digest), content)
    return digest
