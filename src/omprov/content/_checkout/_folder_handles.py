"""Folders below one folder, opened step by step, so that no symlink on the way is ever followed.

What is done relative to an open folder happens in that folder, whoever moves it or puts a symlink
in its place meanwhile, and however long its path is.
"""

from __future__ import annotations

import os
from collections import OrderedDict

from omprov.errors import Conflict

MOST_OPEN = 64
_FLAGS = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class FolderHandles:
    """Open folders below a root, those used last. Not for several threads at once."""

    def __init__(self, root: int) -> None:
        """Take the descriptor of the root, which stays the caller's."""
        self._root = root
        self._open: OrderedDict[bytes, int] = OrderedDict()

    def get(self, path: bytes) -> int:
        """Return a descriptor of a folder; it is valid until the next call.

        Args:
            path: from the root, with a slash at the end; empty for the root itself.

        Raises:
            FileNotFoundError: there is none.
            NotADirectoryError: something else, a symlink for instance, is there or on the way.
        """
        if not path:
            return self._root
        found = self._open.get(path)
        if found is not None:
            self._open.move_to_end(path)
            return found
        known = path
        while known and known not in self._open:
            known = parent_of(known)
        descriptor = self._open[known] if known else self._root
        while known != path:
            below = path[: path.index(b"/", len(known)) + 1]
            descriptor = os.open(below[len(known) : -1], _FLAGS, dir_fd=descriptor)
            self._keep(below, descriptor)
            known = below
        return descriptor

    def find(self, path: bytes) -> int | None:
        """Return a descriptor of a folder; ``None`` where there is none."""
        try:
            return self.get(path)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def close(self) -> None:
        """Close them all."""
        while self._open:
            os.close(self._open.popitem()[1])

    def _keep(self, path: bytes, descriptor: int) -> None:
        self._open[path] = descriptor
        if len(self._open) > MOST_OPEN:
            os.close(self._open.popitem(last=False)[1])


def parent_of(path: bytes) -> bytes:
    """Return the folder that holds `path`, with its slash; empty for the root."""
    return path[: path.rfind(b"/", 0, len(path) - 1) + 1]


def split(path: bytes) -> tuple[bytes, bytes]:
    """Return the folder that holds `path`, and the name in it without a slash."""
    parent = parent_of(path)
    return parent, path[len(parent) :].rstrip(b"/")


def mounted_over(path: bytes) -> Conflict:
    """Say that a file system is mounted where files of the tree belong."""
    return Conflict(
        f"{os.fsdecode(path)} lies on another file system than the folder around it, and files "
        "cannot be moved across in one step: unmount it, or check out elsewhere"
    )
