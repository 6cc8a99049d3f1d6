"""Reads files where they lie, through references, and notices when they are not what they were.

A reference under a known digest is verified by it; another one by size and ETag (of a file on
disk, its modification time), in the same request or before and after.
"""

from __future__ import annotations

import io
from threading import Lock
from typing import TYPE_CHECKING, BinaryIO

from blake3 import blake3

from omprov.content._format._objects import encode_reference
from omprov.content._remotes._buckets import open_bucket
from omprov.errors import SourceChanged

from ._addresses import object_at, path_at
from ._source_places import DiskPlace, ObjectPlace, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeAlias

    from _typeshed import WriteableBuffer

    from omprov.content._format._objects import Reference
    from omprov.content._remotes._buckets import Bucket

    from ._learned import LearnedDigests
    from ._source_places import Place

    BucketOptions: TypeAlias = Callable[[str], Mapping[str, str]]
    """Gives the options of `open_bucket` for what lies at or below an address."""

_LEAST_AHEAD, _MOST_AHEAD = 256 << 10, 8 << 20


def no_options(address: str) -> Mapping[str, str]:  # noqa: ARG001 - the same everywhere
    """Leave every option to the environment."""
    return {}


class Sources:
    """Opens what references name. Safe to use from several threads.

    Attributes:
        options: asked for the options of each bucket when it is opened.
    """

    def __init__(self, learned: LearnedDigests, options: BucketOptions = no_options) -> None:
        self.options = options
        self._learned = learned
        self._buckets: dict[tuple[object, ...], Bucket] = {}
        self._lock = Lock()

    def bucket(self, url: str, address: str) -> Bucket:
        """Return an open bucket.

        Args:
            url: ``scheme://name``.
            address: of what is wanted in it, which decides the options.
        """
        options = self.options(address)
        name = url, *sorted(options.items())
        with self._lock:
            if name not in self._buckets:
                self._buckets[name] = open_bucket(url, options=options)
            return self._buckets[name]

    def check(self, reference: Reference) -> None:
        """Look whether a file still has the size and ETag that it had; read nothing.

        Raises:
            NotFound: it is gone.
            SourceChanged: it has another size or ETag.
            Unavailable: it cannot be reached.
        """
        _compare(reference, self._place(reference).look())

    def verify(self, reference: Reference, digest: bytes) -> None:
        """Read a file and compare its digest.

        Raises:
            NotFound: it is gone.
            SourceChanged: its bytes are others.
            Unavailable: it cannot be reached.
        """
        for _ in self.stream(reference, digest):
            pass

    def stream(self, reference: Reference, digest: bytes | None) -> Iterator[bytes]:
        """Give the bytes of a file, in parts; the last step says whether they are what they were.

        Args:
            reference: where it lies.
            digest: BLAKE3 of its content; ``None`` where the reference alone says its state.

        Raises:
            NotFound: it is gone.
            SourceChanged: it has another size, another ETag, or other bytes.
            Unavailable: it cannot be reached.
        """
        name = blake3(encode_reference(reference)).digest()
        wanted = digest or self._learned.find([name]).get(name)
        whole, size = blake3(), 0
        state = State(reference.size, reference.etag) if digest is None else None
        for block in self._place(reference).stream(state):
            whole.update(block)
            size += len(block)
            yield block
        found = whole.digest()
        if wanted is not None and found != wanted:
            raise _other_bytes(reference, wanted, found)
        if size != reference.size:
            raise SourceChanged(reference.uri, f"{reference.size} bytes", f"{size} bytes")
        if wanted is None:
            self._learned.add(name, found)

    def open(self, reference: Reference, digest: bytes | None) -> BinaryIO:
        """Open a file for reading from anywhere; what is read is fetched with some read-ahead.

        Size and ETag are verified with everything that is read; the digest is once all has been
        read from the first byte to the last in order. A file of known digest that has another ETag
        by now is read once as a whole to see whether it has the same bytes all the same.

        Raises:
            NotFound: it is gone.
            SourceChanged: it has another size, another ETag, or other bytes.
            Unavailable: it cannot be reached.
        """
        place = self._place(reference)
        state = place.look()
        if digest is None or state.size != reference.size:
            _compare(reference, state)
        elif state.etag != reference.etag:
            self.verify(reference, digest)
        return io.BufferedReader(_SourceFile(place, reference, state, digest))

    def _place(self, reference: Reference) -> Place:
        path = path_at(reference.uri)
        if path is not None:
            return DiskPlace(path)
        bucket, key = object_at(reference.uri)
        return ObjectPlace(self.bucket(bucket, reference.uri), key, reference.uri)


def _compare(reference: Reference, state: State) -> None:
    if state != (reference.size, reference.etag):
        raise SourceChanged(reference.uri, State(reference.size, reference.etag), state)


def _other_bytes(reference: Reference, digest: bytes, found: bytes) -> SourceChanged:
    words = (f"BLAKE3 {one.hex()[:16]}…" for one in (digest, found))
    return SourceChanged(reference.uri, *words)


class _SourceFile(io.RawIOBase):
    """A file at its source, read from anywhere."""

    def __init__(
        self, place: Place, reference: Reference, state: State, digest: bytes | None
    ) -> None:
        super().__init__()
        self._place = place
        self._reference = reference
        self._state = state
        self._digest = digest
        self._position = 0
        self._window = b""
        self._start = 0
        self._ahead = _LEAST_AHEAD
        self._hash = blake3()
        self._hashed = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        size = self._state.size
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: size}[whence]
        if base + offset < 0:
            raise ValueError(f"cannot seek to {base + offset}")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        if self._position >= self._state.size:
            return 0
        if not self._start <= self._position < self._start + len(self._window):
            self._fetch()
        target = memoryview(buffer).cast("B")
        start = self._position - self._start
        part = memoryview(self._window)[start : start + len(target)]
        target[: len(part)] = part
        self._position += len(part)
        return len(part)

    def readall(self) -> bytes:
        blocks = []
        while self._position < self._state.size:
            block = bytearray(_MOST_AHEAD)
            blocks.append(bytes(block[: self.readinto(block)]))
        return b"".join(blocks)

    def _fetch(self) -> None:
        in_order = self._position == self._start + len(self._window)
        self._ahead = min(self._ahead * 2, _MOST_AHEAD) if in_order else _LEAST_AHEAD
        length = min(self._ahead, self._state.size - self._position)
        block = self._place.read_at(self._position, length, self._state)
        if len(block) != length:
            raise SourceChanged(self._reference.uri, self._state, self._place.look())
        self._window, self._start = block, self._position
        if self._digest is not None and self._hashed == self._position:
            self._hash.update(block)
            self._hashed += length
            if self._hashed == self._state.size and self._hash.digest() != self._digest:
                raise _other_bytes(self._reference, self._digest, self._hash.digest())
