"""What comes into a store."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from omprov._lazy import Later
from omprov.content._adding._disk import look
from omprov.content._adding._putting import NullSink
from omprov.content._adding._scan import (
    TreeSummary,
    digest_files,
    scan,
    scan_files,
    scan_selection,
)
from omprov.content._adding._tree_writer import TreeWriter
from omprov.content._adding._writer import ObjectWriter
from omprov.content._losses import last_loss, store_mark
from omprov.content._references._record import (
    Recorder,
    Referenced,
    record_folder,
    record_selection,
)
from omprov.content._remotes._buckets import split_url
from omprov.records import Digest

from ._opened import OpenedStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from omprov.content._progress import Progress

    AnyPath = str | os.PathLike[str] | bytes

if TYPE_CHECKING:
    from omprov.content._references import _bucket_references
else:  # what is used now and then, and draws in much: `omprov add` shall not wait for that
    _bucket_references = Later("._references._bucket_references", "omprov.content")


class Putting(OpenedStore):
    """What comes into a store."""

    def put_tree(self, path: AnyPath, progress: Progress | None = None) -> TreeSummary:
        """Store a folder, or a single file as the only entry of a tree.

        Files that look as they did last time are not read again. `.omprovignore` is obeyed;
        ``.omprov``, ``.git`` and ``.hg`` are always left out. Symlinks are kept as symlinks (only
        `path` itself is followed).

        Args:
            path: what to store.
            progress: told the files and bytes done.

        Raises:
            NotFound: there is nothing at `path`.
            InvalidInput: something in it cannot be stored: a socket, a device, an unreadable file.
            Conflict: a file kept changing while it was read.
            StorageFull: there is no room.
        """
        self._reader.refresh()
        loss = last_loss(self.path)
        with ObjectWriter(self.path, self._index) as writer:
            summary = scan(path, writer, self._stats, progress=progress)
            writer.commit()
        if summary.looks is None:
            return summary
        return replace(summary, looks=(store_mark(self.path, loss), *summary.looks))

    def put_files(self, files: Mapping[str, bytes]) -> TreeSummary:
        """Store a tree given as path → content; parts of a path are joined by ``/``.

        Raises:
            InvalidInput: a path that no file in a folder can have.
            StorageFull: there is no room.
        """
        return self.put_trees([files])[0]

    def put_trees(self, trees: Iterable[Mapping[str, bytes]]) -> list[TreeSummary]:
        """Store several trees, each given as to `put_files`, at the cost of one.

        Raises:
            InvalidInput: a path that no file in a folder can have.
            StorageFull: there is no room.
        """
        self._reader.refresh_if_due()
        with ObjectWriter(self.path, self._index) as writer:
            found = [scan_files(files, writer) for files in trees]
            writer.commit()
        return found

    def put_selection(
        self,
        files: Mapping[str, AnyPath],
        progress: Progress | None = None,
        *,
        by_reference: bool = False,
    ) -> TreeSummary:
        """Store chosen files, wherever they lie on disk, as one tree.

        It is the tree that `put_tree` makes of a folder that holds just these files; so files that
        look as they did last time are not read again. ``.omprovignore`` does not count.

        Args:
            files: path in the tree, with parts joined by ``/``, → path on disk.
            progress: told the files and bytes done.
            by_reference: store where the files lie, and not their bytes.

        Raises:
            InvalidInput: a path that no file in a folder can have, or something that is no file, or
                cannot be read.
            Conflict: a file is gone, or kept changing while it was read.
            StorageFull: there is no room.
        """
        chosen = {os.fsencode(path): os.fsencode(place) for path, place in files.items()}
        self._reader.refresh()
        with ObjectWriter(self.path, self._index) as writer:
            if by_reference:
                recorder = Recorder(writer, self._index, self._reader, self.sources)
                summary = record_selection(chosen, recorder, self._stats, progress)
            else:
                summary = scan_selection(chosen, writer, self._stats, progress)
            writer.commit()
        return summary

    @contextmanager
    def tree_writer(self) -> Iterator[TreeWriter]:
        """Give what stores trees bottom up; whatever is not committed when the block ends is lost.

        Raises:
            StorageFull: there is no room.
        """
        self._reader.refresh_if_due()
        with ObjectWriter(self.path, self._index) as writer:
            yield TreeWriter(writer)

    def put_reference(
        self,
        place: AnyPath,
        *,
        hashed: bool | None = None,
        progress: Progress | None = None,
    ) -> Referenced:
        """Store the tree of data that stays where it is, without its bytes.

        With digests the tree has the digest that it would have with its bytes, and a file whose
        bytes the store holds needs no reference. Without them a file is known by its address, size
        and ETag; of a file on disk, modification time. Symlinks and empty files are stored.

        Folders on disk are walked as by `put_tree`. In a bucket, ``/`` separates folders; marks of
        empty folders, and ``.omprov``, ``.git`` and ``.hg``, are left out.

        Args:
            place: a folder or file, or a URL (``s3://``, ``gs://``, ``az://``, ``file://``).
            hashed: read everything once, for its digest (files that look as they did last time are
                not read again). Left out: disks are read, buckets are not.
            progress: told the files and bytes done.

        Raises:
            NotFound: there is nothing at `place`.
            InvalidInput: something in it cannot be recorded.
            Conflict: a file kept changing while it was read.
            Unavailable: the bucket cannot be reached, or refuses.
            StorageFull: there is no room.
        """
        text = os.fsdecode(place)
        url = split_url(text) if "://" in text else None
        self._reader.refresh()
        with ObjectWriter(self.path, self._index) as writer:
            recorder = Recorder(writer, self._index, self._reader, self.sources)
            if url is None or url.scheme == "file":
                path = os.fsencode(place if url is None else url.path)
                found = record_folder(
                    path, recorder, self._stats, hashed=hashed is not False, progress=progress
                )
            else:
                found = _bucket_references.record_bucket(
                    text,
                    recorder,
                    self.sources,
                    self._learned,
                    self.path / "tmp",
                    hashed=hashed is True,
                    progress=progress,
                )
            writer.commit()
        return found

    def hash_tree(self, path: AnyPath, progress: Progress | None = None) -> TreeSummary:
        """Return what `put_tree` would, without storing anything."""
        return scan(path, NullSink(), self._stats, progress=progress)

    def hash_files(self, paths: Iterable[AnyPath]) -> dict[str, Digest]:
        """Return the digests of regular files on disk, by path, without storing anything.

        Files that look as they did when they were read before are not read again.

        Raises:
            InvalidInput: one is no file, or cannot be read.
            Conflict: one is gone, or kept changing while it was read.
        """
        looks = {path: look(path) for path in map(os.fsencode, paths)}
        found = digest_files(looks, self._stats)
        self._stats.write()
        return {os.fsdecode(path): Digest(entry.digest.hex()) for path, entry in found.items()}
