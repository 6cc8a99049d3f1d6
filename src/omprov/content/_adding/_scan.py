"""Turns files on disk, or in memory, into trees: nodes and content go to a sink, in one pass."""

# Paths are bytes here, which pathlib does not take:
# ruff: noqa: PTH100, PTH115, PTH116, PTH119

from __future__ import annotations

import os
import stat as stat_module
from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from omprov.content._format._nodes import Entry, EntryKind, check_entry_name
from omprov.content._format._objects import content_key
from omprov.content._progress import Expected, Tally
from omprov.errors import InvalidInput, NotFound
from omprov.records import Digest

from ._disk import kind_of, look, told
from ._ignore import ALWAYS_IGNORED, IgnoreRules
from ._intake import Intake
from ._putting import NullSink, new_folder, put_content, write_tree
from ._selection import walk_selection
from ._stats import identity
from ._walk import FolderBegin, FolderEnd, FoundFile, measure, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from omprov.content._format._paging import Pager
    from omprov.content._progress import Progress

    from ._putting import Sink
    from ._stats import Identity, StatCache
    from ._walk import Found


_BATCH = 1024
_AHEAD = 8192
"""So many files may be begun before the first of them is finished."""


@dataclass(frozen=True, slots=True)
class TreeSummary:
    """What became of a folder.

    Attributes:
        digest: of the tree; equal folders have equal digests.
        size: bytes of all files.
        files: regular files and symlinks.
    """

    digest: Digest
    size: int
    files: int


def scan(
    path: str | os.PathLike[str] | bytes,
    sink: Sink,
    stats: StatCache,
    *,
    rules: IgnoreRules | None = None,
    progress: Progress | None = None,
) -> TreeSummary:
    """Record a folder, or a single file as the only entry of a tree.

    Args:
        path: what to record; it may be a symlink itself.
        sink: takes the objects.
        stats: knows the digests of files that did not change.
        rules: what to leave out; built-in names and `.omprovignore` by default.
        progress: told what was done.

    Raises:
        NotFound: there is nothing at `path`.
        InvalidInput: something in it can be no part of a tree.
        Conflict: a file kept changing while it was read.
    """
    raw_path = os.fsencode(path)
    try:
        stat = os.stat(raw_path)
    except FileNotFoundError as error:
        raise NotFound("file or folder", os.fsdecode(raw_path)) from error
    tally = Tally(progress)
    rules = rules or IgnoreRules()
    is_folder = stat_module.S_ISDIR(stat.st_mode)
    if progress is not None:
        progress(Expected(*(measure(raw_path, rules) if is_folder else (1, stat.st_size))))
    with Intake(sink, stats, tally.add) as intake:
        run = _Scan(sink, stats, intake, tally)
        if is_folder:
            root = run.tree(walk(raw_path.rstrip(b"/") or b"/", rules))
        else:
            root = run.single_file(raw_path)
        intake.commit()
    tally.tell()
    stats.write()
    return TreeSummary(Digest(root.digest.hex()), root.size, root.files)


def scan_selection(
    files: Mapping[bytes, bytes],
    sink: Sink,
    stats: StatCache,
    progress: Progress | None = None,
) -> TreeSummary:
    """Record chosen files as the tree in which they have the paths that are given.

    Args:
        files: path in the tree → path on disk.
        sink: takes the objects.
        stats: knows the digests of files that did not change.
        progress: told what was done.

    Raises:
        InvalidInput: a path that no file in a folder can have, or something that is no file.
        Conflict: a file is gone, or kept changing while it was read.
    """
    tally = Tally(progress)
    if progress is not None:
        sizes = [one.stat.st_size for one in walk_selection(files) if isinstance(one, FoundFile)]
        progress(Expected(len(sizes), sum(sizes)))
    with Intake(sink, stats, tally.add) as intake:
        root = _Scan(sink, stats, intake, tally).tree(walk_selection(files))
        intake.commit()
    tally.tell()
    stats.write()
    return TreeSummary(Digest(root.digest.hex()), root.size, root.files)


def digest_files(looks: Mapping[bytes, os.stat_result], stats: StatCache) -> dict[bytes, Entry]:
    """Return the entries that files and symlinks on disk would make, by their path.

    Args:
        looks: path → how the regular file or symlink there looks.
        stats: knows the digests of files that did not change.
    """
    sink, tally = NullSink(), Tally(None)
    files = [FoundFile(os.path.basename(path), path, stat) for path, stat in looks.items()]
    with Intake(sink, stats, tally.add, crew=False) as intake:
        entries = _Scan(sink, stats, intake, tally).entries(files)
        return dict(zip(looks, entries, strict=True))


def scan_files(files: Mapping[str, bytes], sink: Sink) -> TreeSummary:
    """Record files given as bytes.

    Args:
        files: path, with parts joined by ``/``, → content.
        sink: takes the objects.

    Raises:
        InvalidInput: a path that no file in a folder can have.
    """
    tree: dict[bytes, Any] = {}
    for path, content in files.items():
        _place(tree, path, content)
    root = _memory_folder(tree, sink)
    return TreeSummary(Digest(root.digest.hex()), root.size, root.files)


def write_found(found: Iterable[Found], sink: Sink) -> Entry:
    """Write the nodes of all folders; return the entry that stands for the top one.

    Args:
        found: what is in a folder, as `walk` gives it; the entries of files are known.
        sink: takes the nodes.
    """
    folders: list[tuple[bytes, Pager[Entry]]] = []
    for one in found:
        match one:
            case FoundFile():
                assert one.entry is not None
                folders[-1][1].add(one.entry)
            case FolderBegin(name):
                folders.append((name, new_folder(sink)))
            case FolderEnd():
                name, folder = folders.pop()
                top = folder.finish()
                if not folders:
                    return top
                folders[-1][1].add(top._replace(name=name, kind=EntryKind.FOLDER))
    raise AssertionError("a folder has no end")


class _Scan:
    """Makes a tree of what is found, reading ahead of where it writes."""

    def __init__(self, sink: Sink, stats: StatCache, intake: Intake, tally: Tally) -> None:
        self._sink = sink
        self._stats = stats
        self._intake = intake
        self._tally = tally

    def tree(self, found: Iterator[Found]) -> Entry:
        """Write the nodes of all folders; return the entry that stands for the top one."""
        return write_found(self._finished(found), self._sink)

    def _finished(self, found: Iterator[Found]) -> Iterator[Found]:
        for one in self._ahead(found):
            if isinstance(one, FoundFile):
                self._intake.finish(one)
            yield one

    def single_file(self, path: bytes) -> Entry:
        """Write a tree with one entry."""
        real = os.path.realpath(path)
        file = FoundFile(os.path.basename(os.path.abspath(path)), real, look(real))
        self._begin([file])
        self._intake.finish(file)
        assert file.entry is not None
        return write_tree([file.entry], self._sink)

    def entries(self, files: Sequence[FoundFile]) -> Iterator[Entry]:
        """Give the entries of files and symlinks."""
        self._begin(files)
        for file in files:
            self._intake.finish(file)
            assert file.entry is not None
            yield file.entry

    def _ahead(self, found: Iterator[Found]) -> Iterator[Found]:
        """Give what is found after reading was begun some way ahead."""
        line: deque[Found] = deque()
        while True:
            while len(line) < _AHEAD and (batch := list(islice(found, _BATCH))):
                self._begin([one for one in batch if isinstance(one, FoundFile)])
                line.extend(batch)
            if not line:
                return
            for _ in range(min(len(line), _BATCH)):
                yield line.popleft()

    def _begin(self, files: Sequence[FoundFile]) -> None:
        """Begin to read files, but for those that look as they did when they were read before."""
        known = self._known([file.stat for file in files])
        items = size = 0
        for file in files:
            stat = file.stat
            digest = known.get(identity(stat))
            if stat_module.S_ISLNK(stat.st_mode):
                file.entry = self._symlink(file)
            elif digest is None:
                self._intake.begin(file)
                continue
            else:
                file.entry = Entry(file.name, kind_of(stat.st_mode), stat.st_size, 1, digest)
            items += 1
            size += stat.st_size
        self._tally.add(items, size)

    def _known(self, looks: Iterable[os.stat_result]) -> dict[Identity, bytes]:
        """Give the digests of files that need not be read: known, and stored."""
        regular = [stat for stat in looks if stat_module.S_ISREG(stat.st_mode)]
        known = self._stats.find(regular)
        if not self._sink.content or not known:
            return known
        sizes = {identity(stat): stat.st_size for stat in regular}
        keys = {content_key(sizes[file], digest) for file, digest in known.items()} - {None}
        lacking = {key.digest for key in self._sink.lacks(key for key in keys if key)}
        return {file: digest for file, digest in known.items() if digest not in lacking}

    def _symlink(self, file: FoundFile) -> Entry:
        with told(file.path):
            target = os.readlink(file.path)
        digest = put_content(target, self._sink)
        return Entry(file.name, EntryKind.SYMLINK, len(target), 1, digest)


def _place(tree: dict[bytes, Any], path: str, content: bytes) -> None:
    *folders, name = os.fsencode(path).split(b"/")
    if not all(check_entry_name(part) for part in (*folders, name)):
        raise InvalidInput(f"{path!r} cannot be the path of a file in a folder")
    if not ALWAYS_IGNORED.isdisjoint((*folders, name)):
        raise InvalidInput(f"{path!r} belongs to other books kept on a folder: it is never stored")
    for folder in folders:
        below = tree.setdefault(folder, {})
        if not isinstance(below, dict):
            raise InvalidInput(f"{path!r} lies below a file")
        tree = below
    if name in tree:
        raise InvalidInput(f"{path!r} is both a file and a folder")
    tree[name] = content


def _memory_folder(tree: dict[bytes, Any], sink: Sink) -> Entry:
    entries = []
    for name, below in tree.items():
        if isinstance(below, dict):
            folder = _memory_folder(below, sink)
            entries.append(folder._replace(name=name + b"/", kind=EntryKind.FOLDER))
        else:
            digest = put_content(below, sink)
            entries.append(Entry(name, EntryKind.FILE, len(below), 1, digest))
    return write_tree(sorted(entries), sink)
