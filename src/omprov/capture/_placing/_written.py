"""Finds what a run wrote where nothing watched it: by the times of files."""

# Paths are text here, hundreds of thousands of them:

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ._file_sorts import is_scratch
from ._word_sets import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SKIPPED = words(
    ".git .hg .omprov .venv venv env .tox .nox node_modules __pycache__ .mypy_cache .ruff_cache "
    ".pytest_cache .ipynb_checkpoints .cache site-packages .dvc wandb mlruns"
)
_MARGIN_NS = 20_000_000
"""The clock of files may lag behind that of the system by a few ticks."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was found.

    Attributes:
        paths: files that changed, absolute, without symlinks.
        looked_at: how many files there were to look at.
        complete: False where the limit was reached before all were looked at.
    """

    paths: frozenset[Path]
    looked_at: int
    complete: bool


def find_written(
    root: Path, since_ns: int, *, known: Iterable[Path] = (), limit: int = 200_000
) -> Written:
    """Return the files below a folder that changed, or came there, since a moment.

    The books of git, Mercurial and OMProv, environments and caches are passed over, and so are
    symlinks and what cannot be read.

    Args:
        root: the folder.
        since_ns: the moment, in ns since 1970.
        known: folders to pass over: datasets that are known not to have changed.
        limit: look at so many files at most.
    """
    top = os.path.realpath(root)
    passed = {os.path.realpath(path) for path in known}
    found: list[Path] = []
    looked_at = 0
    for entry in _files_below(top, passed):
        if looked_at == limit:
            return Written(frozenset(found), looked_at, complete=False)
        looked_at += 1
        try:
            changed = entry.stat(follow_symlinks=False).st_ctime_ns
        except OSError:  # gone meanwhile
            continue
        if changed >= since_ns - _MARGIN_NS and not is_scratch(entry.path[len(top) + 1 :]):
            found.append(Path(entry.path))
    return Written(frozenset(found), looked_at, complete=True)


def _files_below(top: str, passed: set[str]) -> Iterator[os.DirEntry[str]]:
    """Give regular files, folder by folder in the order of their names."""
    waiting = [top]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:
            continue
        below = []
        for entry in entries:
            if entry.is_symlink():
                continue
            if entry.is_dir():
                if entry.name not in _SKIPPED and entry.path not in passed:
                    below.append(entry.path)
            elif entry.is_file():
                yield entry
        waiting += reversed(below)
