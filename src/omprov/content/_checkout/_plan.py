"""Decides what has to be done to a folder so that it holds a tree, and what must not be lost."""

# Paths are bytes here, which pathlib does not take:
# ruff: noqa: PTH116

from __future__ import annotations

import os
import stat as stat_module
from itertools import islice
from typing import TYPE_CHECKING

from omprov.content._adding._ignore import ALWAYS_IGNORED
from omprov.content._format._nodes import Entry, EntryKind
from omprov.content._references._addresses import absolute_path
from omprov.content._references._record import digest_of_source
from omprov.errors import Damaged

from ._folder_handles import mounted_over, split
from ._pile import Pile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omprov.content._references._learned import LearnedDigests
    from omprov.content._tree import StoredTree, Wanted

    from ._standing import Ground

    Step = tuple[bytes, Entry | None, Entry | None]
    """A path, with its entry in the new tree and in the current one."""

_BATCH = 1024


class Plan:
    """What has to be done to a folder; paths from its root, folders with a slash at the end.

    Attributes:
        writes: folders to be made, files to be made or replaced, each after the folder it is in.
        files: how many of them are files.
        size: their bytes.
        removals: files that the current tree has and the new one lacks.
        old_folders: the same of folders; they go if nothing else is in them.
        obstacles: files that stand where a folder has to be.
        clashes: folders that stand where a file has to be.
        conflicts: what would be lost although no version holds it.
    """

    def __init__(self, partial: bytes) -> None:
        """Begin an empty one; what does not fit into memory goes to a file in `partial`."""
        self.writes = Pile[tuple[bytes, Entry]](partial)
        self.files = 0
        self.size = 0
        self.removals = Pile[bytes](partial)
        self.old_folders = Pile[bytes](partial)
        self.obstacles: list[bytes] = []
        self.clashes: list[bytes] = []
        self.conflicts: list[bytes] = []

    def write(self, path: bytes, entry: Entry) -> None:
        """Plan to make or replace a file."""
        self.writes.append((path, entry))
        self.files += 1
        self.size += entry.size

    def touched(self, ground: Ground) -> Iterator[bytes]:
        """Give the paths of files that may be replaced or removed."""
        yield from self.removals
        yield from self.obstacles
        for clash in self.clashes:
            yield from _leaves_of(clash, ground)
        for path, entry in self.writes:
            if entry.kind != EntryKind.FOLDER:
                yield path

    def close(self) -> None:
        """Let go of its files."""
        for pile in (self.writes, self.removals, self.old_folders):
            pile.close()


def make_plan(
    tree: StoredTree,
    current: StoredTree | None,
    ground: Ground,
    *,
    learned: LearnedDigests,
    wanted: Wanted | None,
    partial: bytes,
) -> Plan:
    """Compare a folder with the tree it shall hold and the one it held.

    Args:
        tree: what it shall hold.
        current: what it held when it was last in step with a version.
        ground: the folder.
        learned: knows what was read through references.
        wanted: says which paths count.
        partial: the folder for files that are not complete.

    Raises:
        Conflict: another file system is mounted where a folder has to be.
        Damaged: a tree holds what none may hold.
    """
    plan = Plan(partial)
    device = os.stat(ground.folder).st_dev
    steps = _merge(tree.iter_entries(wanted), current.iter_entries(wanted) if current else iter(()))
    empty: bytes | None = None
    while batch := list(islice(steps, _BATCH)):
        looks: dict[bytes, os.stat_result] = {}
        for path, new, _ in batch:
            refuse_other_books(path)
            inside = empty is not None and path.startswith(empty)
            stat = None if inside else ground.look(path)
            if path.endswith(b"/"):
                if stat is None or not stat_module.S_ISDIR(stat.st_mode):
                    empty = empty if inside else path
                elif new is not None and stat.st_dev != device:
                    raise mounted_over(ground.folder + b"/" + path)
                _settle_folder(plan, path, new, stat)
            elif stat is not None:
                looks[path] = stat
        standing = _sources_standing(ground.folder, looks, batch)
        for path in standing:
            del looks[path]
        standing |= ground.standing(looks)
        contents = learned.find(_references(batch))
        for path, new, old in batch:
            if not path.endswith(b"/"):
                _settle_file(plan, (path, new, old), standing.get(path), contents)
    _find_unrecorded(plan, ground)
    return plan


def refuse_other_books(path: bytes) -> None:
    """Refuse what no folder was stored with: it would change a repository, or what git runs.

    Raises:
        Damaged: `path` is such a name, or ends in one.
    """
    if path.rstrip(b"/").rpartition(b"/")[2] in ALWAYS_IGNORED:
        raise Damaged(f"a tree holds {os.fsdecode(path)}, which none may hold: it is not written")


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


def _settle_folder(plan: Plan, path: bytes, new: Entry | None, stat: os.stat_result | None) -> None:
    if new is None:
        plan.old_folders.append(path)
    elif stat is None:
        plan.writes.append((path, new))
    elif not stat_module.S_ISDIR(stat.st_mode):
        plan.obstacles.append(path[:-1])
        plan.writes.append((path, new))


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
            plan.write(path, new)
        return
    if standing.kind == EntryKind.FOLDER:
        if new is not None:
            plan.clashes.append(path)
            plan.write(path, new)
        return
    expected = [_as_on_disk(entry, standing, contents) for entry in (new, old)]
    if new is not None:
        if expected[0] is not None and _kind_and_digest(standing) == _kind_and_digest(expected[0]):
            return
        plan.write(path, new)
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


def _find_unrecorded(plan: Plan, ground: Ground) -> None:
    """Add to the conflicts what the removals leave in the way."""
    if not plan.obstacles and not plan.clashes:
        return
    obstacles = set(plan.obstacles)
    clashes = tuple(clash + b"/" for clash in plan.clashes)
    removals = {path for path in plan.removals if path in obstacles or path.startswith(clashes)}
    plan.conflicts.extend(obstacles - removals)
    for clash in plan.clashes:
        plan.conflicts.extend(path for path in _leaves_of(clash, ground) if path not in removals)


def _leaves_of(clash: bytes, ground: Ground) -> Iterator[bytes]:
    parent, name = split(clash)
    return _iter_leaves(name, ground.handles.get(parent), parent)


def _iter_leaves(name: bytes, descriptor: int, parent: bytes) -> Iterator[bytes]:
    """Give everything below a folder on disk that is no folder; symlinks are none."""
    for above, folders, names, opened in os.fwalk(name, dir_fd=descriptor):
        place = parent + os.fsencode(above) + b"/"
        yield from (place + os.fsencode(name) for name in names)
        for folder in folders:
            if stat_module.S_ISLNK(os.lstat(folder, dir_fd=opened).st_mode):
                yield place + os.fsencode(folder)
