"""Records buckets by reference: what their listing says becomes a tree, whatever its order."""

from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from omprov.content._adding._ignore import ALWAYS_IGNORED
from omprov.content._adding._putting import write_tree
from omprov.content._adding._scan import TreeSummary
from omprov.content._durable import create_locked
from omprov.content._format._nodes import Entry, EntryKind, check_entry_name
from omprov.content._format._objects import Reference, encode_reference
from omprov.content._progress import Done, Expected
from omprov.content._remotes._buckets import split_url
from omprov.errors import Conflict, InvalidInput, NotFound, SourceChanged
from omprov.records import Digest

from ._addresses import object_address
from ._record import BATCH, EMPTY, Recorded, Referenced

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from omprov.content._progress import Progress
    from omprov.content._remotes._buckets import Bucket, SplitUrl

    from ._learned import LearnedDigests
    from ._record import Recorder
    from ._sources import Sources

_LONGEST = 255
"""Bytes of a name that file systems take."""
_NAMED = 3
_READERS = 8
_SCHEMA = """
CREATE TABLE listed (
    key BLOB PRIMARY KEY, size INTEGER NOT NULL, etag TEXT NOT NULL, seen INTEGER NOT NULL DEFAULT 1
) WITHOUT ROWID
"""
_INSERT = (
    "INSERT INTO listed (key, size, etag) VALUES (?, ?, ?)"
    " ON CONFLICT (key) DO UPDATE SET seen = seen + 1"
)


class _Listed(NamedTuple):
    """An object: its key below the prefix as bytes, and its state."""

    key: bytes
    size: int
    etag: str


def record_bucket(
    url: str,
    recorder: Recorder,
    sources: Sources,
    learned: LearnedDigests,
    temporary: Path,
    *,
    hashed: bool,
    progress: Progress | None,
) -> Referenced:
    """Record what a bucket holds; see `ContentStore.put_reference`.

    Args:
        url: ``scheme://bucket/prefix``; or of one object.
        recorder: writes the references.
        sources: gives the bucket.
        learned: knows what earlier states of it held.
        temporary: a folder for the listing, which is sorted on disk.
        hashed: read every object once, for its digest.
        progress: told the objects and bytes done.
    """
    parts = split_url(url)
    root = f"{parts.scheme}://{parts.bucket}"
    bucket = sources.bucket(root, object_address(root, parts.path))
    with _sorted_on_disk(temporary) as listing:
        prefix = _fill(listing, bucket, parts)
        run = _BucketRecording(
            listing,
            bucket,
            prefix=prefix,
            recorder=recorder,
            sources=sources,
            learned=learned,
        )
        if progress is not None:
            progress(
                Expected(*listing.execute("SELECT count(*), sum(size) FROM listed").fetchone())
            )
        try:
            top = run.tree(progress, hashed=hashed)
        except RecursionError as error:
            raise InvalidInput(f"{url} has names with too many slashes") from error
    learned.write()
    return Referenced(
        TreeSummary(Digest(top.digest.hex()), top.size, top.files),
        f"{root}/{parts.path}".rstrip("/"),
        "digest" if hashed else "etag",
        tuple(run.left_out),
        run.left_out_count,
    )


@contextmanager
def _sorted_on_disk(folder: Path) -> Iterator[sqlite3.Connection]:
    path, descriptor = create_locked(folder)
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as listing:
            listing.execute("PRAGMA journal_mode = OFF")
            listing.execute("PRAGMA synchronous = OFF")
            listing.execute(_SCHEMA)
            yield listing
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _fill(listing: sqlite3.Connection, bucket: Bucket, parts: SplitUrl) -> str:
    """Take in the listing; return what stands before its keys in the bucket.

    Raises:
        NotFound: there is nothing at all.
    """
    prefix = f"{parts.path}/" if parts.path else ""
    blobs = bucket.list(parts.path)
    below = (blob for blob in blobs if blob.name != parts.path)  # that is a mark of the folder
    rows = ((b.name[len(prefix) :].encode(), b.size, b.etag) for b in below)
    listing.execute("BEGIN")
    while batch := list(islice(rows, BATCH)):
        listing.executemany(_INSERT, batch)
    listing.execute("COMMIT")
    if listing.execute("SELECT 1 FROM listed LIMIT 1").fetchone() is not None:
        return prefix
    if not parts.path:
        raise NotFound("object", f"{bucket.url}/", hint="The bucket is empty.")
    blob = bucket.look(parts.path)
    above, _, name = parts.path.rpartition("/")
    listing.execute(_INSERT, (name.encode(), blob.size, blob.etag))
    return f"{above}/" if above else ""


class _BucketRecording:
    def __init__(
        self,
        listing: sqlite3.Connection,
        bucket: Bucket,
        *,
        prefix: str,
        recorder: Recorder,
        sources: Sources,
        learned: LearnedDigests,
    ) -> None:
        self._listing = listing
        self._bucket = bucket
        self._root = bucket.url
        self._prefix = prefix
        self._recorder = recorder
        self._sources = sources
        self._learned = learned
        self._head: tuple[bytes, Entry] | None = None
        self.left_out: list[str] = []
        self.left_out_count = 0

    def tree(self, progress: Progress | None, *, hashed: bool) -> Entry:
        entries = self._by_digest() if hashed else self._by_state()
        if progress is not None:
            entries = _telling(entries, progress)
        self._head = next(entries, None)
        return write_tree(self._folder(b"", entries), self._recorder.sink)

    def _folder(self, above: bytes, rest: Iterator[tuple[bytes, Entry]]) -> Iterator[Entry]:
        """Give the entries of one folder; sorted keys are whole paths in the order of a walk."""
        while self._head is not None and self._head[0].startswith(above):
            key, entry = self._head
            name, slash, _ = key[len(above) :].partition(b"/")
            if slash:
                below = write_tree(self._folder(above + name + b"/", rest), self._recorder.sink)
                yield below._replace(name=name + b"/", kind=EntryKind.FOLDER)
            else:
                self._head = next(rest, None)
                yield entry._replace(name=name)

    def _objects(self) -> Iterator[_Listed]:
        """Give what can be a file, by key."""
        query = "SELECT key, size, etag, seen FROM listed ORDER BY key"
        for key, size, etag, seen in self._listing.execute(query):
            parts = key.split(b"/")
            if not ALWAYS_IGNORED.isdisjoint(parts):
                continue
            listed: _Listed | None = _Listed(key, size, etag)
            if not all(check_entry_name(part) and len(part) <= _LONGEST for part in parts):
                self._leave_out(key)
                continue
            is_folder = self._is_folder(key)
            if not size or seen > 1 or is_folder:  # it may be a mark of an empty "folder"
                listed = self._look(key)
                if listed is not None and is_folder:
                    self._leave_out(key)
                    continue
            if listed is not None:
                yield listed

    def _is_folder(self, key: bytes) -> bool:
        query = "SELECT 1 FROM listed WHERE key > ? AND key < ? LIMIT 1"
        found = self._listing.execute(query, (key + b"/", key + b"0"))
        return found.fetchone() is not None

    def _look(self, key: bytes) -> _Listed | None:
        try:
            blob = self._bucket.look(self._prefix + key.decode())
        except NotFound:
            return None
        return _Listed(key, blob.size, blob.etag)

    def _leave_out(self, key: bytes) -> None:
        self.left_out_count += 1
        if len(self.left_out) < _NAMED:
            self.left_out.append(self._prefix + key.decode())

    def _reference(self, listed: _Listed) -> Reference:
        address = object_address(self._root, self._prefix + listed.key.decode())
        return Reference(address, listed.size, listed.etag)

    def _by_state(self) -> Iterator[tuple[bytes, Entry]]:
        for listed in self._objects():
            if listed.size:
                digest = self._recorder.by_state(self._reference(listed))
                yield listed.key, Entry(b"", EntryKind.REFERENCE, listed.size, 1, digest)
            else:
                yield listed.key, Entry(b"", EntryKind.FILE, 0, 1, EMPTY)

    def _by_digest(self) -> Iterator[tuple[bytes, Entry]]:
        objects = self._objects()
        with ThreadPoolExecutor(_READERS) as readers:
            while batch := list(islice(objects, BATCH)):
                references = [self._reference(listed) for listed in batch]
                names = [blake3(encode_reference(one)).digest() for one in references]
                known = self._learned.find(names)
                unread = [
                    (one, name)
                    for one, name in zip(references, names, strict=True)
                    if name not in known
                ]
                known |= readers.map(self._read, unread)
                digests = [known[name] for name in names]
                self._recorder.by_digest(map(Recorded, references, digests))
                for listed, digest in zip(batch, digests, strict=True):
                    yield listed.key, Entry(b"", EntryKind.FILE, listed.size, 1, digest)

    def _read(self, wanted: tuple[Reference, bytes]) -> tuple[bytes, bytes]:
        reference, name = wanted
        whole = blake3()
        if reference.size:
            try:
                for block in self._sources.stream(reference, None):
                    whole.update(block)
            except (NotFound, SourceChanged) as error:
                raise Conflict(
                    f"{reference.uri} changes while it is read. Stop what writes to it and try "
                    "again."
                ) from error
        return name, whole.digest()


def _telling(
    entries: Iterator[tuple[bytes, Entry]], progress: Progress
) -> Iterator[tuple[bytes, Entry]]:
    while batch := list(islice(entries, BATCH)):
        yield from batch
        progress(Done(len(batch), sum(entry.size for _, entry in batch)))
