"""What goes to other stores over a wire, and comes from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import Later
from omprov.content._format._nodes import EntryKind
from omprov.content._references._stored_files import StoredFile
from omprov.content._tree import StoredTree
from omprov.errors import NotFound

from ._opened import OpenedStore, tree_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from omprov.content._format._objects import Key
    from omprov.content._parcels import _bringing, _lazy_objects, _receiving, _sending
    from omprov.content._parcels._bringing import Fetch
    from omprov.content._parcels._lazy_objects import LazyObjects
    from omprov.content._parcels._receiving import Reachable
    from omprov.content._parcels._sending import Ask, Put
    from omprov.content._progress import Progress
    from omprov.content._reading import ObjectReader
    from omprov.records import Digest
else:  # for servers and who works with one: `omprov add` shall not wait for that
    _bringing = Later("._parcels._bringing", "omprov.content")
    _lazy_objects = Later("._parcels._lazy_objects", "omprov.content")
    _receiving = Later("._parcels._receiving", "omprov.content")
    _sending = Later("._parcels._sending", "omprov.content")


class Parcels(OpenedStore):
    """What goes to other stores over a wire, and comes from there; `docs/design/client.md`."""

    def send(self, root: Digest, ask: Ask, put: Put, progress: Progress | None = None) -> int:
        """Bring to another store what it lacks of a tree that is stored here.

        Nothing is sent before what it names, so whatever arrived stays of use when the connection
        breaks: sending again goes on with the rest. Of what has not changed nothing is asked but
        the folders that lead to what has.

        Args:
            root: digest of the tree.
            ask: says which of some objects the other store lacks.
            put: brings a parcel there, by name and bytes; it counts once this returns.
            progress: told the parcels and bytes.

        Returns:
            How many bytes were sent.

        Raises:
            InvalidInput: something in it is kept by reference.
            Damaged: something is missing here, or is not what it was.
        """
        self._reader.refresh()
        return _sending.send_tree(self._reader, root, ask, put, progress)

    def bring(self, root: Digest, fetch: Fetch, progress: Progress | None = None) -> None:
        """Store what is lacking here of a tree that another store has.

        Each object is verified before it counts as stored. Bringing again after an interruption
        goes on with the rest.

        Args:
            root: digest of the tree.
            fetch: gives a parcel with the first of some objects, as many as go into it.
            progress: told the bytes.

        Raises:
            NotFound: the other store does not have it.
            Damaged: what comes is not what was asked for.
            StorageFull: there is no room.
        """
        self._reader.refresh()
        _bringing.bring_tree(self.path, self._index, root, fetch, progress)

    def tree_elsewhere(self, root: Digest, fetch: Fetch) -> StoredTree:
        """Return a tree that another store has; what is read of it is fetched, and not stored.

        Raises:
            NotFound: the other store does not have it.
        """
        reader = self._reader_elsewhere(root, fetch)
        return StoredTree(tree_key(root).digest, reader.get_node, reader.open_entry)

    def iter_files_elsewhere(self, root: Digest, fetch: Fetch) -> Iterator[StoredFile]:
        """Give every file and symlink of a tree that another store has; see `iter_files`.

        Raises:
            NotFound: the other store does not have it.
        """
        reader = self._reader_elsewhere(root, fetch)
        tree = StoredTree(tree_key(root).digest, reader.get_node, reader.open_entry)
        for path, entry in tree.iter_entries():
            if entry.kind != EntryKind.FOLDER:
                yield StoredFile.of(path, entry, reader.elsewhere.find(entry))

    def _reader_elsewhere(self, root: Digest, fetch: Fetch) -> ObjectReader:
        objects: LazyObjects = _lazy_objects.LazyObjects(fetch)
        if not objects.has(tree_key(root)):
            raise NotFound("content", root, hint="The server does not have it.")
        return self._opened.reader_from(objects)

    def lacking(self, keys: Iterable[Key]) -> set[Key]:
        """Return those of some objects that are not stored; the others stay for the grace period.

        Whatever is stored is so with all that it names.
        """
        self._reader.refresh()
        return _receiving.lacking(self.path, self._index, keys)

    def take_in(self, name: str, data: bytes) -> int:
        """Store the objects of a parcel that somebody sent; durable when this returns.

        Returns:
            How many were new.

        Raises:
            InvalidInput: it is no parcel, not what its name says, holds addresses instead of bytes,
                or names that no version may hold.
            Damaged: an object in it is not what its digest says.
            Conflict: it names what is neither in it nor stored here; nothing was stored.
            StorageFull: there is no room; nothing was stored.
        """
        return _receiving.take_in(self.path, self._index, name, data)

    def parcel_of(self, keys: Sequence[Key]) -> bytes:
        """Return a parcel with the first of some objects, as many as go into it.

        A small file that is kept by reference stands for its chunk. What is not there is left out.
        """
        return _receiving.parcel_of(self._reader, keys)

    def reachable(self, root: Digest) -> Reachable:
        """Return which objects a tree needs; reads all its folders.

        Raises:
            Damaged: one cannot be read.
        """
        return _receiving.Reachable(self._reader, root)
