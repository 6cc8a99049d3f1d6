"""What is got out of a store, and looked at."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from omprov.content._adding._putting import NodeSink
from omprov.content._adding._scan import scan
from omprov.content._checkout._materialize import Checkout, Shelf, materialize
from omprov.content._format._nodes import EntryKind, decode_node
from omprov.content._pack_folder import pack_file
from omprov.content._references._record import Recorder, record_folder
from omprov.content._references._source_guard import refuse_sources
from omprov.content._references._stored_files import StoredFile, drop_copies, is_source
from omprov.content._reliance import packs_settled
from omprov.content._tree import StoredTree, iter_changes
from omprov.errors import NotFound

from ._opened import OpenedStore, tree_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from omprov.content._checkout._place import MaterializeMode
    from omprov.content._format._objects import Key
    from omprov.content._progress import Progress
    from omprov.diff import Delta
    from omprov.records import Digest

    AnyPath = str | os.PathLike[str] | bytes


class Getting(OpenedStore):
    """What is got out of a store, and looked at."""

    def contains(self, digest: Digest) -> bool:
        """Say whether a tree of this digest is stored here, in no remote only."""
        key = tree_key(digest)
        if self._is_there(key):
            return True
        with packs_settled(self.path):  # it may be moved from pack to pack meanwhile
            self._reader.refresh()
            return self._is_there(key)

    def _is_there(self, key: Key) -> bool:
        place = self._index.find(key)
        return place is not None and (self._packs / pack_file(place.pack)).exists()

    def tree(self, digest: Digest) -> StoredTree:
        """Return a tree that is stored here or in a remote; what is read of it is fetched.

        Raises:
            NotFound: there is none of this digest.
            Damaged: it cannot be read.
            Unavailable: it is not stored here, and a remote cannot be asked.
        """
        if not self._reader.has(tree_key(digest)):
            where = "It is in no remote either." if self._remotes else "It may be in a remote."
            raise NotFound("content", digest, hint=where)
        return StoredTree(tree_key(digest).digest, self._reader.get_node, self._reader.open_entry)

    def open_file(self, digest: Digest, path: str) -> BinaryIO:
        """Open the bytes of one file of a tree; seekable, and only what is read is fetched.

        Raises:
            NotFound: there is no such tree, or no such file in it.
            Damaged: its bytes are not what they were.
        """
        return self.tree(digest).open(path)

    def changes_on_disk(
        self, digest: Digest, folder: AnyPath, progress: Progress | None = None
    ) -> Iterator[Delta]:
        """Give what differs on disk (new) from a stored tree (old), by path.

        Raises:
            NotFound: there is no such tree, or no such folder.
            InvalidInput: something in the folder can be no part of a tree.
        """
        tree = self.tree(digest)
        sink = NodeSink()
        if is_source(tree, os.fsencode(folder), self._reader):
            recorder = Recorder(sink, self._index, self._reader, self.sources)
            raw = os.fsencode(folder)
            summary = record_folder(
                raw, recorder, self._stats, hashed=False, progress=progress
            ).summary
        else:
            summary = scan(folder, sink, self._stats, progress=progress)
        on_disk = StoredTree(
            bytes.fromhex(summary.digest),
            lambda node: decode_node(sink.nodes[node]),
            self._reader.open_entry,
        )
        return drop_copies(iter_changes(tree.source, on_disk.source), self._learned)

    def iter_files(self, digest: Digest) -> Iterator[StoredFile]:
        """Give every file and symlink of a tree, by path, with where its bytes are.

        Raises:
            NotFound: there is no such tree.
        """
        for path, entry in self.tree(digest).iter_entries():
            if entry.kind != EntryKind.FOLDER:
                yield StoredFile.of(path, entry, self._reader.elsewhere.find(entry))

    def materialize(
        self,
        digest: Digest,
        path: AnyPath,
        *,
        mode: MaterializeMode = "copy",
        paths: Iterable[str] | None = None,
        current: Digest | None = None,
        force: bool = False,
        progress: Progress | None = None,
    ) -> Checkout:
        """Bring a folder to what a tree holds; files that neither tree knows stay.

        Everything is checked before anything is changed. Each file appears complete, in one step;
        a call that was interrupted, or killed, leaves some files new and some old, and the next one
        goes on from there. Symlinks in the folder are never followed. Much is written by several
        processes at once, each chunk verified as it is read. Nothing is promised for a power cut:
        what was written in the last minute may be gone or incomplete then, as after ``cp``; the
        store has it still, and checking out into a new folder gives it back.

        Args:
            digest: of the tree.
            path: the folder; it is made where it does not exist.
            mode: ``copy``; ``reflink`` (shares blocks where the file system can, else copies);
                ``link`` (hard links to read-only files beside the packs).
            paths: only these files and folders of the tree.
            current: the tree that the folder held before: its files that the new tree lacks go.
            force: overwrite what no version holds.
            progress: told the files and bytes done.

        Raises:
            NotFound: there is no such tree, it has none of `paths`, or data kept by reference is
                gone.
            LocalChanges: something that no version holds would be lost.
            Conflict: `path` is a file, the only copy of data kept by reference would be lost, or
                somebody else changes the folders in it meanwhile.
            Damaged: bytes of a file are not what they were; the message names it.
            SourceChanged: data kept by reference has changed.
            Busy: another process is materializing there.
            StorageFull: there is no room.
            Unavailable: the folder may not be written, or a source or remote cannot be reached.
        """
        return materialize(
            self.tree(digest),
            os.fsencode(path).rstrip(b"/") or b"/",
            Shelf(self.path, self._setup, self._reader, self._stats, self._learned),
            mode=mode,
            protect=lambda folder, paths: refuse_sources(folder, paths, self._index, self._stats),
            current=None if current is None else self.tree(current),
            paths=paths,
            force=force,
            progress=progress,
        )
