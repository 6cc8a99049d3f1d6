"""Records folders by reference: the tree with sizes and digests or states, and no bytes.

`_bucket_references` does the same for buckets.
"""

# Paths are bytes here, which pathlib does not take:
# ruff: noqa: PTH116, PTH119

from __future__ import annotations

import os
import stat as stat_module
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from blake3 import blake3

from omprov.content._adding._disk import kind_of, list_folder, look, read_steadily, told
from omprov.content._adding._ignore import IgnoreRules
from omprov.content._adding._putting import write_tree
from omprov.content._adding._scan import TreeSummary, write_found
from omprov.content._adding._selection import walk_selection
from omprov.content._adding._stats import identity
from omprov.content._adding._walk import FoundFile
from omprov.content._format._nodes import Entry, EntryKind
from omprov.content._format._objects import (
    FileObject,
    Key,
    ObjectType,
    Reference,
    content_key,
    decode_file,
    decode_reference,
    encode_file,
    encode_reference,
)
from omprov.content._progress import Done
from omprov.errors import InvalidInput, NotFound, SourceChanged
from omprov.records import Digest

from ._addresses import absolute_path, file_address
from ._source_places import disk_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from omprov.content._adding._putting import Sink
    from omprov.content._adding._stats import StatCache
    from omprov.content._adding._walk import Found
    from omprov.content._index import ChunkIndex
    from omprov.content._progress import Progress
    from omprov.content._reading import ObjectReader

    from ._sources import Sources

BATCH = 1024
_READ = 4 << 20
EMPTY = blake3(b"").digest()
"""The digest of every file without bytes: nobody has to read it."""


@dataclass(frozen=True, slots=True)
class Referenced:
    """What became of a folder or bucket that was recorded by reference.

    Attributes:
        summary: the tree; in ``size`` are the bytes that lie elsewhere.
        address: of the folder, file or bucket.
        identified_by: what its files are known by: ``digest``, ``etag`` or ``size and time``.
        left_out: names in a bucket that no file in a folder can have, a few of them.
        left_out_count: how many there are.
    """

    summary: TreeSummary
    address: str
    identified_by: str
    left_out: tuple[str, ...] = ()
    left_out_count: int = 0


class Recorded(NamedTuple):
    """A file of known digest, and where it lies."""

    reference: Reference
    digest: bytes


class Recorder:
    """Writes references; of a file whose bytes the store holds it needs none."""

    def __init__(
        self, sink: Sink, index: ChunkIndex, reader: ObjectReader, sources: Sources
    ) -> None:
        self.sink = sink
        self._index = index
        self._reader = reader
        self._sources = sources

    def by_state(self, reference: Reference) -> bytes:
        """Write a reference whose state stands for its content; return its digest."""
        raw = encode_reference(reference)
        digest = blake3(raw).digest()
        self.sink.add(Key(ObjectType.REFERENCE, digest), raw)
        return digest

    def by_digest(self, files: Iterable[Recorded]) -> None:
        """Write where files of known digest lie."""
        wanted: dict[Key, Recorded] = {}
        for file in files:
            key = content_key(file.reference.size, file.digest)
            if key is not None:
                wanted.setdefault(key, file)
        not_held = self.sink.lacks(wanted)
        lacking = [file for key, file in wanted.items() if key in not_held]
        keys = {Key(ObjectType.FILE, file.digest) for file in lacking}
        elsewhere = self._index.known(keys) - self.sink.lacks(keys, held=False)
        for file in lacking:
            self._write(file, is_known=Key(ObjectType.FILE, file.digest) in elsewhere)

    def _write(self, file: Recorded, *, is_known: bool) -> None:
        reference = encode_reference(file.reference)
        target = Key(ObjectType.REFERENCE, blake3(reference).digest())
        raw = encode_file(FileObject(target, file.reference.size), file.digest)
        key = Key(ObjectType.FILE, file.digest)
        if is_known and self._serves(key, raw):
            return
        self.sink.add(target, reference)
        self.sink.add(key, raw)

    def _serves(self, key: Key, raw: bytes) -> bool:
        """Say whether what is stored says the same, or names a place that is as good."""
        stored = self._reader.get(key)
        if stored == raw:
            return True
        file = decode_file(stored, key.digest)
        if file.target.type is ObjectType.LIST:
            return True
        try:
            self._sources.check(decode_reference(self._reader.get(file.target)))
        except (NotFound, SourceChanged):
            return False
        return True


def digest_of_source(path: bytes, stat: os.stat_result) -> bytes:
    """Return the digest of the reference to a regular file on disk.

    Args:
        path: absolute.
        stat: how it looks.
    """
    return blake3(encode_reference(Reference(file_address(path), *disk_state(stat)))).digest()


def record_folder(
    path: bytes,
    recorder: Recorder,
    stats: StatCache,
    *,
    hashed: bool,
    progress: Progress | None,
) -> Referenced:
    """Record a folder or file on disk; see `ContentStore.put_reference`."""
    try:
        stat = os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound("file or folder", os.fsdecode(path)) from error
    whole = absolute_path(path)
    run = _DiskRecording(recorder, stats, progress, hashed=hashed)
    try:
        if stat_module.S_ISDIR(stat.st_mode):
            root = run.folder(whole.rstrip(b"/") or b"/", IgnoreRules())
        else:
            root = run.single_file(whole)
    except RecursionError as error:
        raise InvalidInput(f"{os.fsdecode(path)} has folders nested too deeply") from error
    stats.write()
    summary = TreeSummary(Digest(root.digest.hex()), root.size, root.files)
    return Referenced(summary, file_address(whole), "digest" if hashed else "size and time")


def record_selection(
    files: Mapping[bytes, bytes],
    recorder: Recorder,
    stats: StatCache,
    progress: Progress | None = None,
) -> TreeSummary:
    """Record chosen files on disk by reference, with their digests.

    Args:
        files: path in the tree → path on disk.
        recorder: writes the references.
        stats: knows the digests of files that did not change.
        progress: told what was done.
    """
    root = _DiskRecording(recorder, stats, progress, hashed=True).selection(walk_selection(files))
    stats.write()
    return TreeSummary(Digest(root.digest.hex()), root.size, root.files)


class _DiskRecording:
    def __init__(
        self, recorder: Recorder, stats: StatCache, progress: Progress | None, *, hashed: bool
    ) -> None:
        self._recorder = recorder
        self._stats = stats
        self._progress = progress
        self._hashed = hashed
        self._now = stats.now()

    def folder(self, path: bytes, rules: IgnoreRules) -> Entry:
        names, rules = list_folder(path, rules)
        return write_tree(self._entries(path, names, rules), self._recorder.sink)

    def single_file(self, path: bytes) -> Entry:
        real = os.path.realpath(path)
        leaf = self._leaves([(os.path.basename(path), real, look(real))])
        return write_tree(leaf, self._recorder.sink)

    def selection(self, found: Iterable[Found]) -> Entry:
        whole = list(found)
        files = iter([one for one in whole if isinstance(one, FoundFile)])
        while batch := list(islice(files, BATCH)):
            entries = self._leaves([(one.name, one.path, one.stat) for one in batch])
            for one, entry in zip(batch, entries, strict=True):
                one.entry = entry
        return write_found(whole, self._recorder.sink)

    def _entries(self, path: bytes, names: list[bytes], rules: IgnoreRules) -> Iterator[Entry]:
        rest = iter(names)
        while batch := list(islice(rest, BATCH)):
            places = [(name, path + b"/" + name) for name in batch if not name.endswith(b"/")]
            leaves = iter(self._leaves([(*place, look(place[1])) for place in places]))
            for name in batch:
                if name.endswith(b"/"):
                    below = self.folder(path + b"/" + name[:-1], rules)
                    yield below._replace(name=name, kind=EntryKind.FOLDER)
                else:
                    yield next(leaves)

    def _leaves(self, files: list[tuple[bytes, bytes, os.stat_result]]) -> list[Entry]:
        regular = [stat for _, _, stat in files if stat_module.S_ISREG(stat.st_mode)]
        known = self._stats.find(regular) if self._hashed else {}
        entries, recorded = [], []
        for name, path, stat in files:
            if stat_module.S_ISLNK(stat.st_mode):
                entries.append(self._symlink(name, path))
            elif not self._hashed:
                entries.append(self._by_state(name, path, stat))
            else:
                entry, file = self._by_digest(name, path, stat, known.get(identity(stat)))
                entries.append(entry)
                recorded.append(file)
        self._recorder.by_digest(recorded)
        if self._progress is not None:
            self._progress(Done(len(files), sum(stat.st_size for _, _, stat in files)))
        return entries

    def _symlink(self, name: bytes, path: bytes) -> Entry:
        with told(path):
            target = os.readlink(path)  # noqa: PTH115 - pathlib takes no bytes
        digest = blake3(target).digest()
        self._recorder.sink.add(Key(ObjectType.CHUNK, digest), target)
        return Entry(name, EntryKind.SYMLINK, len(target), 1, digest)

    def _by_state(self, name: bytes, path: bytes, stat: os.stat_result) -> Entry:
        if not stat.st_size:
            return Entry(name, kind_of(stat.st_mode), 0, 1, EMPTY)
        reference = Reference(file_address(path), *disk_state(stat))
        return Entry(name, EntryKind.REFERENCE, stat.st_size, 1, self._recorder.by_state(reference))

    def _by_digest(
        self, name: bytes, path: bytes, stat: os.stat_result, digest: bytes | None
    ) -> tuple[Entry, Recorded]:
        if digest is None:
            found, stat = read_steadily(path, _hash_file)
            self._stats.add(stat, found, self._now)
        else:
            found = digest
        entry = Entry(name, kind_of(stat.st_mode), stat.st_size, 1, found)
        return entry, Recorded(Reference(file_address(path), *disk_state(stat)), found)


def _hash_file(file: BinaryIO, stat: os.stat_result) -> bytes:
    whole = blake3(max_threads=blake3.AUTO if stat.st_size > _READ else 1)
    while block := file.read(_READ):
        whole.update(block)
    return whole.digest()
