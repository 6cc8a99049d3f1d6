"""Files as the finer measures read them: which sort they are, by block and by line.

What cannot be read for what its name says raises `Unreadable`; an error of the disk or of the
store is never taken for that.
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from omprov.errors import OmprovError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

    from ._trees import Leaf, Tree

BLOCK = 1 << 20  # bytes that are read at once
LONGEST = 8 << 20  # bytes of a line, a record or a cell at most
_ARCHIVE_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
_HEAD = 8000  # bytes in which a NUL makes a file binary: git's rule


class Unreadable(Exception):
    """A file does not hold what its name says."""


class WatchedFile(io.RawIOBase):
    """A file given to foreign readers: what its own reads raise can be told from what they raise.

    Attributes:
        failure: what a read or seek raised, if one did.
    """

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file
        self.failure: Exception | None = None

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can seek."""
        return True

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Move to an offset."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the offset."""
        return self._file.tell()

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Read into a buffer."""
        view = memoryview(buffer).cast("B")
        try:
            content = self._file.read(len(view))
        except Exception as error:
            self.failure = error
            raise
        view[: len(content)] = content
        return len(content)

    def close(self) -> None:
        """Close the file beneath."""
        self._file.close()
        super().close()


@contextmanager
def open_watched(tree: Tree, leaf: Leaf, *faults: type[Exception]) -> Iterator[BinaryIO]:
    """Open a file for a foreign reader; its `faults` become `Unreadable`, unless the file's own."""
    watched = WatchedFile(tree.open(leaf.path))
    with io.BufferedReader(watched, BLOCK) as file:
        try:
            yield cast("BinaryIO", file)
        except faults as error:
            if watched.failure is not None:
                raise watched.failure from error
            raise Unreadable(f"{leaf.path} cannot be read ({error})") from error


@contextmanager
def open_plain(tree: Tree, leaf: Leaf) -> Iterator[BinaryIO]:
    """Open a file, decompressed if its name ends in ``.gz``.

    Raises:
        Unreadable: the compressed bytes are damaged.
    """
    if not leaf.path.endswith(".gz"):
        with tree.open(leaf.path) as file:
            yield file
        return
    with open_watched(tree, leaf, gzip.BadGzipFile, EOFError, zlib.error) as file:
        yield cast("BinaryIO", gzip.GzipFile(fileobj=file))


@contextmanager
def archive_faults_told(name: str) -> Iterator[None]:
    """Turn all that `zipfile` raises for archives that lie into `Unreadable`."""
    try:
        yield
    except OmprovError:  # the store's own; some are these as well
        raise
    except _ARCHIVE_FAULTS as error:
        raise Unreadable(f"{name} cannot be read as an archive ({error})") from error


def iter_line_blocks(file: BinaryIO, name: str) -> Iterator[bytes]:
    """Yield a text file in blocks of about 1 MiB that end where a line ends.

    A byte order mark is left out, and the last line gets its end if it has none.

    Raises:
        Unreadable: the file is binary, or a line is longer than 8 MiB.
    """
    rest = file.read(BLOCK).removeprefix(b"\xef\xbb\xbf")
    if b"\0" in rest[:_HEAD]:
        raise Unreadable(f"{name} is no text")
    while block := file.read(BLOCK):
        end = block.rfind(b"\n") + 1
        if end:
            yield rest + block[:end]
            rest = block[end:]
        else:
            rest += block
            if len(rest) > LONGEST:
                raise Unreadable(f"{name} has a line of more than {LONGEST >> 20} MiB")
    if rest:
        yield rest if rest.endswith(b"\n") else rest + b"\n"
