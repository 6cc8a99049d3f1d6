"""From what was noted to what a run read and wrote: real paths of regular files that are there."""

# ruff: noqa: PTH114, PTH116, PTH118, PTH207
# Paths are text here, as they were opened; there may be millions.

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from glob import has_magic, iglob
from typing import TYPE_CHECKING

from omprov.capture._accesses import Accesses

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ._ledger import Ledger

_SLACK = 3600 * 10**9
"""By how much the clock of a network file system may be behind before what was written there is
taken for unchanged."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What a run read and wrote, before any rule.

    Attributes:
        accesses: the files that it read and did not write before, and those that it wrote.
        read_back: the files that it wrote and then read, with how that is known: no inputs.
        overwritten: those of `accesses.reads` that it then wrote: what was read is gone.
        gone: files that it read and that are not there any more; they are in no other field.
        opened_as: real path → the path by which it was opened first, where that is another one.
        prefixes: where the Pythons that ran are installed.
        complete: every process could write its records.
    """

    accesses: Accesses = field(default_factory=Accesses)
    read_back: dict[str, str] = field(default_factory=dict)
    overwritten: frozenset[str] = frozenset()
    gone: dict[str, str] = field(default_factory=dict)
    opened_as: dict[str, str] = field(default_factory=dict)
    prefixes: frozenset[str] = frozenset()
    complete: bool = True


def resolve(ledger: Ledger, began: int, *, method: str, not_covered: Iterable[str]) -> Watched:
    """Tell what was read and written from what was noted.

    Args:
        ledger: what was noted; it is not changed.
        began: when the run began, as file systems of this machine write it (`st_ctime_ns`).
        method: how files were watched.
        not_covered: what could not be seen.
    """
    disk = _Disk()
    written = _Firsts(disk)
    for path, (when, how) in _with_moved(ledger).items():
        for file, is_doubtful in _files_written(disk, path, path in ledger.doubtful):
            written.add(file, when, how, began if is_doubtful else began - _SLACK)
    read = _Firsts(disk)
    gone: dict[str, str] = {}
    for path, (when, how) in ledger.reads.items():
        expanded = _files_read(disk, path, how)
        if expanded is None:
            if path not in ledger.writes:
                gone[disk.real(path)] = how
            continue
        for file in expanded:
            if file == path or disk.real(file) not in written.firsts:
                read.add(file, when, how)
    inputs: dict[str, str] = {}
    read_back: dict[str, str] = {}
    for real, (when, how) in sorted(read.firsts.items(), key=lambda item: item[1][0]):
        before = written.firsts.get(real)
        target = read_back if before is not None and before[0] < when else inputs
        target[real] = how
    outputs = {
        real: how for real, (_, how) in sorted(written.firsts.items(), key=lambda item: item[1][0])
    }
    return Watched(
        Accesses(inputs, outputs, method, tuple(dict.fromkeys(not_covered))),
        read_back=read_back,
        overwritten=frozenset(inputs.keys() & outputs.keys()),
        gone=gone,
        opened_as={**written.opened_as, **read.opened_as},
        prefixes=frozenset(ledger.prefixes),
        complete=not ledger.lost,
    )


class _Disk:
    """What is on the disk now; folders are resolved once."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def real(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        if name in ("", ".", "..") or os.path.islink(path):
            return os.path.realpath(path)
        known = self._folders.get(folder)
        if known is None:
            known = self._folders[folder] = os.path.realpath(folder or "/").rstrip("/")
        return f"{known}/{name}"

    def look(self, path: str) -> os.stat_result | None:
        try:
            return os.stat(path)
        except (OSError, ValueError):
            return None


class _Firsts:
    """The first access to each regular file, by its real path."""

    def __init__(self, disk: _Disk) -> None:
        self._disk = disk
        self.firsts: dict[str, tuple[int, str]] = {}
        self.opened_as: dict[str, str] = {}

    def add(self, path: str, when: int, how: str, since: int | None = None) -> None:
        """Note one, if it is a regular file; and if it changed since, where that is asked."""
        found = self._disk.look(path)
        if found is None or not stat.S_ISREG(found.st_mode):
            return
        if since is not None and found.st_ctime_ns < since:
            return
        real = self._disk.real(path)
        known = self.firsts.get(real)
        if known is None or when < known[0]:
            self.firsts[real] = (when, how)
            plain = os.path.normpath(path)
            if plain != real:
                self.opened_as[real] = plain


def _with_moved(ledger: Ledger) -> dict[str, tuple[int, str]]:
    """Return the writes, with what came to its place by a rename."""
    writes = dict(ledger.writes)
    for when, source, target in sorted(ledger.moves):
        below = source.rstrip("/") + "/"
        moved = [target]
        moved += [
            f"{target.rstrip('/')}/{path[len(below) :]}"
            for path, (earlier, _) in writes.items()
            if earlier <= when and path.startswith(below)
        ]
        how = writes.get(source, (0, "python"))[1]
        for path in moved:
            if path not in writes or when < writes[path][0]:
                writes[path] = (when, how)
    return writes


def _files_written(disk: _Disk, path: str, is_doubtful: bool) -> Iterator[tuple[str, bool]]:  # noqa: FBT001
    """Give the files that a write made: of a folder those that changed."""
    found = disk.look(path)
    if found is None or not stat.S_ISDIR(found.st_mode):
        yield path, is_doubtful
        return
    for file in _files_below(path):
        yield file, True


def _files_read(disk: _Disk, path: str, how: str) -> Iterable[str] | None:
    """Return the files that a read took in; ``None`` where there is nothing any more.

    Libraries with native readers take folders and patterns, too.
    """
    found = disk.look(path)
    if found is None:
        return iglob(path, recursive=True) if how == "native" and has_magic(path) else None
    if stat.S_ISDIR(found.st_mode):
        return _files_below(path) if how == "native" else ()
    return (path,)


def _files_below(folder: str) -> Iterator[str]:
    for above, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(above, name)
