"""Decides what has to be done to a folder so that it holds a tree, and what must not be lost."""

# Paths are bytes here, which pathlib does not take:
# ruff: noqa: PTH114, PTH116

from __future__ import annotations

import os
import stat as stat_module
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from omprov.errors import Conflict, Damaged

from ._addresses import absolute_path
from ._ignore import ALWAYS_IGNORED
from ._nodes import Entry, EntryKind
from ._references import digest_of_source
from ._scan import digest_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ._learned import LearnedDigests
    from ._stats import StatCache
    from ._tree import StoredTree, Wanted

    Step = tuple[bytes, Entry | None, Entry | None]
    """A path, with its entry in the new tree and in the current one."""

_BATCH = 1024


@dataclass(slots=True)
class Plan:
    """What has to be done to a folder; paths from its root, folders with a slash at the end.

    Attributes:
        folders: to be made.
        writes: files to be made or replaced.
        removals: files that the current tree has and the new one lacks.
        old_folders: the same of folders; they go if nothing else is in them.
        obstacles: files that stand where a folder has to be.
        clashes: folders that stand where a file has to be.
        conflicts: what would be lost although no version holds it.
    """

    folders: list[bytes] = field(default_factory=list)
    writes: list[tuple[bytes, Entry]] = field(default_factory=list)
    removals: list[bytes] = field(default_factory=list)
    old_folders: list[bytes] = field(default_factory=list)
    obstacles: list[bytes] = field(default_factory=list)
    clashes: list[bytes] = field(default_factory=list)
    conflicts: list[bytes] = field(default_factory=list)

    def touched(self, folder: bytes) -> Iterator[bytes]:
        """Give the paths of files that may be replaced or removed."""
        yield from self.removals
        yield from self.obstacles
        for clash in self.clashes:
            for path in _iter_leaves(folder + b"/" + clash):
                yield path[len(folder) + 1 :]
        for path, _ in self.writes:
            yield path


def make_plan(
    tree: StoredTree,
    current: StoredTree | None,
    folder: bytes,
    stats: StatCache,
    *,
    learned: LearnedDigests,
    wanted: Wanted | None,
) -> Plan:
    """Compare `folder` with the tree it shall hold and the one it held.

    Args:
        tree: what it shall hold.
        current: what it held when it was last in step with a version.
        folder: on disk.
        stats: knows the digests of files that did not change.
        learned: knows what was read through references.
        wanted: says which paths count.

    Raises:
        Conflict: another file system is mounted where a folder has to be.
        Damaged: a tree holds what none may hold.
    """
    plan = Plan()
    device = os.stat(folder).st_dev
    steps = _merge(tree.iter_entries(wanted), current.iter_entries(wanted) if current else iter(()))
    blocked: bytes | None = None
    while batch := list(islice(steps, _BATCH)):
        looks: dict[bytes, os.stat_result] = {}
        for path, new, _ in batch:
            refuse_other_books(path)
            if blocked is not None and path.startswith(blocked):
                stat = None
            else:
                stat = _look(folder + b"/" + path.rstrip(b"/"))
            if path.endswith(b"/"):
                if stat is not None and not stat_module.S_ISDIR(stat.st_mode):
                    blocked = path
                elif stat is not None and new is not None and stat.st_dev != device:
                    raise mounted_over(folder + b"/" + path)
                _settle_folder(plan, path, new, stat)
            elif stat is not None:
                looks[path] = stat
        standing = _sources_standing(folder, looks, batch)
        for path in standing:
            del looks[path]
        standing |= _standing(folder, looks, stats)
        contents = learned.find(_references(batch))
        for path, new, old in batch:
            if not path.endswith(b"/"):
                _settle_file(plan, (path, new, old), standing.get(path), contents)
    _find_unrecorded(plan, folder)
    return plan


def refuse_other_books(path: bytes) -> None:
    """Refuse what no folder was stored with: it would change a repository, or what git runs.

    Raises:
        Damaged: `path` is such a name, or ends in one.
    """
    if path.rstrip(b"/").rpartition(b"/")[2] in ALWAYS_IGNORED:
        raise Damaged(f"a tree holds {os.fsdecode(path)}, which none may hold: it is not written")


def mounted_over(path: bytes) -> Conflict:
    """Say that a file system is mounted where files of the tree belong."""
    return Conflict(
        f"{os.fsdecode(path)} lies on another file system than the folder around it, and files "
        "cannot be moved across in one step: unmount it, or check out elsewhere"
    )


def _merge(
    news: Iterator[tuple[bytes, Entry]], olds: Iterator[tuple[bytes, Entry]]
) -> Iterator[Step]:
    new, old = next(news, None), next(olds, None)
    while new is not None or old is not None:
        if old is None or (new is not None and new[0] < old[0]):
            assert new is not None
            yield new[0], new[1], None
            new = next(news, None)
        elif new is None or old[0] < new[0]:
            yield old[0], None, old[1]
            old = next(olds, None)
        else:
            yield new[0], new[1], old[1]
            new, old = next(news, None), next(olds, None)


def _look(path: bytes) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


_OTHER = Entry(b"", EntryKind.PAGE, 0, 0, b"")
"""Stands for a socket, a device or the like."""
_FOLDER = Entry(b"", EntryKind.FOLDER, 0, 0, b"")


def _standing(
    folder: bytes, looks: dict[bytes, os.stat_result], stats: StatCache
) -> dict[bytes, Entry]:
    """Return what stands on disk at each path that is taken."""
    standing: dict[bytes, Entry] = {}
    files: dict[bytes, os.stat_result] = {}
    for path, stat in looks.items():
        if stat_module.S_ISREG(stat.st_mode) or stat_module.S_ISLNK(stat.st_mode):
            files[folder + b"/" + path] = stat
        else:
            standing[path] = _FOLDER if stat_module.S_ISDIR(stat.st_mode) else _OTHER
    for path, entry in digest_files(files, stats).items():
        standing[path[len(folder) + 1 :]] = entry
    return standing


def _settle_folder(plan: Plan, path: bytes, new: Entry | None, stat: os.stat_result | None) -> None:
    if new is None:
        plan.old_folders.append(path)
    elif stat is None:
        plan.folders.append(path)
    elif not stat_module.S_ISDIR(stat.st_mode):
        plan.obstacles.append(path[:-1])
        plan.folders.append(path)


def _references(batch: list[Step]) -> Iterator[bytes]:
    for _, *entries in batch:
        for entry in entries:
            if entry is not None and entry.kind == EntryKind.REFERENCE:
                yield entry.digest


def _sources_standing(
    folder: bytes, looks: dict[bytes, os.stat_result], batch: list[Step]
) -> dict[bytes, Entry]:
    """Return those files on disk that are themselves what an entry of the trees refers to."""
    standing: dict[bytes, Entry] = {}
    whole = absolute_path(folder)
    for step in batch:
        named = set(_references([step]))
        if named and step[0] in looks:
            stat = looks[step[0]]
            digest = digest_of_source(whole + b"/" + step[0], stat)
            if digest in named:
                standing[step[0]] = Entry(b"", EntryKind.REFERENCE, stat.st_size, 1, digest)
    return standing


def _settle_file(
    plan: Plan, step: Step, standing: Entry | None, contents: Mapping[bytes, bytes]
) -> None:
    path, new, old = step
    if standing is None:
        if new is not None:
            plan.writes.append((path, new))
        return
    if standing.kind == EntryKind.FOLDER:
        if new is not None:
            plan.clashes.append(path)
            plan.writes.append((path, new))
        return
    expected = [_as_on_disk(entry, standing, contents) for entry in (new, old)]
    if new is not None:
        if expected[0] is not None and _kind_and_digest(standing) == _kind_and_digest(expected[0]):
            return
        plan.writes.append((path, new))
    else:
        plan.removals.append(path)
    if not any(_same_content(standing, entry) for entry in expected):
        plan.conflicts.append(path)


def _as_on_disk(
    entry: Entry | None, standing: Entry, contents: Mapping[bytes, bytes]
) -> Entry | None:
    """Return the file that a copy of a reference's content is, as far as it was ever read."""
    is_reference = entry is not None and entry.kind == EntryKind.REFERENCE
    if entry is None or not is_reference or standing.kind == EntryKind.REFERENCE:
        return entry
    content = contents.get(entry.digest)
    return None if content is None else entry._replace(kind=EntryKind.FILE, digest=content)


def _kind_and_digest(entry: Entry) -> tuple[int, bytes]:
    return entry.kind, entry.digest


def _same_content(standing: Entry, entry: Entry | None) -> bool:
    """Compare without the executable bit: to set it again loses nothing."""
    return (
        entry is not None
        and standing.digest == entry.digest
        and (standing.kind == EntryKind.SYMLINK) == (entry.kind == EntryKind.SYMLINK)
    )


def _find_unrecorded(plan: Plan, folder: bytes) -> None:
    """Add to the conflicts what the removals leave in the way."""
    removals = set(plan.removals)
    plan.conflicts.extend(path for path in plan.obstacles if path not in removals)
    for clash in plan.clashes:
        for path in _iter_leaves(folder + b"/" + clash):
            if path[len(folder) + 1 :] not in removals:
                plan.conflicts.append(path[len(folder) + 1 :])


def _iter_leaves(folder: bytes) -> Iterator[bytes]:
    """Give everything below a folder on disk that is no folder; symlinks are none."""
    for parent, folders, names in os.walk(folder):
        yield from (parent + b"/" + name for name in names)
        links = (parent + b"/" + name for name in folders)
        yield from (path for path in links if os.path.islink(path))
