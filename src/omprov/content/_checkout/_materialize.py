"""Puts the files of a tree into a folder, without losing what no version holds."""

# Paths are bytes here, which pathlib does not take:
# ruff: noqa: PTH103, PTH208

from __future__ import annotations

import fcntl
import os
import shutil
import stat as stat_module
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.content._adding._ignore import PARTIAL_FOLDER
from omprov.content._durable import disk_errors_told
from omprov.content._format._nodes import EntryKind
from omprov.content._progress import Expected
from omprov.errors import Busy, Conflict, LocalChanges, NotFound

from ._folder_handles import FolderHandles, split
from ._hands import Site, get_hands
from ._plan import make_plan, refuse_other_books
from ._standing import Ground

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from omprov.content._adding._stats import StatCache
    from omprov.content._format._nodes import Entry
    from omprov.content._progress import Progress
    from omprov.content._reading import ObjectReader
    from omprov.content._references._learned import LearnedDigests
    from omprov.content._remotes._remote import RemoteSetup
    from omprov.content._tree import StoredTree, Wanted

    from ._making import Placed
    from ._place import MaterializeMode
    from ._plan import Plan

    Protect = Callable[[bytes, Iterable[bytes]], None]
    """Refuses to have these files below a folder replaced or removed."""

_BATCH_FILES = 256
_BATCH_BYTES = 8 << 20
_PATIENCE = 500
"""So often a lock is tried, every so many seconds: workers of a killed process end their batch."""
_PAUSE = 0.02
_NEVER_RACY = 1 << 62
"""A time after all files, for looks that are known to be safe."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """What `materialize` did.

    Attributes:
        written: files and symlinks made or replaced.
        removed: files and symlinks that the new tree no longer has.
    """

    written: int
    removed: int


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a checkout takes files from.

    Attributes:
        store: the folder of the content store.
        setup: where it reads what it does not have itself.
        reader: reads its objects.
        stats: learns how the written files look.
        learned: knows what was read through references.
    """

    store: Path
    setup: RemoteSetup
    reader: ObjectReader
    stats: StatCache
    learned: LearnedDigests


def materialize(
    tree: StoredTree,
    folder: bytes,
    shelf: Shelf,
    *,
    mode: MaterializeMode,
    protect: Protect,
    current: StoredTree | None,
    paths: Iterable[str] | None,
    force: bool,
    progress: Progress | None,
) -> Checkout:
    """Bring `folder` to what `tree` holds; see `ContentStore.materialize`."""
    wanted = None if paths is None else _wanted(tree, paths)
    with disk_errors_told(os.fsdecode(folder)):
        try:
            os.makedirs(folder, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise Conflict(f"{os.fsdecode(folder)} is a file, or lies below one") from error
        with _alone_in(folder) as (root, partial), closing(FolderHandles(root)) as handles:
            site = Site(folder, root, partial, shelf.store, shelf.setup, mode)
            writing = _Writing(site, shelf, handles, progress)
            if set(os.listdir(folder)) <= {PARTIAL_FOLDER}:
                expected = _count(tree, wanted)
                return Checkout(writing.write(tree.iter_entries(wanted), expected), 0)
            ground = Ground(folder, handles, shelf.stats)
            with closing(
                make_plan(
                    tree,
                    current,
                    ground,
                    learned=shelf.learned,
                    wanted=wanted,
                    partial=folder + b"/" + PARTIAL_FOLDER,
                )
            ) as plan:
                protect(folder, plan.touched(ground))
                if plan.conflicts and not force:
                    raise LocalChanges(
                        os.fsdecode(folder), map(os.fsdecode, sorted(set(plan.conflicts)))
                    )
                _make_way(handles, plan)
                written = writing.write(plan.writes, Expected(plan.files, plan.size))
                return Checkout(written, len(plan.removals))


def _wanted(tree: StoredTree, paths: Iterable[str]) -> Wanted:
    chosen = []
    for path in paths:
        name = os.fsencode(path).strip(b"/")
        if not tree.has(name):
            raise NotFound("file or folder", path)
        chosen.append(name + b"/")

    def wanted(path: bytes) -> bool:
        whole = path if path.endswith(b"/") else path + b"/"
        return any(
            whole.startswith(name) or (path is whole and name.startswith(path)) for name in chosen
        )

    return wanted


def _count(tree: StoredTree, wanted: Wanted | None) -> Expected:
    if wanted is None:
        return Expected(tree.files, tree.size)
    sizes = [entry.size for _, entry in tree.iter_entries(wanted) if entry.kind != EntryKind.FOLDER]
    return Expected(len(sizes), sum(sizes))


@contextmanager
def _alone_in(folder: bytes) -> Iterator[tuple[int, int]]:
    """Keep other processes from materializing here; give the folder, and one for what is partial.

    Workers share the lock: it stays until the last of them is gone.
    """
    root = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(root, folder)
        shutil.rmtree(
            PARTIAL_FOLDER, ignore_errors=True, dir_fd=root
        )  # of a process that was killed
        os.mkdir(PARTIAL_FOLDER, dir_fd=root)
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        partial = os.open(PARTIAL_FOLDER, flags, dir_fd=root)
        try:
            yield root, partial
        finally:
            os.close(partial)
            shutil.rmtree(PARTIAL_FOLDER, ignore_errors=True, dir_fd=root)
    finally:
        os.close(root)


def _lock(descriptor: int, folder: bytes) -> None:
    for _ in range(_PATIENCE):
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(_PAUSE)
    raise Busy(f"another process is writing to {os.fsdecode(folder)}")


class _Writing:
    """The second half of a checkout: what was decided is done."""

    def __init__(
        self, site: Site, shelf: Shelf, handles: FolderHandles, progress: Progress | None
    ) -> None:
        self._site = site
        self._shelf = shelf
        self._handles = handles
        self._tell: Progress = progress or (lambda _: None)
        self._written = 0

    def write(self, entries: Iterable[tuple[bytes, Entry]], expected: Expected) -> int:
        """Make folders and files; return how many files."""
        self._tell(expected)
        reader, (files, size) = self._shelf.reader, expected
        with get_hands(self._site, reader, self._account, files=files, size=size) as hands:
            for batch in self._batches(entries):
                hands.give(batch)
            hands.finish()
        self._shelf.stats.write()
        return self._written

    def _batches(
        self, entries: Iterable[tuple[bytes, Entry]]
    ) -> Iterator[Sequence[tuple[bytes, Entry]]]:
        """Give the files in batches, each after the folders that it needs are there."""
        batch: list[tuple[bytes, Entry]] = []
        size = 0
        for path, entry in entries:
            refuse_other_books(path)
            if entry.kind == EntryKind.FOLDER:
                self._make_folder(path)
            elif self._site.cuts(entry):
                yield [(path, entry)]
            else:
                batch.append((path, entry))
                size += entry.size
                if len(batch) == _BATCH_FILES or size >= _BATCH_BYTES:
                    yield batch
                    batch, size = [], 0
        if batch:
            yield batch

    def _make_folder(self, path: bytes) -> None:
        parent, name = split(path)
        descriptor = self._handles.get(parent)
        try:
            os.mkdir(name, dir_fd=descriptor)
        except FileExistsError as error:
            look = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if not stat_module.S_ISDIR(look.st_mode):
                whole = os.fsdecode(self._site.folder + b"/" + path)
                raise Conflict(f"{whole} is in the way; it was not there before") from error

    def _account(self, placed: Placed) -> None:
        self._written += placed.done.items
        for digest, look in placed.looks:
            self._shelf.stats.add(look, digest, _NEVER_RACY)
        if any(placed.done):
            self._tell(placed.done)


def _make_way(handles: FolderHandles, plan: Plan) -> None:
    """Remove what the new tree lacks or what stands in its way; never follow a symlink."""
    for paths in (plan.removals, plan.obstacles):
        for path in paths:
            parent, name = split(path)
            with suppress(FileNotFoundError, NotADirectoryError):
                os.unlink(name, dir_fd=handles.get(parent))
    for path in reversed(plan.old_folders):
        parent, name = split(path)
        with suppress(OSError):  # something that is not ours is still in it, or it is gone
            os.rmdir(name, dir_fd=handles.get(parent))
    for path in plan.clashes:
        parent, name = split(path)
        shutil.rmtree(name, ignore_errors=True, dir_fd=handles.get(parent))
