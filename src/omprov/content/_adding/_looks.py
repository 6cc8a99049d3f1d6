"""How a whole folder looks: enough to know that nothing in it changed, without any digest.

A folder's *marks* are digests of how its files look, one for every so many of them, in the order of
a walk. They say which files there were, and when each was changed last. Who has the marks of a
folder whose tree is known, knows by the same marks that it is still that tree.
"""

# Paths are bytes here, which pathlib does not take:
# ruff: noqa: PTH100, PTH112, PTH119

from __future__ import annotations

import marshal
import os
from typing import TYPE_CHECKING, Any

from blake3 import blake3

from omprov.content._losses import last_loss, store_mark
from omprov.errors import OmprovError

from ._disk import look
from ._ignore import IgnoreRules
from ._walk import FolderBegin, FoundFile, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ._walk import Found

_EVERY = 1024
"""What is found between two marks: so little has to be looked at where something changed."""
_STABLE = 2
"""The version of `marshal` that writes equal values as equal bytes."""
SETTLED = 2_000_000_000
"""Nanoseconds after which a changed file counts as settled: another change shows in its times."""


class Looks:
    """Takes what a walk finds and makes the marks.

    Attributes:
        marks: so far.
        latest: when something was changed last, in ns.
    """

    def __init__(self) -> None:
        self.marks: list[str] = []
        self.latest = 0
        self._rows: list[tuple[Any, ...]] = []

    def watch(self, found: Iterator[Found]) -> Iterator[Found]:
        """Take what is found on its way."""
        for one in found:
            self.add(one)
            yield one

    def add(self, found: Found) -> None:
        """Take what was found next."""
        rows = self._rows
        if isinstance(found, FoundFile):
            stat = found.stat
            modified, changed = stat.st_mtime_ns, stat.st_ctime_ns
            if modified > self.latest or changed > self.latest:
                self.latest = max(modified, changed)
            rows.append(
                (
                    found.name,
                    stat.st_mode,
                    stat.st_dev,
                    stat.st_ino,
                    stat.st_size,
                    modified,
                    changed,
                )
            )
        else:
            rows.append((found.name,) if isinstance(found, FolderBegin) else ())
        if len(rows) >= _EVERY:
            self._mark()

    def finish(self) -> tuple[str, ...]:
        """Return the marks of everything."""
        self._mark()
        return tuple(self.marks)

    def _mark(self) -> None:
        self.marks.append(blake3(marshal.dumps(self._rows, _STABLE)).hexdigest())
        self._rows.clear()


def looks_as(store: Path, path: Path, looks: Sequence[str]) -> bool:
    """Say whether a folder or file is what it was when `ContentStore.put_tree` stored it.

    It is known at a look, without opening the store, and where something did change that is known
    as soon as it is met. What cannot be looked at is not what it was.

    Args:
        store: the folder of the store. It has to be as it was, too: nothing was removed from it.
        path: the folder or file.
        looks: those of the summary that was returned.
    """
    mark, *marks = looks
    seen = Looks()
    done = 0
    try:
        if store_mark(store, last_loss(store)) != mark:
            return False
        for one in found_in(os.fsencode(path)):
            seen.add(one)
            if len(seen.marks) > done:
                if marks[done : done + 1] != seen.marks[done:]:
                    return False
                done += 1
    except (OSError, OmprovError):
        return False
    return list(seen.finish()) == marks


def found_in(path: bytes, rules: IgnoreRules | None = None) -> Iterator[Found]:
    """Give what is in a folder, or the one file that is no folder."""
    if os.path.isdir(path):
        yield from walk(path.rstrip(b"/") or b"/", rules or IgnoreRules())
    else:
        real = os.path.realpath(path)
        yield FoundFile(os.path.basename(os.path.abspath(path)), real, look(real))
