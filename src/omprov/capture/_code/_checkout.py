"""What a git checkout holds beside its commit: changed, deleted and new files. Reads only."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pygit2
from pygit2.enums import FileMode, FileStatus, FilterMode

from omprov.content import EntryKind

from ._code import LeftOut
from ._files import SourceFile, read_source
from ._ignoring import OWN, IgnoreFiles
from ._new_files import NewFiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._request import Request

_UNTRACKED = FileStatus.WT_NEW
_KINDS = {FileMode.BLOB_EXECUTABLE: EntryKind.EXECUTABLE, FileMode.LINK: EntryKind.SYMLINK}


@dataclass(slots=True)
class Changes:
    """How a checkout differs from its commit.

    Attributes:
        files: path, from what is tracked → what is there now; ``None`` where it is gone.
        left_out: changed and new files that do not count.
        notes: for people.
    """

    files: dict[str, SourceFile | None] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class _Seen(NamedTuple):
    path: str
    untracked: bool


def read_changes(
    repository: pygit2.Repository,
    subfolder: str,
    request: Request,
    *,
    from_disk: bool = False,
) -> Changes:
    """Read how a checkout differs from its commit, as git would commit it.

    What git ignores does not count, nor what `.omprovignore` files name. Nothing is written, and
    the index is not needed: without it every file is read.

    Args:
        repository: with a working tree.
        subfolder: what is tracked, from its top; all of it with ``""``.
        request: how much counts, and what is something else than code.
        from_disk: take all tracked files for changed: git cannot read the commit.
    """
    return _Reader(repository, subfolder, request, from_disk=from_disk).read()


class _Reader:
    def __init__(
        self,
        repository: pygit2.Repository,
        subfolder: str,
        request: Request,
        *,
        from_disk: bool,
    ) -> None:
        self._repository = repository
        self._top = Path(repository.workdir)
        self._prefix = f"{subfolder}/" if subfolder else ""
        self._request, self._limits = request, request.limits
        self._tree = None
        self._from_disk = from_disk
        if not (from_disk or repository.head_is_unborn):
            self._tree = repository.head.peel(pygit2.Tree)
        self._modes = _setting(repository, "core.fileMode", otherwise=True)
        self._sparse = _setting(repository, "core.sparseCheckout", otherwise=False)
        self._changes = Changes()
        self._used = 0
        self._filters: set[str] = set()
        self._staged: set[str] = set()
        self._indexed = True
        self._tracked: frozenset[str] = frozenset()

    def read(self) -> Changes:
        """Read everything."""
        own_rules = IgnoreFiles(self._top, [OWN])
        untracked = []
        for seen in self._seen():
            if not (seen.path.startswith(self._prefix) or self._prefix.startswith(seen.path)):
                continue  # it lies elsewhere
            if seen.untracked:
                untracked.append(seen.path)
            elif own_rules.ignores(seen.path):
                self._leave(seen.path, f"{OWN} leaves it out: it counts as it was committed")
            else:
                self._take_tracked(seen.path)
        new = NewFiles(
            self._top,
            self._limits,
            ignores=lambda path: self._ignores(path, own_rules),
            held=self._request.held_in(self._top),
            tracks=self._tracks,
            named=self._request.named_in(self._top),
            used=self._used,
        )
        new.take(untracked)
        for path, file in new.files.items():
            self._set(path, self._as_committed(path, file))
        for left in new.left_out:
            self._leave(left.path, left.reason)
        if self._sparse:
            self._changes.notes.append(
                "the checkout is sparse: files that are not there count as they were committed"
            )
        for name in sorted(self._filters):
            self._changes.notes.append(
                f"changed files under git's filter {name!r} are recorded as they lie on disk"
            )
        return self._changes

    def _seen(self) -> Iterator[_Seen]:
        """Give what differs from the commit, or may; paths of untracked folders end in ``/``."""
        status = None if self._from_disk else self._status()
        if status is None:
            yield from self._seen_without_index()
            return
        staged = FileStatus.INDEX_NEW
        self._staged = {path.rpartition("/")[0] for path, flag in status.items() if flag & staged}
        for path, flag in status.items():
            if flag & FileStatus.IGNORED:
                continue
            if flag & FileStatus.INDEX_DELETED:
                self._set(path, None)  # unless it comes back as a new file
            yield _Seen(path, bool(flag & _UNTRACKED))

    def _status(self) -> dict[str, int] | None:
        """Return what git says of files that differ; ``None`` where its index cannot be read."""
        if not Path(self._repository.path, "index").exists():
            return None
        try:
            return self._repository.status(untracked_files="normal")
        except (pygit2.GitError, OSError):
            return None

    def _seen_without_index(self) -> Iterator[_Seen]:
        if self._from_disk:
            self._tracked = self._index_names()
        else:
            self._indexed = False
            self._changes.notes.append("git's index cannot be read: every file was compared")
        if self._tree is not None:
            self._tracked = frozenset(_paths(self._tree, ""))
        for path in sorted(self._tracked):
            yield _Seen(path, untracked=False)
        yield _Seen("", untracked=True)

    def _index_names(self) -> frozenset[str]:
        try:
            return frozenset(entry.path for entry in self._repository.index)
        except (pygit2.GitError, OSError):
            self._indexed = False
            return frozenset()

    def _take_tracked(self, path: str) -> None:
        """Take a tracked file as it is now."""
        entry = self._committed(path)
        place = self._top / path
        try:
            size = place.lstat().st_size
        except OSError:
            if not self._sparse:
                self._set(path, None)
            return
        if self._used + size > self._limits.total and not place.is_dir():
            limit = f"{self._limits.total >> 20} MiB"
            self._leave(path, f"changes are larger than {limit}: it counts as it was committed")
            return
        if place.is_dir() and not place.is_symlink():
            file = self._submodule(path, place)
        else:
            file = self._read(path, place)
        if file is None:
            return
        self._used += len(file.content)
        if entry is None or not _is_same(entry, file):
            self._set(path, file)

    def _read(self, path: str, place: Path) -> SourceFile | None:
        try:
            file = read_source(place)
        except OSError as error:
            self._leave(
                path, f"it cannot be read ({error.strerror}): it counts as it was committed"
            )
            return None
        return None if file is None else self._as_committed(path, file)

    def _as_committed(self, path: str, file: SourceFile) -> SourceFile:
        """Return a file as git would store it: line ends, LFS, the mode where disks have none."""
        if file.kind is EntryKind.SYMLINK:
            return file
        entry = self._committed(path)
        kind: EntryKind = file.kind
        if not self._modes:
            kind = EntryKind.FILE if entry is None else _KINDS.get(entry.filemode, EntryKind.FILE)
        if not (self._indexed and _is_unicode(path)):  # attributes are looked up there, too
            return SourceFile(file.content, kind)
        named = self._repository.get_attr(path, "filter")
        if named == "lfs":
            return SourceFile(_lfs_pointer(file.content), kind)
        if isinstance(named, str):
            self._filters.add(named)
        filters = self._repository.load_filter_list(path, mode=FilterMode.TO_ODB)
        content = file.content
        if filters is not None:
            content = bytes(filters.apply_to_buffer(content))
        return SourceFile(content, kind)

    def _submodule(self, path: str, place: Path) -> SourceFile | None:
        """Say at which commit a submodule is, in the words of ``git diff``."""
        if not (place / ".git").exists():
            entry = self._committed(path)
            if entry is None or entry.filemode != FileMode.COMMIT:  # a file became a folder
                self._set(path, None)
            return None
        try:
            inner = pygit2.Repository(place)
            head = str(inner.head.peel(pygit2.Commit).id)
            dirty = bool(inner.status())
        except (pygit2.GitError, KeyError) as error:
            self._changes.notes.append(f"the submodule {path} cannot be read: {error}")
            return None
        if dirty:
            self._changes.notes.append(
                f"the submodule {path} has changes that are not committed; their content is not "
                "recorded"
            )
        mark = "-dirty" if dirty else ""
        return SourceFile(f"Subproject commit {head}{mark}\n".encode())

    def _committed(self, path: str) -> pygit2.Object | None:
        if self._tree is None:
            return None
        try:
            return self._tree[path]
        except KeyError:
            return None
        except UnicodeEncodeError:  # names that are no Unicode
            found: pygit2.Object | None = self._tree
            for part in os.fsencode(path).split(b"/"):
                inside = found if isinstance(found, pygit2.Tree) else ()
                found = next((one for one in inside if one.raw_name == part), None)
            return found

    def _tracks(self, folder: str) -> bool:
        """Say whether a file right in a folder is tracked."""
        if folder in self._staged:
            return True
        tree = self._tree if not folder else self._committed(folder)
        return isinstance(tree, pygit2.Tree) and any(one.filemode != FileMode.TREE for one in tree)

    def _ignores(self, path: str, own_rules: IgnoreFiles) -> bool:
        if path in self._tracked or own_rules.ignores(path):
            return True
        return _is_unicode(path) and self._repository.path_is_ignored(path)

    def _set(self, path: str, file: SourceFile | None) -> None:
        if path.startswith(self._prefix):
            self._changes.files[path[len(self._prefix) :]] = file

    def _leave(self, path: str, reason: str) -> None:
        self._changes.left_out.append(LeftOut(path, reason))


def _paths(tree: pygit2.Tree, folder: str) -> Iterator[str]:
    for entry in tree:
        if isinstance(entry, pygit2.Tree):
            yield from _paths(entry, f"{folder}{os.fsdecode(entry.raw_name or b'')}/")
        else:
            yield folder + os.fsdecode(entry.raw_name or b"")


def _is_unicode(path: str) -> bool:
    """Say whether libgit2's bindings take a path."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_same(entry: pygit2.Object, file: SourceFile) -> bool:
    """Say whether git's tree holds just this under a path."""
    if entry.filemode == FileMode.COMMIT:
        return file.content == f"Subproject commit {entry.id}\n".encode()
    kind = _KINDS.get(entry.filemode, EntryKind.FILE)
    return kind == file.kind and pygit2.hash(file.content) == entry.id


def _lfs_pointer(content: bytes) -> bytes:
    """Return what Git LFS commits in place of a file; a pointer stays one."""
    if content.startswith(b"version https://git-lfs.github.com/spec/v1\n") and len(content) < 1024:
        return content
    digest = hashlib.sha256(content).hexdigest()
    return (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"
    ).encode()


def _setting(repository: pygit2.Repository, name: str, *, otherwise: bool) -> bool:
    try:
        return repository.config.get_bool(name)
    except (KeyError, ValueError, pygit2.GitError):
        return otherwise
