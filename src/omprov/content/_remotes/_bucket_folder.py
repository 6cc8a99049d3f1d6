"""A bucket that is a folder: each name a file, written beside its place and renamed into it."""

from __future__ import annotations

import errno
import os
import shutil
import stat as stat_module
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from omprov.content._durable import create_locked, disk_errors_told, fsync_folder
from omprov.content._pack_folder import remove_unlocked
from omprov.errors import NotFound, Unavailable

from ._bucket_names import PART, Blob, OtherState, check_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import IOBase

_UNFINISHED = ".omprov-unfinished"
"""The folder of what is being written; a killed writer's files are removed by the next one."""
_NOT_THERE = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR}


class FolderBucket:
    """See `Bucket`. Written files are synced before they get their name."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self._folder = folder
        self._cleaned = False

    def list(self, folder: str = "") -> Iterator[Blob]:
        top = self._folder / check_name(folder.rstrip("/")) if folder else self._folder
        with self._told(self.url):
            for parent, folders, files in os.walk(top, onerror=_raise_unless_gone):
                if _UNFINISHED in folders:
                    folders.remove(_UNFINISHED)
                for file in files:
                    path = Path(parent, file)
                    with suppress(FileNotFoundError):
                        yield _blob(path.relative_to(self._folder).as_posix(), path.stat())

    def look(self, name: str) -> Blob:
        with self._told(name):
            stat = self._path(name).stat()
        if not stat_module.S_ISREG(stat.st_mode):
            raise _not_found(name, self.url)
        return _blob(name, stat)

    def read(self, name: str) -> bytes:
        with self._told(name):
            return self._path(name).read_bytes()

    def read_range(self, name: str, offset: int, length: int, *, etag: str = "") -> bytes:
        with self._told(name), self._path(name).open("rb", buffering=0) as file:
            _check_state(name, file, etag)
            file.seek(offset)
            return _read_fully(file, length)

    def stream(self, name: str, *, etag: str = "") -> Iterator[bytes]:
        with self._told(name), self._path(name).open("rb", buffering=0) as file:
            _check_state(name, file, etag)
            while part := file.read(PART):
                yield part

    def write(self, name: str, data: bytes | Path | BinaryIO) -> Blob:
        place = self._path(name)
        with self._told(name, writing=True), disk_errors_told(self.url):
            if not place.parent.is_dir():
                _make_folders(place.parent)
            unfinished = self._unfinished()
            path, descriptor = create_locked(unfinished)
            try:
                with os.fdopen(descriptor, "wb") as file:
                    with _opened(data) as source:
                        shutil.copyfileobj(source, file, PART)
                    file.flush()
                    os.fsync(descriptor)
                    path.rename(place)
                fsync_folder(place.parent)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
            return _blob(name, place.stat())

    def delete(self, name: str) -> None:
        with self._told(name, writing=True):
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / check_name(name)

    def _unfinished(self) -> Path:
        """Return the folder of what is being written, without what dead writers left there."""
        folder = self._folder / _UNFINISHED
        folder.mkdir(exist_ok=True)
        if not self._cleaned:
            self._cleaned = True
            remove_unlocked(folder)
        return folder

    @contextmanager
    def _told(self, name: str, *, writing: bool = False) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            doing = "written" if writing else "read"
            raise Unavailable(
                f"{self.url} cannot be {doing}: permission denied for {error.filename or name}. "
                "Look at its owner and its permissions."
            ) from error
        except OSError as error:
            if error.errno in _NOT_THERE and not writing:
                raise _not_found(name, self.url) from error
            if isinstance(error, Unavailable):
                raise
            raise Unavailable(f"{self.url} cannot be used: {error.strerror}") from error


def _not_found(name: str, url: str) -> NotFound:
    return NotFound("object", name, hint=f"It is not in {url}.")


def _blob(name: str, stat: os.stat_result) -> Blob:
    etag = f"{stat.st_ino:x}-{stat.st_mtime_ns:x}-{stat.st_size:x}"
    return Blob(name, stat.st_size, etag, datetime.fromtimestamp(stat.st_mtime, UTC))


def _read_fully(file: BinaryIO, length: int) -> bytes:
    parts: list[bytes] = []
    while length > 0 and (part := file.read(length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _make_folders(folder: Path) -> None:
    """Make a folder with those above it, each name durable."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.is_dir()]
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        fsync_folder(made.parent)


@contextmanager
def _opened(data: bytes | Path | BinaryIO) -> Iterator[BinaryIO]:
    if isinstance(data, bytes):
        yield BytesIO(data)
    elif isinstance(data, Path):
        with data.open("rb", buffering=0) as file:
            yield file
    else:
        yield data


def _raise_unless_gone(error: OSError) -> None:
    if error.errno not in _NOT_THERE:
        raise error


def _check_state(name: str, file: IOBase, etag: str) -> None:
    if etag and _blob(name, os.fstat(file.fileno())).etag != etag:
        raise OtherState(name, etag)
