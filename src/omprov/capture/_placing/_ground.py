"""What is known of the folders in which files were read or written."""

# Paths are text here, hundreds of thousands of them; a `Path` for each would take seconds:
# ruff: noqa: PTH111, PTH112, PTH119, PTH120

from __future__ import annotations

import os
from bisect import bisect_left
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

import pygit2

from ._file_sorts import MODEL_FOLDER_MARKS, is_beside_data, is_model, is_source, suffix_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_BOOKS = (".git", ".hg", ".omprov")
_LINKS_IN = 4096
"""So many names of a folder are looked at for symlinks to data."""
_PLACES_OF_MOUNTS = ("/mnt", "/media", "/home", "/Volumes", "/run/media", "/scratch", "/Users")
_HEAPS = frozenset({"downloads", "desktop", "documents"})
"""Folders of a person's own in which things lie that have nothing to do with each other."""


class Listing(NamedTuple):
    """What is in a folder, hidden things and notes aside."""

    files: tuple[str, ...]
    folders: tuple[str, ...]

    @property
    def suffixes(self) -> frozenset[str]:
        """The suffixes of the files."""
        return frozenset(map(suffix_of, self.files))


class Ground:
    """The project that a run belongs to, and the folders around it.

    Args:
        root: of the project.
        avoided: files that a dataset must not hold: what the run wrote, for what it read, and the
            other way round.
    """

    def __init__(self, root: Path, avoided: Iterable[str] = ()) -> None:
        self.root = os.path.realpath(root)
        self.home = os.path.realpath(os.path.expanduser("~"))
        self._avoided = sorted(avoided)
        self.listing = lru_cache(maxsize=4096)(_list_folder)
        self._judged: dict[str, bool] = {}

    @cached_property
    def _tracked_source(self) -> list[str] | None:
        """The source files that git tracks, in order; ``None`` where there is no repository."""
        try:
            found = pygit2.discover_repository(self.root)
            repository = None if found is None else pygit2.Repository(found)
        except pygit2.GitError:
            return None
        if repository is None or repository.workdir is None:
            return None
        top = os.path.realpath(repository.workdir)
        return sorted(f"{top}/{entry.path}" for entry in repository.index if is_source(entry.path))

    def is_tracked_source(self, path: str) -> bool:
        """Say whether git tracks this file as source."""
        return _has(self._tracked_source or (), path)

    @cached_property
    def links(self) -> dict[str, str]:
        """Folders elsewhere that symlinks in the project lead to → the path of the link.

        Looked at are the project's folder and the folders in it.
        """
        found: dict[str, str] = {}
        for folder in (self.root, *_plain_folders(self.root)):
            for path in _links_in(folder):
                target = os.path.realpath(path)
                is_apart = not f"{self.root}/".startswith(target.rstrip("/") + "/")
                if is_apart and target != "/" and os.path.isdir(target):
                    found.setdefault(target, path)
        return found

    def shown(self, path: str) -> tuple[str, ...]:
        """Return the parts of a path as a person sees it: below the project where it lies there, or
        a symlink in the project leads there; else from the top.
        """
        link = self.link_above(path)
        if link is not None:
            path = self.links[link] + path[len(link) :]
        if path == self.root:
            return ()
        if path.startswith(self.root + "/"):
            path = path[len(self.root) + 1 :]
        return tuple(path.strip("/").split("/"))

    def link_above(self, path: str) -> str | None:
        """Return the folder that a symlink in the project leads to and that holds this path."""
        return next((one for one in self.links if path == one or path.startswith(one + "/")), None)

    def is_inside(self, path: str) -> bool:
        """Say whether a path belongs to the project."""
        return path.startswith(self.root + "/") or self.link_above(path) is not None

    def is_forbidden(self, folder: str) -> bool:
        """Say whether this can be no dataset, whatever is in it: it holds too much else."""
        if folder in self.links:
            return False
        above = os.path.dirname(folder)
        return (
            above == "/"
            or folder == "/"
            or above in _PLACES_OF_MOUNTS
            or f"{self.root}/".startswith(folder + "/")
            or f"{self.home}/".startswith(folder + "/")
            or (os.path.basename(folder).lower() in _HEAPS)
            or os.path.ismount(folder)
        )

    def is_mixed(self, folder: str) -> bool:
        """Say whether a folder holds source, something to avoid, or books of another kind."""
        if folder not in self._judged:
            listing = self.listing(folder)
            self._judged[folder] = (
                _is_above(folder, self._tracked_source or ())
                or _is_above(folder, self._avoided)
                or any(map(is_source, listing.files))
                or any(map(os.path.lexists, self._books_in(folder)))
            )
        return self._judged[folder]

    def _books_in(self, folder: str) -> list[str]:
        """Return what says that a folder is a project of its own; a clone in ours may be data."""
        books = _BOOKS[2:] if self.is_inside(folder) else _BOOKS
        return [f"{folder}/{name}" for name in books]

    def is_model_folder(self, folder: str) -> bool:
        """Say whether a folder is one model: weights, with what describes them."""
        files = self.listing(folder).files
        return (
            not MODEL_FOLDER_MARKS.isdisjoint(files)
            and any(is_model("/".join(self.shown(f"{folder}/{name}"))) for name in files)
            and not self.is_forbidden(folder)
            and not _is_above(folder, self._tracked_source or ())
        )

    def holds_avoided(self, folder: str) -> bool:
        """Say whether one of the files to avoid lies in a folder or below it."""
        return _is_above(folder, self._avoided)

    def has_files(self, folder: str) -> bool:
        """Say whether a folder holds files of its own, notes aside."""
        return bool(self.listing(folder).files)


def _list_folder(folder: str) -> Listing:
    files: list[str] = []
    folders: list[str] = []
    try:
        with os.scandir(folder) as found:
            for entry in found:
                if is_beside_data(entry.name):
                    continue
                (folders if entry.is_dir() else files).append(entry.name)
    except OSError:
        return Listing((), ())
    return Listing(tuple(sorted(files)), tuple(sorted(folders)))


def _plain_folders(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as found:
            return [
                entry.path
                for entry in found
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            ]
    except OSError:
        return []


def _links_in(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as found:
            names = [entry for entry, _ in zip(found, range(_LINKS_IN), strict=False)]
            return sorted(entry.path for entry in names if entry.is_symlink())
    except OSError:
        return []


def _is_above(folder: str, paths: list[str] | tuple[()]) -> bool:
    """Say whether one of the paths, which are in order, lies below a folder."""
    place = bisect_left(paths, folder + "/")
    return place < len(paths) and paths[place].startswith(folder + "/")


def _has(paths: list[str] | tuple[()], path: str) -> bool:
    place = bisect_left(paths, path)
    return place < len(paths) and paths[place] == path
