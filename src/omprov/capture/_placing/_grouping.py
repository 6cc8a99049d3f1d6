"""Which files belong together: unknown data that was read or written becomes datasets.

The outcome depends on the set of the files and on what is on disk, never on the order in which
files were opened. The rules stand in `docs/design/placing.md`.
"""

# Paths are text here, hundreds of thousands of them:
# ruff: noqa: PTH119, PTH120

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ._file_sorts import CONTAINERS, OUTPUT_CONTAINERS, UNIT_SUFFIXES, suffix_of
from ._names import is_part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ._ground import Ground

_FEW = 3
"""So many files of a folder with other things in it are things of their own; more are one."""
_MANY_FOLDERS = 8
"""More folders beside each other than these are classes or the like, however they look."""


@dataclass(frozen=True, slots=True)
class Group:
    """Files that are one thing.

    Attributes:
        path: the folder or file that it is; of chosen files the folder that all are in.
        sort: whether it is all of that folder, one file, or the chosen files alone.
        files: those that were opened.
        why: the rule, for people.
    """

    path: str
    sort: Literal["folder", "file", "chosen"]
    files: tuple[str, ...]
    why: str


@dataclass(slots=True)
class _Node:
    files: list[str] = field(default_factory=list)
    folders: dict[str, _Node] = field(default_factory=dict)

    def everything(self) -> Iterator[str]:
        yield from self.files
        for below in self.folders.values():
            yield from below.everything()

    def first_two(self) -> list[str]:
        return [path for path, _ in zip(self.everything(), range(2), strict=False)]


def group_files(paths: Iterable[str], ground: Ground) -> list[Group]:
    """Return the things that these files make up, by path.

    Args:
        paths: absolute, without symlinks.
        ground: what is known of their folders.
    """
    tops: dict[str, _Node] = {}
    for folder, files in _by_folder(paths).items():
        top = _top_above(folder, ground)
        node = tops.setdefault(top, _Node())
        for part in folder[len(top) :].split("/"):
            if part:
                node = node.folders.setdefault(part, _Node())
        node.files += files
    groups = [
        group
        for top, node in tops.items()
        for group in _Rules(ground, inside=ground.is_inside(top) or top == ground.root).place(
            top, node
        )
    ]
    return sorted(groups, key=lambda group: (group.path, group.sort))


def _by_folder(paths: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in paths:
        found.setdefault(os.path.dirname(path), []).append(path)
    return found


def _top_above(folder: str, ground: Ground) -> str:
    link = ground.link_above(folder)
    if link is not None:
        return link
    return ground.root if f"{folder}/".startswith(ground.root + "/") else ""


class _Rules:
    def __init__(self, ground: Ground, *, inside: bool) -> None:
        self._ground = ground
        self._inside = inside

    def place(self, folder: str, node: _Node) -> Iterator[Group]:
        """Give the things in a folder; see the rules in `docs/design/placing.md`."""
        if self._ground.is_forbidden(folder or "/") or self._ground.is_mixed(folder):
            yield from self._loose(folder, node.files)
            yield from self._each_below(folder, node)
            return
        name = os.path.basename(folder).lower()
        found = node.first_two()
        if suffix_of(name) in UNIT_SUFFIXES:
            yield _whole(folder, node, "the folder is one thing by its suffix")
        elif len(found) == 1:
            yield self._alone(found[0], folder)
        elif node.files and name in OUTPUT_CONTAINERS:
            yield from self._loose(folder, node.files)
            yield from self._each_below(folder, node)
        elif node.files:
            yield _whole(folder, node, "several files of the folder were opened")
        elif any(map(is_part, node.folders)):
            yield _whole(folder, node, "the folder holds the parts of a dataset")
        elif self._is_many_things(folder, name, node):
            yield from self._each_below(folder, node)
        else:
            yield _whole(folder, node, "several folders in it that belong together were opened")

    def _is_many_things(self, folder: str, name: str, node: _Node) -> bool:
        """Say whether each folder in this one is a thing of its own."""
        if name in OUTPUT_CONTAINERS:
            return True
        if len(node.folders) == 1:
            return name in CONTAINERS or not self._inside or not self._ground.has_files(folder)
        return name in CONTAINERS and not self._are_alike(folder, node)

    def _are_alike(self, folder: str, node: _Node) -> bool:
        if len(node.folders) > _MANY_FOLDERS:
            return True
        looks = set()
        for name in node.folders:
            listing = self._ground.listing(f"{folder}/{name}")
            looks.add((listing.suffixes, bool(listing.folders)))
        return len(looks) == 1

    def _each_below(self, folder: str, node: _Node) -> Iterator[Group]:
        for name, below in node.folders.items():
            yield from self.place(f"{folder}/{name}", below)

    def _alone(self, path: str, folder: str) -> Group:
        """Place a file that is the only one opened in a folder and all that are in it."""
        unit = _unit_above(path, folder)
        if unit is not None:
            return Group(unit, "folder", (path,), "the folder is one thing by its suffix")
        whole = self._holder_of_part(path, folder)
        if whole is not None:
            return Group(whole, "folder", (path,), "the file is by its name a part of a dataset")
        if self._is_all_there_is(path):
            own = os.path.dirname(path)
            return Group(own, "folder", (path,), "the file is all that the folder holds")
        return Group(path, "file", (path,), "the only file opened there")

    def _is_all_there_is(self, path: str) -> bool:
        """Say whether a file is the beginning of a folder of data: more may come beside it."""
        folder, name = os.path.split(path)
        if not self._inside or self._ground.is_forbidden(folder) or self._ground.is_mixed(folder):
            return False
        above, own = os.path.split(folder)
        is_top = above == self._ground.root and own.lower() not in OUTPUT_CONTAINERS
        if not is_top and not CONTAINERS & {own.lower(), os.path.basename(above).lower()}:
            return False
        listing = self._ground.listing(folder)
        return listing.files == (name,) and not listing.folders

    def _holder_of_part(self, path: str, folder: str) -> str | None:
        """Return the folder whose part a file, or a folder that it lies in, is by its name."""
        at = folder
        for name in path[len(folder) + 1 :].split("/"):
            if is_part(name):
                return None if self._ground.is_mixed(at) else at
            at = f"{at}/{name}"
        return None

    def _loose(self, folder: str, files: list[str]) -> Iterator[Group]:
        """Place files that lie beside things that have nothing to do with them."""
        if len(files) > _FEW:
            why = f"{len(files)} files that lie among other things"
            yield Group(folder or "/", "chosen", tuple(sorted(files)), why)
            return
        for path in files:
            yield Group(path, "file", (path,), "a file that lies among other things")


def _whole(folder: str, node: _Node, why: str) -> Group:
    return Group(folder, "folder", tuple(sorted(node.everything())), why)


def _unit_above(path: str, folder: str) -> str | None:
    at = os.path.dirname(path)
    while len(at) > len(folder):
        if suffix_of(os.path.basename(at)) in UNIT_SUFFIXES:
            return at
        at = os.path.dirname(at)
    return None
