"""Keeps a checkout from overwriting the only copy of what a version holds by reference."""

# Paths are bytes here, which pathlib does not take:

from __future__ import annotations

import os
import stat as stat_module
from itertools import islice
from typing import TYPE_CHECKING

from omprov.content._adding._scan import digest_files
from omprov.content._format._objects import Key, ObjectType, content_key
from omprov.errors import Conflict

from ._addresses import absolute_path
from ._record import BATCH, digest_of_source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omprov.content._adding._stats import StatCache
    from omprov.content._index import ChunkIndex


def refuse_sources(
    folder: bytes, paths: Iterable[bytes], index: ChunkIndex, stats: StatCache
) -> None:
    """Refuse to touch files that a reference names and whose bytes the store does not hold.

    Args:
        folder: on disk.
        paths: from the folder; what is about to be replaced or removed.
        index: knows the references.
        stats: knows the digests of files that did not change.

    Raises:
        Conflict: there are such files.
    """
    if not index.has_references():
        return
    spellings = {absolute_path(folder), os.path.realpath(folder)}
    rest = iter(paths)
    while batch := list(islice(rest, BATCH)):
        keys: dict[Key, bytes] = {}
        looks: dict[bytes, os.stat_result] = {}
        for path in batch:
            stat = _look(folder + b"/" + path)
            if stat is None:
                continue
            looks[folder + b"/" + path] = stat
            for whole in spellings:
                digest = digest_of_source(whole + b"/" + path, stat)
                keys[Key(ObjectType.REFERENCE, digest)] = folder + b"/" + path
        named = {keys[key]: looks[keys[key]] for key in index.known(keys)}
        lost = sorted(_not_held(named, index, stats))
        if lost:
            sample = ", ".join(os.fsdecode(path[len(folder) + 1 :]) for path in lost[:3])
            raise Conflict(
                f"{os.fsdecode(folder)} is where data lies that was recorded by reference: "
                f"{sample}{', …' if len(lost) > 3 else ''} would be lost, for the bytes are kept "
                "nowhere else. Check out into another folder, or store them first (`omprov add` "
                "without --reference)."
            )


def _look(path: bytes) -> os.stat_result | None:
    try:
        stat = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return stat if stat_module.S_ISREG(stat.st_mode) else None


def _not_held(
    named: dict[bytes, os.stat_result], index: ChunkIndex, stats: StatCache
) -> Iterable[bytes]:
    entries = digest_files(named, stats)
    keys = {path: content_key(entry.size, entry.digest) for path, entry in entries.items()}
    held = index.known((key for key in keys.values() if key is not None), held=True)
    return [path for path, key in keys.items() if key is not None and key not in held]
