"""Puts the files of a tree into a folder, without losing what no version holds."""

# Paths are bytes here, which pathlib does not take:
# ruff: noqa: PTH102, PTH103, PTH104, PTH106, PTH108, PTH208

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.errors import Busy, Conflict, LocalChanges, NotFound

from ._durable import disk_errors_told
from ._ignore import PARTIAL_FOLDER
from ._nodes import EntryKind
from ._plan import make_plan, mounted_over, refuse_other_books
from ._progress import Done

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ._learned import LearnedDigests
    from ._nodes import Entry
    from ._plan import Plan
    from ._progress import Progress
    from ._stats import StatCache
    from ._tree import StoredTree, Wanted

    Place = Callable[[Entry, bytes], None]
    """Makes the file of an entry at a path where nothing is yet."""

    Protect = Callable[[bytes, Iterable[bytes]], None]
    """Refuses to have these files below a folder replaced or removed."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """What `materialize` did.

    Attributes:
        written: files and symlinks made or replaced.
        removed: files and symlinks that the new tree no longer has.
    """

    written: int
    removed: int


def materialize(
    tree: StoredTree,
    folder: bytes,
    place: Place,
    stats: StatCache,
    *,
    learned: LearnedDigests,
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
        with _alone_in(folder) as partial:
            if set(os.listdir(folder)) <= {PARTIAL_FOLDER}:
                entries = tree.iter_entries(wanted)
                return Checkout(_write(folder, partial, entries, place, progress), 0)
            plan = make_plan(tree, current, folder, stats, learned=learned, wanted=wanted)
            protect(folder, plan.touched(folder))
            if plan.conflicts and not force:
                raise LocalChanges(
                    os.fsdecode(folder), map(os.fsdecode, sorted(set(plan.conflicts)))
                )
            _make_way(folder, plan)
            for path in plan.folders:
                os.makedirs(folder + b"/" + path, exist_ok=True)
            written = _write(folder, partial, plan.writes, place, progress)
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


@contextmanager
def _alone_in(folder: bytes) -> Iterator[bytes]:
    """Keep other processes from materializing here; give a folder for incomplete files."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(f"another process is writing to {os.fsdecode(folder)}") from error
        partial = folder + b"/" + PARTIAL_FOLDER
        shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
        os.mkdir(partial)
        try:
            yield partial
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    finally:
        os.close(descriptor)


def _write(
    folder: bytes,
    partial: bytes,
    entries: Iterable[tuple[bytes, Entry]],
    place: Place,
    progress: Progress | None,
) -> int:
    """Make each file beside its place, complete, then put it there in one step."""
    written = 0
    for path, entry in entries:
        refuse_other_books(path)
        if entry.kind == EntryKind.FOLDER:
            os.mkdir(folder + b"/" + path)
            continue
        temporary = partial + b"/" + secrets.token_hex(8).encode()
        place(entry, temporary)
        _put_in_place(temporary, folder + b"/" + path)
        written += 1
        if progress is not None:
            progress(Done(1, entry.size))
    return written


def _put_in_place(temporary: bytes, path: bytes) -> None:
    try:
        os.rename(temporary, path)
    except OSError as error:
        if error.errno in {errno.EXDEV, errno.EBUSY}:  # seen here only: one mounted from within
            raise mounted_over(path) from error
        raise


def _make_way(folder: bytes, plan: Plan) -> None:
    """Remove what the new tree lacks or what stands in its way; never follow a symlink."""
    for path in (*plan.removals, *plan.obstacles):
        with suppress(FileNotFoundError):
            os.unlink(folder + b"/" + path)
    for path in reversed(plan.old_folders):
        with suppress(OSError):  # something that is not ours is still in it, or it is gone
            os.rmdir(folder + b"/" + path)
    for path in plan.clashes:
        shutil.rmtree(folder + b"/" + path, ignore_errors=True)
