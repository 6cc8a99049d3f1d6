"""Walks a folder on disk in the order of a tree, with constant memory however large it is.

What is found comes as a flat sequence: a folder's beginning, what is in it, its end. Nothing is
read here but folders and how files look.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ._disk import list_folder, look

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from omprov.content._format._nodes import Entry

    from ._ignore import IgnoreRules


@dataclass(slots=True, eq=False)
class FoundFile:
    """A file or symlink on disk.

    Attributes:
        name: in its folder.
        path: as it is opened.
        stat: how it looked when it was found.
        entry: what it makes in a tree, once that is known.
        as_found: whether it looked the same when it was read, if it was.
    """

    name: bytes
    path: bytes
    stat: os.stat_result
    entry: Entry | None = None
    as_found: bool = True


@dataclass(frozen=True, slots=True)
class FolderBegin:
    """A folder; what is in it follows. Its name ends in a slash; the top one has none."""

    name: bytes


class FolderEnd:
    """The end of the folder that began last."""


Found: TypeAlias = FoundFile | FolderBegin | FolderEnd
_END = FolderEnd()


def walk(path: bytes, rules: IgnoreRules) -> Iterator[Found]:
    """Give what is in a folder, by name, what is in its folders included.

    Args:
        path: of the folder.
        rules: what to leave out.

    Raises:
        InvalidInput: something in it can be no part of a tree.
        Conflict: something goes while it is looked at.
    """
    names, below = list_folder(path, rules)
    open_folders = [(path, below, iter(names))]
    yield FolderBegin(b"")
    while open_folders:
        path, rules, rest = open_folders[-1]
        for name in rest:
            place = path + b"/" + name
            if name.endswith(b"/"):
                names, below = list_folder(place[:-1], rules)
                open_folders.append((place[:-1], below, iter(names)))
                yield FolderBegin(name)
                break
            yield FoundFile(name, place, look(place))
        else:
            open_folders.pop()
            yield _END


def measure(path: bytes, rules: IgnoreRules) -> tuple[int, int]:
    """Return how many files there are in a folder, and how many bytes they have in all."""
    files = size = 0
    for found in walk(path, rules):
        if isinstance(found, FoundFile):
            files += 1
            size += found.stat.st_size
    return files, size
