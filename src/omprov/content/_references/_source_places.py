"""The two sorts of places where files lie that the store does not hold: disks and buckets."""

# Paths are bytes here, which pathlib does not take:

from __future__ import annotations

import errno
import os
import stat as stat_module
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, Protocol

from omprov.content._remotes._buckets import OtherState
from omprov.errors import NotFound, OmprovError, SourceChanged, Unavailable

from ._addresses import file_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omprov.content._remotes._buckets import Bucket

_READ = 4 << 20
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_GONE = {errno.ENOENT, errno.ENOTDIR}
_DENIED = {errno.EACCES, errno.EPERM}


class State(NamedTuple):
    """What a file is known by where nobody reads it.

    Attributes:
        size: in bytes.
        etag: an object's ETag without quotes; of a file on disk, its modification time.
    """

    size: int
    etag: str

    def __str__(self) -> str:
        return f"{self.etag or 'no ETag'}, {self.size} bytes"


class Place(Protocol):
    """Where one file lies.

    **Errors.** Every method raises `NotFound` where it is gone, `Unavailable` where it cannot be
    reached or read, and, where a state is given, `SourceChanged` if it has another one.
    """

    def look(self) -> State:
        """Return its state."""
        ...

    def stream(self, state: State | None) -> Iterator[bytes]:
        """Give all bytes, of this state if one is given."""
        ...

    def read_at(self, offset: int, length: int, state: State) -> bytes:
        """Return some bytes of this state."""
        ...


def disk_state(stat: os.stat_result) -> State:
    """Return the state of a regular file that looks so."""
    return State(stat.st_size, f"mtime:{stat.st_mtime_ns}")


class DiskPlace:
    """A file on a disk that is mounted here."""

    def __init__(self, path: bytes) -> None:
        self._path = path

    def look(self) -> State:
        with self._told():
            return self._state(os.lstat(self._path))

    def stream(self, state: State | None) -> Iterator[bytes]:
        with self._told(), open(os.open(self._path, _FLAGS), "rb", buffering=0) as file:  # noqa: PTH123
            before = self._state(os.fstat(file.fileno()))
            self._compare(state or before, before)
            while block := file.read(_READ):
                yield block
            self._compare(before, self._state(os.fstat(file.fileno())))

    def read_at(self, offset: int, length: int, state: State) -> bytes:
        with self._told():
            descriptor = os.open(self._path, _FLAGS)
            try:
                self._compare(state, self._state(os.fstat(descriptor)))
                block = os.pread(descriptor, length, offset)
                self._compare(state, self._state(os.fstat(descriptor)))
                return block
            finally:
                os.close(descriptor)

    def _state(self, stat: os.stat_result) -> State:
        if not stat_module.S_ISREG(stat.st_mode):
            raise _gone(os.fsdecode(self._path))
        return disk_state(stat)

    def _compare(self, recorded: State, found: State) -> None:
        if recorded != found:
            raise SourceChanged(file_address(self._path), recorded, found)

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            if isinstance(error, OmprovError):
                raise
            path = os.fsdecode(self._path)
            if error.errno in _GONE or error.errno == errno.ELOOP:
                raise _gone(path) from error
            if error.errno in _DENIED:
                raise Unavailable(
                    f"{path} is kept by reference and cannot be read: permission denied. Ask its "
                    "owner for permission to read it."
                ) from error
            raise Unavailable(
                f"{path} is kept by reference and cannot be read: {error.strerror}. Look at the "
                "disk that it lies on."
            ) from error


class ObjectPlace:
    """An object in a bucket."""

    def __init__(self, bucket: Bucket, key: str, address: str) -> None:
        self._bucket = bucket
        self._key = key
        self._address = address

    def look(self) -> State:
        with self._told(None):
            blob = self._bucket.look(self._key)
            return State(blob.size, blob.etag)

    def stream(self, state: State | None) -> Iterator[bytes]:
        with self._told(state):
            yield from self._bucket.stream(self._key, etag=state.etag if state else "")

    def read_at(self, offset: int, length: int, state: State) -> bytes:
        with self._told(state):
            return self._bucket.read_range(self._key, offset, length, etag=state.etag)

    @contextmanager
    def _told(self, state: State | None) -> Iterator[None]:
        try:
            yield
        except OtherState as error:
            assert state is not None
            raise SourceChanged(self._address, state, self.look()) from error
        except NotFound as error:
            raise _gone(self._address) from error


def _gone(where: str) -> NotFound:
    return NotFound(
        "file",
        where,
        hint="It is kept by reference: its bytes were there and are not in this repository. Mount "
        "or put back what was there.",
    )
