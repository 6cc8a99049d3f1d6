"""Git's trees: stored as versions' contents, and compared without being read twice."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, TypeAlias

from pygit2.enums import ObjectType

from omprov.content import Entry, EntryKind, may_hold
from omprov.diff import Delta, Leaf, merge_walks
from omprov.errors import InvalidInput, NotFound, Unavailable
from omprov.records import Digest

from ._objects import read_object, read_raw

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pygit2

    from omprov.content import ContentStore, TreeWriter
    from omprov.diff import Mode, Tree

    _Found: TypeAlias = tuple[bytes, bytes, bytes]
    """A mode, a name, an id."""

_MOST = 500_000
"""So many trees, files, and things that trees hold, are remembered …"""
_MOST_LISTED = 20_000
"""… and what so many trees hold."""
_TREE, _MODULE = b"40000", b"160000"
_KINDS = {
    b"100644": EntryKind.FILE,
    b"100755": EntryKind.EXECUTABLE,
    b"120000": EntryKind.SYMLINK,
    _MODULE: EntryKind.FILE,
}
_ENTRY = re.compile(rb"(40000|100644|100755|120000|160000) ([^\0]+)\0(.{20})", re.DOTALL)
"""What a tree holds: a mode, a name and an id. Trees of other modes are read by libgit2."""
_AROUND = 22
"""Bytes of an entry beside its mode and its name."""
_MODES: dict[int, Mode] = {
    EntryKind.FILE: "file",
    EntryKind.EXECUTABLE: "executable",
    EntryKind.SYMLINK: "symlink",
}


class _Item:
    """What git's trees hold under a name; one object, however many trees hold the same.

    Attributes:
        name: of a folder, it ends in ``/``.
        id: as git names it.
        mode: git's.
        entry: what it is stored as, once it is.
    """

    __slots__ = ("entry", "id", "mode", "name")

    def __init__(self, mode: bytes, name: bytes, id_: bytes) -> None:
        self.name = name + b"/" if mode == _TREE else name
        self.id = id_
        self.mode = mode
        self.entry: Entry | None = None

    @property
    def is_module(self) -> bool:
        """Whether it says which commit of another repository is meant."""
        return self.mode == _MODULE


_UNKNOWN = _Item(b"", b"", b"")


class Changed(NamedTuple):
    """A file that differs between two trees.

    Attributes:
        path: where.
        old: what the older tree holds there.
        new: what the newer tree holds there.
    """

    path: bytes
    old: _Item | None
    new: _Item | None


class GitTrees:
    """Stores trees of one git repository; each file is read once. Not for several threads at once.

    What no folder may hold (`may_hold`), and git itself would not check out, is left out. A
    submodule becomes a file that says at which commit it is, in the words of ``git diff``.

    Attributes:
        writer: takes what is not stored yet; set it before use.
    """

    writer: TreeWriter

    def __init__(self, repository: pygit2.Repository, store: ContentStore) -> None:
        self._repository = repository
        self._store = store
        self._trees: dict[bytes, Entry] = {}
        self._files: dict[tuple[bytes, bytes], Entry] = {}
        self._met: dict[_Found, _Item | None] = {}
        self._items: dict[bytes, dict[bytes, _Item]] = {}

    def put(self, tree: str, like: GitTree | None = None) -> GitTree:
        """Store a tree.

        Args:
            tree: its id.
            like: one that was stored before: what both share is not even looked at.

        Raises:
            InvalidInput: folders lie within folders beyond all measure.
            Unavailable: an object is not there.
        """
        if max(len(self._trees), len(self._files), len(self._met)) > _MOST:
            self._trees, self._files, self._met, self._items = {}, {}, {}, {}
        id_ = bytes.fromhex(tree)
        pair = None
        if like is not None and like.id not in self._trees:
            pair = like.id, like.digest
        try:
            return GitTree(self, id_, self._put(id_, pair))
        except RecursionError as error:
            raise InvalidInput(
                f"the tree {tree} has too many folders within folders; import a part of it (--path)"
            ) from error

    def stored(self, tree: str, digest: Digest, size: int, files: int) -> GitTree:
        """Return a tree that was stored before."""
        raw = bytes.fromhex(digest)
        return GitTree(self, bytes.fromhex(tree), Entry(b"", EntryKind.FOLDER, size, files, raw))

    def _put(self, id_: bytes, like: tuple[bytes, Digest] | None) -> Entry:
        known = self._trees.get(id_)
        if known is not None:
            return known
        shared = {} if like is None else self._stored(*like)
        entries = [
            item.entry or self._put_item(item, shared.get(name))
            for name, item in self.items(id_).items()
        ]
        self._trees[id_] = entry = self.writer.put_folder(b"", entries)
        return entry

    def _put_item(self, item: _Item, other: _Item | None) -> Entry:
        """Store a file or folder.

        Args:
            item: which.
            other: what an earlier tree, which is stored, holds under its name.
        """
        if item.mode != _TREE:
            return self.file(item)
        like = None
        if other is not None and other.entry is not None:
            like = other.id, Digest(other.entry.digest.hex())
        item.entry = entry = self._put(item.id, like)._replace(name=item.name)
        return entry

    def _stored(self, id_: bytes, digest: Digest) -> Mapping[bytes, _Item]:
        """Take note of how an earlier tree is stored; return what it holds."""
        if id_.hex() not in self._repository:  # it vanished, and git has cleaned up
            return {}
        stored = {entry.name: entry for entry in self._store.tree(digest).iter_folder()}
        items = self.items(id_)
        for name, item in items.items():
            if item.entry is None:
                item.entry = stored.get(name)
        return items

    def items(self, id_: bytes) -> Mapping[bytes, _Item]:
        """Return what git's tree holds, in the order of names."""
        items = self._items.get(id_)
        if items is None:
            items = {}
            for found in self._list(id_):
                item = self._met.get(found, _UNKNOWN)
                if item is _UNKNOWN:
                    item = self._meet(found)
                if item is not None:
                    items[item.name] = item
            if len(self._items) > _MOST_LISTED:
                self._items.clear()
            self._items[id_] = items
        return items

    def _list(self, id_: bytes) -> list[_Found]:
        """Read a tree: modes, names and ids."""
        kind, raw = read_raw(self._repository, id_)
        found: list[_Found] = _ENTRY.findall(raw)
        modes, names, _ = zip(*found, strict=True) if found else ((), (), ())
        known = sum(map(len, modes)) + sum(map(len, names)) + _AROUND * len(found)
        if kind != ObjectType.TREE or known != len(raw):
            tree = read_object(self._repository, id_.hex())
            return [(b"%o" % one.filemode, one.raw_name, one.id.raw) for one in tree]
        return found

    def _meet(self, found: _Found) -> _Item | None:
        """Take note of something that was not met before; ``None`` where no folder may hold it."""
        item = self._met[found] = _Item(*found) if may_hold(found[1]) else None
        return item

    def file(self, item: _Item) -> Entry:
        """Store a file; return its entry."""
        if item.entry is None:
            key = item.id, item.mode
            entry = self._files.get(key)
            if entry is None:
                entry = self.writer.put_file(b"", self.read(item), _KINDS[item.mode])
                self._files[key] = entry
            item.entry = entry._replace(name=item.name)
        return item.entry

    def read(self, item: _Item) -> bytes:
        """Return the bytes of a file, or the target of a symlink."""
        if item.is_module:
            return b"Subproject commit %s\n" % item.id.hex().encode()
        kind, data = read_raw(self._repository, item.id)
        if kind != ObjectType.BLOB:
            raise Unavailable(
                f"{item.id.hex()} is no file as a tree in {self._repository.path} says; `git fsck` "
                "says more"
            )
        return data

    def below(self, path: bytes, id_: bytes) -> Iterator[tuple[bytes, _Item]]:
        """Give every file of a folder, by path."""
        for name, item in self.items(id_).items():
            if item.mode == _TREE:
                yield from self.below(path + name, item.id)
            else:
                yield path + name, item

    def changes(self, old: bytes, new: bytes) -> list[Changed]:
        """Return the files that differ between two trees, by path."""
        changed: list[Changed] = []
        self._compare(b"", old, new, changed)
        return changed

    def _compare(self, path: bytes, old: bytes, new: bytes, changed: list[Changed]) -> None:
        olds, news = self.items(old), self.items(new)
        for name in sorted({item.name for item in {*olds.values()} ^ {*news.values()}}):
            before, after, place = olds.get(name), news.get(name), path + name
            if not name.endswith(b"/"):
                changed.append(Changed(place, before, after))
            elif before is not None and after is not None:
                self._compare(place, before.id, after.id, changed)
            elif before is not None:
                changed += [Changed(*one, None) for one in self.below(place, before.id)]
            elif after is not None:
                changed += [Changed(p, None, item) for p, item in self.below(place, after.id)]


class GitTree:
    """A tree of git whose content is stored. Implements `omprov.diff.Tree`.

    Attributes:
        id: as git names it.
        digest: as the store does.
    """

    def __init__(self, trees: GitTrees, id_: bytes, entry: Entry) -> None:
        self._trees = trees
        self.id = id_
        self._entry = entry
        self.digest = Digest(entry.digest.hex())
        self._compared: dict[bytes, list[Changed]] = {}

    @property
    def files(self) -> int:
        """How many files and symlinks there are."""
        return self._entry.files

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return self._entry.size

    def walk(self) -> Iterator[Leaf]:
        """Give every file and symlink, by path."""
        for path, item in self._trees.below(b"", self.id):
            yield self._leaf(path, item)

    def changes_from(self, older: Tree) -> Iterator[Delta]:
        """Give the paths at which this tree differs from `older`, by path."""
        if not isinstance(older, GitTree):
            yield from merge_walks(older, self)
            return
        for path, before, after in self.files_from(older):
            was = None if before is None else self._leaf(path, before)
            now = None if after is None else self._leaf(path, after)
            if was != now:
                yield Delta(path.decode(errors="surrogateescape"), was, now)

    def files_from(self, older: GitTree) -> list[Changed]:
        """Return the files that differ from an older tree, by path; they are remembered."""
        changed = self._compared.get(older.id)
        if changed is None:
            changed = self._compared[older.id] = self._trees.changes(older.id, self.id)
        return changed

    def open(self, path: str) -> BinaryIO:
        """Open the bytes of a file (a symlink's target).

        Raises:
            NotFound: there is none.
        """
        return BytesIO(self._trees.read(self._item(path)))

    def _item(self, path: str) -> _Item:
        *folders, name = path.encode(errors="surrogateescape").split(b"/")
        items = self._trees.items(self.id)
        for folder in folders:
            below = items.get(folder + b"/")
            items = {} if below is None else self._trees.items(below.id)
        item = items.get(name)
        if item is None:
            raise NotFound("file", path)
        return item

    def _leaf(self, path: bytes, item: _Item) -> Leaf:
        entry = self._trees.file(item)
        return Leaf(
            path.decode(errors="surrogateescape"),
            Digest(entry.digest.hex()),
            entry.size,
            _MODES[entry.kind],
        )
