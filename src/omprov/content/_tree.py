"""Trees as they are read back: walks, look-ups, and differences that skip what is equal."""

from __future__ import annotations

import difflib
import io
import os
from bisect import bisect_left
from itertools import chain, islice
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from omprov.diff import Delta, Leaf, merge_walks
from omprov.errors import NotFound
from omprov.records import Digest

from ._format._nodes import Entry, EntryKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from omprov.diff import Mode, Tree

    from ._format._nodes import TreeNode

    GetNode = Callable[[bytes], TreeNode]
    Wanted = Callable[[bytes], bool]
    OpenFile = Callable[[Entry], BinaryIO]

_MODES: dict[int, Mode] = {
    EntryKind.FILE: "file",
    EntryKind.EXECUTABLE: "executable",
    EntryKind.SYMLINK: "symlink",
    EntryKind.REFERENCE: "file",
}

_MOST_LINKS = 40
"""So many symlinks on a path are no circle; the same as in Linux."""
_LOOKED_AT = 10_000
"""So many names of a folder are compared with one that is not there."""


class Change(NamedTuple):
    """One path, from the root, whose entries in two trees differ; neither is a folder."""

    path: bytes
    old: Entry | None
    new: Entry | None


class StoredTree:
    """A folder as a version holds it; it never changes. Implements `omprov.diff.Tree`.

    Nodes are read when they are needed, and equal subtrees are never read to compare two trees.
    """

    def __init__(self, root: bytes, get_node: GetNode, open_file: OpenFile) -> None:
        self._root = root
        self._get_node = get_node
        self._open_file = open_file
        top = get_node(root)
        self._files = sum(entry.files for entry in top.entries)
        self._size = sum(entry.size for entry in top.entries)

    @property
    def source(self) -> tuple[GetNode, bytes]:
        """How the nodes are read, and the digest of the top one."""
        return self._get_node, self._root

    @property
    def digest(self) -> Digest:
        """The digest of the tree."""
        return Digest(self._root.hex())

    @property
    def files(self) -> int:
        """How many files and symlinks there are."""
        return self._files

    @property
    def size(self) -> int:
        """The bytes of all files."""
        return self._size

    def walk(self) -> Iterator[Leaf]:
        """Give every file and symlink, by path; empty folders are not seen."""
        for path, entry in self.iter_entries():
            if entry.kind != EntryKind.FOLDER:
                yield as_leaf(path, entry)

    def iter_entries(self, wanted: Wanted | None = None) -> Iterator[tuple[bytes, Entry]]:
        """Give every entry with its path, folders (which end in ``/``) before what is in them.

        Args:
            wanted: says of a path whether to give it; a folder that is not wanted is not entered.
        """
        return iter_below(self._get_node, b"", self._root, wanted)

    def iter_folder(self) -> Iterator[Entry]:
        """Give the entries of the top folder, by name."""
        return iter_folder(self._get_node, self._root)

    def iter_top(self) -> Iterator[tuple[str, Leaf | None]]:
        """Give what is in the top folder, by name: a leaf, or ``None`` for a folder."""
        for entry in iter_folder(self._get_node, self._root):
            name = os.fsdecode(entry.name).removesuffix("/")
            folder = entry.kind == EntryKind.FOLDER
            yield name, None if folder else as_leaf(entry.name, entry)

    def get(self, path: str) -> Leaf:
        """Return the file or symlink at `path`.

        Raises:
            NotFound: there is none.
        """
        return as_leaf(os.fsencode(path), self._get_entry(path))

    def find_folder(self, path: str) -> StoredTree | None:
        """Return the folder at `path` as a tree of its own; ``None`` where there is none."""
        digest = self._root
        for part in filter(None, os.fsencode(path).split(b"/")):
            entry = find_entry(self._get_node, digest, part + b"/")
            if entry is None:
                return None
            digest = entry.digest
        return StoredTree(digest, self._get_node, self._open_file)

    def has(self, path: bytes) -> bool:
        """Say whether there is a file or a folder at `path`."""
        return self._find_entry(path) is not None or (
            self.find_folder(os.fsdecode(path)) is not None
        )

    def open(self, path: str) -> BinaryIO:
        """Open the bytes of the file (a symlink's target) at `path`; only what is read is fetched.

        Raises:
            NotFound: there is no file at `path`.
            Damaged: its bytes are not what they were.
            SourceChanged: they are kept by reference, and have changed at their source.
        """
        return self._open_file(self._get_entry(path))

    def follow(self, path: str) -> str:
        """Return the path of the file or folder that `path` means, symlinks in the tree followed.

        Raises:
            NotFound: there is nothing, a symlink leads out of the tree, or in a circle.
        """
        waiting = path.split("/")[::-1]
        reached: list[str] = []
        links = 0
        while waiting:
            part = waiting.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                if not reached:
                    raise NotFound("file", path, hint="It leads out of the version.")
                reached.pop()
                continue
            entry = self._find_entry(os.fsencode("/".join([*reached, part])))
            if entry is None or entry.kind != EntryKind.SYMLINK:
                reached.append(part)
                continue
            target = os.fsdecode(self._open_file(entry).read())
            links += 1
            if target.startswith("/") or links > _MOST_LINKS:
                raise NotFound(
                    "file", path, hint=f"It is a symlink to {target}, which is not in it."
                )
            waiting += target.split("/")[::-1]
        return "/".join(reached)

    def keeping_files(self) -> StoredTree:
        """Return the same tree, which keeps in memory what is read of it: for small ones."""
        kept: dict[bytes, bytes] = {}

        def open_file(entry: Entry) -> BinaryIO:
            if entry.kind == EntryKind.REFERENCE:
                return self._open_file(entry)
            content = kept.get(entry.digest)
            if content is None:
                with self._open_file(entry) as file:
                    content = kept[entry.digest] = file.read()
            return io.BytesIO(content)

        return StoredTree(self._root, self._get_node, open_file)

    def changes_from(self, older: Tree) -> Iterator[Delta]:
        """Give the paths at which this tree differs from `older`, by path."""
        if not isinstance(older, StoredTree):
            yield from merge_walks(older, self)
            return
        for path, old, new in iter_changes(older.source, self.source):
            yield Delta(
                os.fsdecode(path),
                None if old is None else as_leaf(path, old),
                None if new is None else as_leaf(path, new),
            )

    def _get_entry(self, path: str) -> Entry:
        entry = self._find_entry(os.fsencode(path))
        if entry is None:
            raise self._not_found(path)
        return entry

    def _not_found(self, path: str) -> NotFound:
        """Say what there is instead: a folder, or names that look alike in the same folder."""
        if self.find_folder(path) is not None:
            return NotFound("file", path, hint="It is a folder: name a file in it.")
        folder, slash, name = path.rpartition("/")
        around = self.find_folder(folder)
        if around is None:
            return NotFound("file", path)
        entries = islice(iter_folder(*around.source), _LOOKED_AT)
        names = [os.fsdecode(entry.name) for entry in entries]
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
        return NotFound("file", path, [folder + slash + one for one in near])

    def _find_entry(self, path: bytes) -> Entry | None:
        *folders, name = path.split(b"/")
        digest = self._root
        for part in folders:
            folder = find_entry(self._get_node, digest, part + b"/")
            if folder is None:
                return None
            digest = folder.digest
        return find_entry(self._get_node, digest, name)


def as_leaf(path: bytes, entry: Entry) -> Leaf:
    """Return a file's entry as the measures know it."""
    return Leaf(os.fsdecode(path), Digest(entry.digest.hex()), entry.size, _MODES[entry.kind])


def find_entry(get_node: GetNode, digest: bytes, name: bytes) -> Entry | None:
    """Return the entry of this name (a folder's with its slash) in a folder."""
    while True:
        node = get_node(digest)
        place = bisect_left(node.entries, name, key=lambda entry: entry.name)
        if place == len(node.entries):
            return None
        entry = node.entries[place]
        if node.level == 0:
            return entry if entry.name == name else None
        digest = entry.digest


def iter_folder(get_node: GetNode, digest: bytes) -> Iterator[Entry]:
    """Give the entries of one folder, by name, over all its pages."""
    node = get_node(digest)
    if node.level == 0:
        yield from node.entries
        return
    for page in node.entries:
        yield from iter_folder(get_node, page.digest)


def iter_below(
    get_node: GetNode, path: bytes, digest: bytes, wanted: Wanted | None = None
) -> Iterator[tuple[bytes, Entry]]:
    """Give every entry of a folder and of those in it, with its path, by path."""
    waiting = [(path, iter_folder(get_node, digest))]
    while waiting:
        path, entries = waiting[-1]
        for entry in entries:
            if wanted is not None and not wanted(path + entry.name):
                continue
            yield path + entry.name, entry
            if entry.kind == EntryKind.FOLDER:
                waiting.append((path + entry.name, iter_folder(get_node, entry.digest)))
                break
        else:
            waiting.pop()


def iter_changes(old: tuple[GetNode, bytes], new: tuple[GetNode, bytes]) -> Iterator[Change]:
    """Give the paths at which two trees differ, by path, reading only what differs.

    Args:
        old: how the older tree's nodes are read, and its digest.
        new: the same of the newer one.
    """
    waiting = [(b"", iter(_changes_in_folder(old, new)))]
    while waiting:
        path, changes = waiting[-1]
        change = next(changes, None)
        if change is None:
            waiting.pop()
            continue
        name, before, after = change
        if not name.endswith(b"/"):
            yield Change(path + name, before, after)
        elif before is not None and after is not None:
            below = _changes_in_folder((old[0], before.digest), (new[0], after.digest))
            waiting.append((path + name, iter(below)))
        elif before is not None:
            for below_path, entry in iter_below(old[0], path + name, before.digest):
                if entry.kind != EntryKind.FOLDER:
                    yield Change(below_path, entry, None)
        elif after is not None:
            for below_path, entry in iter_below(new[0], path + name, after.digest):
                if entry.kind != EntryKind.FOLDER:
                    yield Change(below_path, None, entry)


def _changes_in_folder(old: tuple[GetNode, bytes], new: tuple[GetNode, bytes]) -> list[Change]:
    """Compare the entries of one folder.

    Both sides are opened page by page, level by level, and pages that both have are dropped: equal
    pages hold equal entries, and no page occurs twice in a folder.
    """
    get_old, get_new = old[0], new[0]
    old_nodes, new_nodes = [(old[1], get_old(old[1]))], [(new[1], get_new(new[1]))]
    while level := max((node.level for _, node in chain(old_nodes, new_nodes)), default=0):
        old_pages, new_pages = _open_pages(old_nodes, level), _open_pages(new_nodes, level)
        shared = set(old_pages).intersection(new_pages)
        old_nodes = [(page, get_old(page)) for page in old_pages if page not in shared]
        new_nodes = [(page, get_new(page)) for page in new_pages if page not in shared]
    olds = {entry.name: entry for _, node in old_nodes for entry in node.entries}
    news = {entry.name: entry for _, node in new_nodes for entry in node.entries}
    differing = {entry.name for entry in set(olds.values()).symmetric_difference(news.values())}
    return [Change(name, olds.get(name), news.get(name)) for name in sorted(differing)]


def _open_pages(nodes: Sequence[tuple[bytes, TreeNode]], level: int) -> list[bytes]:
    """Replace the pages of this level by the pages in them."""
    return [
        below
        for page, node in nodes
        for below in ((e.digest for e in node.entries) if node.level == level else (page,))
    ]
