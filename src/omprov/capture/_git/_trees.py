"""Git's trees: stored as versions' contents, and compared without being read twice."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from pygit2.enums import FileMode

from omprov.content import Entry, EntryKind, may_hold
from omprov.diff import Delta, Leaf, merge_walks
from omprov.errors import InvalidInput, NotFound
from omprov.records import Digest

from ._objects import read_object

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pygit2

    from omprov.content import ContentStore, TreeWriter
    from omprov.diff import Mode, Tree

_MOST = 500_000
"""So many trees, and files, are remembered …"""
_MOST_LISTED = 20_000
"""… and what so many trees hold."""
_KINDS = {
    FileMode.BLOB_EXECUTABLE: EntryKind.EXECUTABLE,
    FileMode.LINK: EntryKind.SYMLINK,
}
_MODES: dict[EntryKind, Mode] = {
    EntryKind.FILE: "file",
    EntryKind.EXECUTABLE: "executable",
    EntryKind.SYMLINK: "symlink",
}


class _Item(NamedTuple):
    """What git's tree holds under a name; the name of a folder ends in ``/``."""

    id: bytes
    mode: int


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
        self._files: dict[_Item, Entry] = {}
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
        if len(self._trees) > _MOST or len(self._files) > _MOST:
            self._trees, self._files, self._items = {}, {}, {}
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
        entries = []
        for name, item in self.items(id_).items():
            other = shared.get(name)
            if other is not None and other[0] == item:
                entries.append(other[1])
            elif item.mode == FileMode.TREE:
                below = None
                if other is not None:
                    below = other[0].id, Digest(other[1].digest.hex())
                entries.append(self._put(item.id, below)._replace(name=name))
            else:
                entries.append(self.file(item)._replace(name=name))
        self._trees[id_] = entry = self.writer.put_folder(b"", entries)
        return entry

    def _stored(self, id_: bytes, digest: Digest) -> dict[bytes, tuple[_Item, Entry]]:
        """Return what an earlier tree holds, as git and as the store name it."""
        stored = {entry.name: entry for entry in self._store.tree(digest).iter_folder()}
        if id_.hex() not in self._repository:  # it vanished, and git has cleaned up
            return {}
        items = self.items(id_)
        return {name: (items[name], stored[name]) for name in items if name in stored}

    def items(self, id_: bytes) -> Mapping[bytes, _Item]:
        """Return what git's tree holds, in the order of names."""
        items = self._items.get(id_)
        if items is None:
            items = {}
            for one in read_object(self._repository, id_.hex()):
                name = one.raw_name
                if may_hold(name):
                    folder = one.filemode == FileMode.TREE
                    items[name + b"/" if folder else name] = _Item(one.id.raw, one.filemode)
            if len(self._items) > _MOST_LISTED:
                self._items.clear()
            self._items[id_] = items
        return items

    def file(self, item: _Item) -> Entry:
        """Store a file; return its entry, without a name."""
        entry = self._files.get(item)
        if entry is None:
            kind = _KINDS.get(FileMode(item.mode), EntryKind.FILE)
            entry = self._files[item] = self.writer.put_file(b"", self.read(item), kind)
        return entry

    def read(self, item: _Item) -> bytes:
        """Return the bytes of a file, or the target of a symlink."""
        if item.mode == FileMode.COMMIT:
            return b"Subproject commit %s\n" % item.id.hex().encode()
        data: bytes = read_object(self._repository, item.id.hex()).data
        return data


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
        yield from self._below(b"", self.id)

    def changes_from(self, older: Tree) -> Iterator[Delta]:
        """Give the paths at which this tree differs from `older`, by path."""
        if not isinstance(older, GitTree):
            yield from merge_walks(older, self)
            return
        yield from self._changes(b"", older.id, self.id)

    def open(self, path: str) -> BinaryIO:
        """Open the bytes of a file (a symlink's target).

        Raises:
            NotFound: there is none.
        """
        return BytesIO(self._trees.read(self._item(path)))

    def blob(self, path: str) -> str | None:
        """Return git's id of the bytes of a file; ``None`` of a submodule, which has none.

        Raises:
            NotFound: there is none.
        """
        item = self._item(path)
        return None if item.mode == FileMode.COMMIT else item.id.hex()

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

    def _below(self, path: bytes, id_: bytes) -> Iterator[Leaf]:
        for name, item in self._trees.items(id_).items():
            if name.endswith(b"/"):
                yield from self._below(path + name, item.id)
            else:
                yield self._leaf(path + name, item)

    def _leaf(self, path: bytes, item: _Item) -> Leaf:
        entry = self._trees.file(item)
        mode = _MODES[EntryKind(entry.kind)]
        name = path.decode(errors="surrogateescape")
        return Leaf(name, Digest(entry.digest.hex()), entry.size, mode)

    def _changes(self, path: bytes, old: bytes, new: bytes) -> Iterator[Delta]:
        olds, news = self._trees.items(old), self._trees.items(new)
        for name in sorted(
            {name for name, item in olds.items() if news.get(name) != item}
            | {name for name, item in news.items() if olds.get(name) != item}
        ):
            before, after, place = olds.get(name), news.get(name), path + name
            if not name.endswith(b"/"):
                was = None if before is None else self._leaf(place, before)
                now = None if after is None else self._leaf(place, after)
                if was != now:
                    yield Delta(place.decode(errors="surrogateescape"), was, now)
            elif before is not None and after is not None:
                yield from self._changes(place, before.id, after.id)
            elif before is not None:
                yield from (Delta(leaf.path, leaf, None) for leaf in self._below(place, before.id))
            elif after is not None:
                yield from (Delta(leaf.path, None, leaf) for leaf in self._below(place, after.id))
