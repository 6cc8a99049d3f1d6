"""Files that an earlier run made, found by content wherever they lie now."""

# Paths are text here:
# ruff: noqa: PTH119

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.errors import OmprovError
from omprov.records import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omprov.records import Digest, Version, VersionKey
    from omprov.repository import Repository

_SMALLEST = 64
"""Shorter files are alike by accident."""
_NEWEST = 200
_MOST_FILES = 10_000


@dataclass(frozen=True, slots=True)
class MadeVersion:
    """A version of which files were found.

    Attributes:
        version: which.
        files: path on disk → path in the version.
    """

    version: Version
    files: Mapping[str, str]


def find_made(repository: Repository, sizes: Mapping[str, int]) -> list[MadeVersion]:
    """Return the versions that files which nobody knows are of, by their content.

    Looked at are the newest 200 versions each that are models, or were made by runs as datasets and
    files. Of several that hold a file the one that holds most of the files is taken, and among
    equals the newest. Only files of a size that occurs there are read.

    Args:
        repository: where to look.
        sizes: path → size of each file.
    """
    wanted = {path: size for path, size in sizes.items() if size >= _SMALLEST}
    places = _places(repository, set(wanted.values())) if wanted else {}
    digests = _digests(repository, [path for path, size in wanted.items() if size in places])
    holders: dict[VersionKey, dict[str, str]] = defaultdict(dict)
    versions: dict[VersionKey, Version] = {}
    for path, digest in digests.items():
        for version, name in places[wanted[path]].get(digest, ()):
            versions[version.key] = version
            holders[version.key].setdefault(path, name)
    found: list[MadeVersion] = []
    left = set(digests)
    while holders:
        best = max(holders, key=lambda key: (len(left.intersection(holders[key])), key))
        files = {path: name for path, name in holders.pop(best).items() if path in left}
        if not files:
            break
        left.difference_update(files)
        found.append(MadeVersion(versions[best], files))
    return found


def _places(
    repository: Repository, sizes: set[int]
) -> dict[int, dict[Digest, list[tuple[Version, str]]]]:
    """Return size → digest → the versions with such a file, and its path there."""
    found: dict[int, dict[Digest, list[tuple[Version, str]]]] = {}
    least = min(sizes)
    for kind in (Kind.MODEL, Kind.DATASET, Kind.FILE):
        for version in repository.newest_of_kind(kind, limit=_NEWEST):
            is_possible = version.size in sizes if version.files == 1 else version.size >= least
            if version.run is None and kind is not Kind.MODEL:
                continue
            if version.digest is None or not is_possible or version.files > _MOST_FILES:
                continue
            try:
                for leaf in repository.tree(version).walk():
                    if leaf.size in sizes and leaf.mode != "symlink":
                        by_digest = found.setdefault(leaf.size, {})
                        by_digest.setdefault(leaf.digest, []).append((version, leaf.path))
            except OmprovError:  # its manifest is not here
                continue
    return found


def _digests(repository: Repository, paths: Iterable[str]) -> dict[str, Digest]:
    paths = list(paths)
    try:
        return repository.content.hash_files(paths)
    except OmprovError:  # one of them: leave that one out
        if len(paths) < 2:
            return {}
        half = len(paths) // 2
        return {**_digests(repository, paths[:half]), **_digests(repository, paths[half:])}


def is_same_file(path: str, made: MadeVersion) -> bool:
    """Say whether a file on disk is all of a version, under the same name."""
    return made.version.files == 1 and made.files[path] == os.path.basename(path)
