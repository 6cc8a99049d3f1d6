"""Two plain trees: a directory on disk and a mapping in memory. Neither stores anything."""

from __future__ import annotations

import os
import stat
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from blake3 import blake3

from omprov.errors import InvalidInput, NotFound
from omprov.records import Digest

from ._trees import Leaf, merge_walks, path_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ._trees import Delta, Mode, Tree

_BLOCK = 1 << 20


class ListedTree:
    """What a tree can tell once its leaves are listed."""

    @cached_property
    def _leaves(self) -> dict[str, Leaf]:
        raise NotImplementedError

    @cached_property
    def _digest(self) -> Digest:
        hasher = blake3()
        for leaf in self._leaves.values():
            hasher.update(path_order(leaf.path) + f"\0{leaf.mode}\0{leaf.digest}\n".encode())
        return Digest(hasher.hexdigest())

    @property
    def digest(self) -> Digest:
        """BLAKE3-256 over paths, modes and digests of the leaves, in order."""
        return self._digest

    @property
    def files(self) -> int:
        """How many leaves there are."""
        return len(self._leaves)

    @property
    def size(self) -> int:
        """The sum of the leaves' sizes, in bytes."""
        return sum(leaf.size for leaf in self._leaves.values())

    def walk(self) -> Iterator[Leaf]:
        """Yield every leaf, in the order of `Tree`."""
        return iter(self._leaves.values())

    def changes_from(self, older: Tree) -> Iterator[Delta]:
        """Yield what differs between `older` and this tree, in the order of `Tree`."""
        return merge_walks(older, self)

    def get(self, path: str) -> Leaf:
        """Return the leaf at `path`.

        Raises:
            NotFound: there is none.
        """
        try:
            return self._leaves[path]
        except KeyError:
            raise NotFound("file", path) from None

    def open(self, path: str) -> BinaryIO:
        raise NotImplementedError


class FolderTree(ListedTree):
    """A directory on disk.

    The files are listed and hashed when the tree is first asked about them, once: write to the
    folder afterwards, and the answers are of what it held before. Symlinks are leaves and are never
    followed. Nothing is left out: no ignore file is read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Name the directory.

        Raises:
            NotFound: there is nothing at `path`.
            InvalidInput: what is there is no directory.
        """
        self.path = Path(path)
        if not self.path.exists():
            raise NotFound("folder", self.path)
        if not self.path.is_dir():
            raise InvalidInput(f"{self.path} is not a folder")

    @cached_property
    def _leaves(self) -> dict[str, Leaf]:
        leaves = [_read_leaf(entry, path) for path, entry in _scan(self.path, "")]
        leaves.sort(key=lambda leaf: path_order(leaf.path))
        return {leaf.path: leaf for leaf in leaves}

    def open(self, path: str) -> BinaryIO:
        """Open the leaf at `path` for reading; see `Tree.open`."""
        leaf = self.get(path)
        if leaf.mode == "symlink":
            return BytesIO(_read_target(self.path / path))
        return (self.path / path).open("rb")


class MemoryTree(ListedTree):
    """A mapping of paths to bytes."""

    def __init__(self, files: Mapping[str, bytes], *, modes: Mapping[str, Mode] = {}) -> None:
        """Take the files.

        Args:
            files: path → bytes; paths as in `Leaf`. A symlink's bytes are its target.
            modes: path → mode, where it is not a plain file.

        Raises:
            InvalidInput: a path is empty, absolute, has an empty part, ``.`` or ``..``, or lies
                below another file.
        """
        for path in files:
            _check_path(path, files)
        self._files = dict(files)
        self._modes = dict(modes)

    @cached_property
    def _leaves(self) -> dict[str, Leaf]:
        return {
            path: Leaf(
                path,
                Digest(blake3(self._files[path]).hexdigest()),
                len(self._files[path]),
                self._modes.get(path, "file"),
            )
            for path in sorted(self._files, key=path_order)
        }

    def open(self, path: str) -> BinaryIO:
        """Open the leaf at `path` for reading; see `Tree.open`."""
        self.get(path)
        return BytesIO(self._files[path])


def _scan(folder: Path, prefix: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    pending = [(os.fspath(folder), prefix)]
    while pending:
        directory, start = pending.pop()
        with os.scandir(directory) as entries:
            for entry in entries:
                path = start + entry.name
                if entry.is_dir(follow_symlinks=False):
                    pending.append((entry.path, path + "/"))
                else:
                    yield path, entry


def _read_leaf(entry: os.DirEntry[str], path: str) -> Leaf:
    status = entry.stat(follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        target = _read_target(entry.path)
        return Leaf(path, Digest(blake3(target).hexdigest()), len(target), "symlink")
    if not stat.S_ISREG(status.st_mode):
        raise InvalidInput(f"{entry.path} is neither a file, a folder nor a symlink")
    hasher, size = blake3(), 0
    with Path(entry.path).open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            hasher.update(block)
            size += len(block)
    mode: Mode = "executable" if status.st_mode & stat.S_IXUSR else "file"
    return Leaf(path, Digest(hasher.hexdigest()), size, mode)


def _read_target(path: str | os.PathLike[str]) -> bytes:
    return os.fsencode(os.readlink(path))  # noqa: PTH115  Path.readlink would tidy "a//b" to "a/b"


def _check_path(path: str, files: Mapping[str, bytes]) -> None:
    parts = path.split("/")
    if any(part in {"", ".", ".."} or "\0" in part for part in parts):
        raise InvalidInput(f"{path!r} cannot be a path in a tree: take names joined by '/'")
    for end in range(1, len(parts)):
        if (above := "/".join(parts[:end])) in files:
            raise InvalidInput(f"{path!r} lies below {above!r}, which is a file")
