"""Chosen files, wherever they lie, as if they stood in one folder."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from omprov.errors import InvalidInput

from ._disk import look
from ._ignore import may_hold
from ._walk import FolderBegin, FolderEnd, FoundFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ._walk import Found


def walk_selection(files: Mapping[bytes, bytes]) -> Iterator[Found]:
    """Give chosen files as `walk` gives those of a folder.

    Args:
        files: path in the tree, with parts joined by ``/``, → path on disk.

    Raises:
        InvalidInput: a path that no file in a folder can have, or something that is no file.
        Conflict: a file is gone.
    """
    open_folders: list[bytes] = []
    yield FolderBegin(b"")
    for path in sorted(files):  # the order of a tree: a folder's name ends in a slash there
        *folders, name = path.split(b"/")
        if not all(may_hold(part) for part in (*folders, name)):
            raise InvalidInput(f"{os.fsdecode(path)!r} cannot be the path of a file in a folder")
        shared = _shared(open_folders, folders)
        for _ in open_folders[shared:]:
            yield FolderEnd()
        del open_folders[shared:]
        for folder in folders[shared:]:
            open_folders.append(folder)
            if b"/".join(open_folders) in files:
                raise InvalidInput(f"{os.fsdecode(path)!r} lies below a file")
            yield FolderBegin(folder + b"/")
        yield FoundFile(name, files[path], look(files[path]))
    for _ in open_folders:
        yield FolderEnd()
    yield FolderEnd()


def _shared(one: list[bytes], other: list[bytes]) -> int:
    """Return how many folders two paths begin with in common."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
