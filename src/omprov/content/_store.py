"""The content store: all bytes of a repository, named by digest."""

from __future__ import annotations

import os
import time
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from omprov._lazy import Later
from omprov.errors import AlreadyExists, NotFound
from omprov.records import Digest, parse_digest

from ._adding._putting import NodeSink, NullSink
from ._adding._scan import TreeSummary, scan, scan_files
from ._adding._stats import StatCache
from ._adding._tree_writer import TreeWriter
from ._adding._writer import ObjectWriter
from ._care._fsck import Damage, check_packs, find_incomplete
from ._care._rebuild import Rebuilt, rebuild, rebuild_anew
from ._checkout._materialize import Checkout, Shelf, materialize
from ._durable import disk_errors_told, fsync_folder
from ._format._nodes import EntryKind, decode_node
from ._format._objects import Key, ObjectType
from ._layout import LAYOUT_FILE, check_layout_text, layout_text
from ._opening import open_parts, open_remote
from ._pack_folder import index_new_packs, pack_file, remove_leftovers
from ._references._record import Recorder, Referenced, record_folder
from ._references._source_checks import SourceLosses, check_sources, count_elsewhere
from ._references._source_guard import refuse_sources
from ._references._stored_files import StoredFile, drop_copies, is_source
from ._reliance import packs_settled
from ._remotes._buckets import split_url
from ._remotes._movers import LocalStore, Moved
from ._remotes._remote import RemoteSetup
from ._tree import StoredTree, iter_changes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from types import TracebackType

    from omprov.diff import Delta

    from ._backups._manifests import Backup
    from ._backups._vault import Vault
    from ._checkout._place import MaterializeMode
    from ._progress import Progress
    from ._remotes._remote import Remote, RemoteSettings

    AnyPath = str | os.PathLike[str] | bytes

if TYPE_CHECKING:
    from ._backups import _holding, _receiving
    from ._backups._holding import HeldPacks
    from ._care import _broken, _census, _collect, _mending, _usage
    from ._care._collect import Collected
    from ._care._mending import Mended
    from ._care._usage import Usage
    from ._references import _bucket_references
    from ._remotes import _exchange, _remote_check, _remote_mending
    from ._remotes._remote_check import RemoteCheck
    from ._remotes._remote_mending import RemoteMended
else:  # what is used now and then, and draws in much: `omprov add` shall not wait for that
    _broken = Later("._care._broken", __package__)
    _bucket_references = Later("._references._bucket_references", __package__)
    _census = Later("._care._census", __package__)
    _collect = Later("._care._collect", __package__)
    _exchange = Later("._remotes._exchange", __package__)
    _holding = Later("._backups._holding", __package__)
    _mending = Later("._care._mending", __package__)
    _receiving = Later("._backups._receiving", __package__)
    _remote_check = Later("._remotes._remote_check", __package__)
    _remote_mending = Later("._remotes._remote_mending", __package__)
    _usage = Later("._care._usage", __package__)

GRACE = timedelta(hours=24)
"""So long nobody touches what was put or relied upon, where nothing else is said."""
_UNFINISHED_LAYOUT = "layout.new"


class ContentStore:
    """A folder that holds all bytes of a repository. Its layout is `docs/format.md`.

    **Atomic and durable.** What a ``put_…`` method returned is on the disk; what was being put when
    the process died is not there, and does no harm. The store always opens without repair.

    **Threads and processes.** Every method may be called from several threads, and several
    processes may use, and write to, one store at once.

    **Idempotent.** Content is stored once, however often it is put.
    """

    def __init__(self, folder: Path, setup: RemoteSetup | None = None) -> None:
        """Use `create` or `open`."""
        self.path = folder
        self._setup = setup or RemoteSetup()
        self._opened = open_parts(folder, self._setup)
        self._packs = self._opened.packs
        self._index = self._opened.index
        self._learned = self._opened.learned
        self._remotes = self._opened.remotes
        self._reader = self._opened.reader(self._remotes)
        self._stats = StatCache(folder / "stats.sqlite")
        self._local = LocalStore(folder, self._index)
        self.cache = self._opened.cache
        self.sources = self._opened.sources

    @classmethod
    def create(cls, path: AnyPath) -> Self:
        """Make a new store in a folder that is empty or does not exist yet.

        What an interrupted call left behind is completed.

        Raises:
            AlreadyExists: something is in the folder.
            StorageFull: there is no room.
        """
        folder = Path(os.fsdecode(path))
        with disk_errors_told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if not _is_unused(folder):
                raise AlreadyExists("folder", folder, "A content store is made in an empty one.")
            (folder / "packs").mkdir(exist_ok=True)
            (folder / "tmp").mkdir(exist_ok=True)
            _write_layout(folder)
        return cls(folder)

    @classmethod
    def open(cls, path: AnyPath, setup: RemoteSetup | None = None) -> Self:
        """Open a store.

        Args:
            path: its folder.
            setup: the remotes that are read from where the store lacks something.

        Raises:
            NotFound: there is none.
            SchemaMismatch: a newer release made it.
            Damaged: what says its layout cannot be read.
        """
        folder = Path(os.fsdecode(path))
        _check_layout(folder)
        remove_leftovers(folder)
        return cls(folder, setup)

    def close(self) -> None:
        """Let go of files; nothing is lost without it."""
        self._reader.close()
        for remote in self._remotes:
            remote.close()
        self.cache.close()
        self._index.close()
        self._stats.close()
        self._learned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # -- putting
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
        with ObjectWriter(self.path, self._index) as writer:
            summary = scan(path, writer, self._stats, progress=progress)
            writer.commit()
        return summary

    def put_files(self, files: Mapping[str, bytes]) -> TreeSummary:
        """Store a tree given as path → content; parts of a path are joined by ``/``.

        Raises:
            InvalidInput: a path that no file in a folder can have.
            StorageFull: there is no room.
        """
        self._reader.refresh()
        with ObjectWriter(self.path, self._index) as writer:
            summary = scan_files(files, writer)
            writer.commit()
        return summary

    @contextmanager
    def tree_writer(self) -> Iterator[TreeWriter]:
        """Give what stores trees bottom up; whatever is not committed when the block ends is lost.

        Raises:
            StorageFull: there is no room.
        """
        self._reader.refresh()
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

    # -- reading
    def contains(self, digest: Digest) -> bool:
        """Say whether a tree of this digest is stored here, in no remote only."""
        key = _tree_key(digest)
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
        if not self._reader.has(_tree_key(digest)):
            where = "It is in no remote either." if self._remotes else "It may be in a remote."
            raise NotFound("content", digest, hint=where)
        return StoredTree(_tree_key(digest).digest, self._reader.get_node, self._reader.open_entry)

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

    # -- remotes
    def remote(self, settings: RemoteSettings) -> Remote:
        """Return a remote of this store, which keeps what it knows of it; close it after use."""
        return open_remote(self.path, settings)

    def push(
        self, remote: Remote, roots: Iterable[Digest], progress: Progress | None = None
    ) -> Moved:
        """Bring to a remote what it lacks of some trees; make a store there if there is none.

        Several may push to one remote at once. Whoever reads the remote meanwhile never finds a
        tree without all that is in it. Pushing again after an interruption goes on with the rest.

        Args:
            remote: where to.
            roots: digests of trees. Those that are not stored here are passed over.
            progress: told the packs and bytes.

        Raises:
            Damaged: something is missing here, or is not what it was, or does not arrive whole.
            Conflict: other things are at the remote's address.
            SchemaMismatch: a newer release made the remote.
            Unavailable: the remote cannot be reached.
        """
        self._reader.refresh()
        return _exchange.push(self._local, self._reader.without_remotes(), remote, roots, progress)

    def pull(
        self, remote: Remote, roots: Iterable[Digest], progress: Progress | None = None
    ) -> Moved:
        """Bring here what is lacking of some trees from a remote.

        Each pack, and each object that is taken out of one, is verified before it counts as stored.
        Pulling again after an interruption goes on with the rest.

        Args:
            remote: where from.
            roots: digests of trees. Those that the remote does not have are passed over.
            progress: told the packs and bytes.

        Raises:
            NotFound: there is no store at the remote's address.
            Damaged: something is missing in the remote, or is not what it was.
            SchemaMismatch: a newer release made the remote.
            StorageFull: there is no room.
            Unavailable: the remote cannot be reached.
        """
        self._reader.refresh()
        with closing(self._opened.reader([remote])) as reader:
            return _exchange.pull(self._local, reader, remote, roots, progress)

    # -- backups
    def held(
        self, roots: Callable[[], Iterable[Digest]], preferred: Collection[str] = ()
    ) -> AbstractContextManager[HeldPacks]:
        """Keep the packs that some trees need where they are, until the block ends.

        **Safe beside readers, writers and collectors**: they go on, and who collects passes these
        packs over.

        Args:
            roots: gives the digests of the trees; called once, while nobody collects garbage. What
                it names has to be stored by then, and those that are not are passed over.
            preferred: names of packs: of copies of an object, the one in such a pack counts.

        Raises:
            Damaged: something that the trees name is missing or cannot be read.
        """
        return _holding.held_packs(self.path, self._index, roots, preferred)

    def receive(
        self, vault: Vault, backup: Backup, progress: Progress | None = None
    ) -> tuple[int, int]:
        """Fetch the packs of a backup that are lacking, verified, so that the store has no others.

        Only for a store that nobody uses yet. Receiving again after an interruption goes on.

        Returns:
            How many packs were fetched, and their bytes.

        Raises:
            Damaged: a pack is damaged in the vault, or gone from it.
            StorageFull: there is no room.
            Unavailable: the vault cannot be reached.
        """
        sizes = vault.packs()
        return _receiving.receive_packs(
            vault.bucket, sizes, backup.packs, self.path, self._index, progress=progress
        )

    # -- looking after
    def size(self) -> int:
        """Return the bytes of all packs."""
        return sum(pack.size for pack in _census.look_at_packs(self._packs))

    def collect(
        self,
        roots: Callable[[], Iterable[Digest]],
        *,
        grace: timedelta = GRACE,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Collected:
        """Free the space of what no root reaches; merge small packs.

        **Safe beside readers and writers**, in this process and others: what was put, or found
        stored by a ``put_…``, is kept for the grace period, and longer while that call is at work.
        Killed at any moment it leaves a store that is whole.

        Args:
            roots: gives the digests of the trees to keep. Called once or a few times, at once; what
                is named later has to be put (again) within the grace period before.
            grace: how long what was put stays without being named.
            dry_run: change nothing, and say what would be done.
            progress: told the packs and bytes dealt with.

        Raises:
            Busy: another process collects.
            Damaged: something cannot be read, so nobody knows what it reaches; nothing was changed.
            StorageFull: there is no room for a new pack; the store holds what it held.
        """
        done = _collect.collect(
            self.path,
            self._index,
            roots,
            grace=grace,
            dry_run=dry_run,
            now=time.time_ns(),
            progress=progress,
        )
        self._reader.close()  # an open pack keeps its space though it has no name
        return done

    def usage(self, contents: Mapping[str, Iterable[Digest]]) -> Usage:
        """Say what contents take up, and how they share it.

        Args:
            contents: digests of trees, by the name of the group that they belong to.

        Raises:
            Damaged: something cannot be read.
        """
        return _usage.measure_usage(self.path, contents)

    def fsck(self, progress: Progress | None = None, *, full: bool = True) -> list[Damage]:
        """Verify the packs; return what is wrong, empty when all is well.

        Args:
            progress: told the packs and bytes done.
            full: verify every byte; else only that packs are there with their footers intact.
        """
        index_new_packs(self._packs, self._index)
        return list(check_packs(self.path, self._index, full=full, progress=progress))

    def check_reachable(
        self, roots: Iterable[Digest], damages: Iterable[Damage] = ()
    ) -> dict[Digest, str]:
        """Return those of `roots` of which something is missing, with the first thing missing.

        Args:
            roots: digests of trees.
            damages: what `fsck` found: these objects count as missing unless another pack has them.
        """
        bad = {key for damage in damages for key in damage.keys}
        self._reader.refresh()
        with closing(self._reader.without_remotes()) as here:
            return find_incomplete(roots, here, self._index, bad)

    def count_elsewhere(self, roots: Iterable[Digest]) -> int:
        """Return how many files of these trees are kept by reference; shared folders count once."""
        self._reader.refresh()
        return count_elsewhere(roots, self._reader, self._index)

    def check_sources(
        self, roots: Iterable[Digest], *, read: bool = False, progress: Progress | None = None
    ) -> dict[Digest, SourceLosses]:
        """Look whether what is kept by reference is still there, and still what it was.

        Args:
            roots: digests of trees.
            read: read every file of known digest; else look at sizes and ETags only.
            progress: told the files and bytes done.

        Returns:
            Those of `roots` that lost something, with what.
        """
        self._reader.refresh()
        return check_sources(
            roots, self._reader, self._index, self.sources, read=read, progress=progress
        )

    def forget_damaged(self, damages: Iterable[Damage]) -> None:
        """Let damaged objects count as missing, so that putting their content stores it anew.

        Args:
            damages: what `fsck` found. The packs stay as they are.
        """
        for damage in damages:
            self._index.forget(damage.pack, damage.keys)

    def mend(self, damages: Iterable[Damage]) -> list[Mended]:
        """Put what is whole of damaged packs into new ones; move those packs aside.

        Nothing is deleted: they lie in the folder ``damaged`` then. What is nowhere whole counts as
        missing, so that putting its content stores it anew, and `bring_back` fetches it. **Safe
        beside readers and writers.** Mending again after an interruption goes on.

        Args:
            damages: what `fsck` found.

        Raises:
            Busy: another process mends, or collects garbage.
            StorageFull: there is no room for a new pack; the damaged ones are where they were.
        """
        done = _mending.mend_packs(self.path, self._index, damages)
        self._reader.close()
        return done

    def distrust(self, roots: Iterable[Digest]) -> None:
        """Let nobody who puts content rely on what is incomplete.

        Args:
            roots: digests of trees that `check_reachable` named. Putting their content again then
                reads and stores all of it that is missing.

        Raises:
            Busy: another process mends, or collects garbage.
        """
        _broken.condemn_broken(self.path, self._reader.without_remotes(), self._index, roots)

    def bring_back(
        self, remote: Remote, roots: Iterable[Digest], progress: Progress | None = None
    ) -> Moved:
        """Bring here what is lacking of some trees, as far as a remote has it; see `pull`.

        Args:
            remote: where from.
            roots: digests of trees that `check_reachable` named.
            progress: told the packs and bytes.
        """
        with closing(self._opened.reader([remote])) as reader:
            return _exchange.bring_back(self._local, reader, remote, roots, progress)

    def check_remote(
        self,
        remote: Remote,
        roots: Iterable[Digest],
        progress: Progress | None = None,
        *,
        full: bool = True,
        earlier: Iterable[Damage] = (),
    ) -> RemoteCheck:
        """Verify the packs in a remote, and that all is there of the trees that it has.

        Args:
            remote: which; backups are a remote, too.
            roots: digests of trees.
            progress: told the packs and bytes done.
            full: read every byte; else only the list of packs and their footers.
            earlier: damages that were found before: what they held was there once.

        Raises:
            NotFound: there is no store.
            Unavailable: it cannot be reached.
        """
        with closing(self._opened.reader([remote])) as reader:
            return _remote_check.check_remote(
                remote,
                reader,
                roots,
                self.path,
                full=full,
                earlier=earlier,
                progress=progress,
            )

    def mend_remote(
        self,
        remote: Remote,
        found: RemoteCheck,
        roots: Iterable[Digest],
        progress: Progress | None = None,
    ) -> RemoteMended:
        """Send to a remote what it has lost and this store has.

        A damaged pack that is here is sent again. Else what is whole in it, or here, goes into new
        packs, and it is moved aside, to ``damaged/`` in the remote.

        Args:
            remote: which.
            found: what `check_remote` found.
            roots: the trees that it was told.
            progress: told the packs and bytes sent.

        Raises:
            Damaged: something does not arrive whole.
            Unavailable: the remote cannot be reached.
        """
        reader = self._reader.without_remotes()
        done = _remote_mending.mend_remote(
            self._local,
            reader,
            remote,
            found.damages,
            is_vault=found.is_vault,
            progress=progress,
        )
        if not found.is_vault:
            with closing(self._opened.reader([remote])) as through:
                hit, _ = _remote_check.hit_trees(remote, through, roots, found.damages)
            _exchange.send_back(self._local, reader, remote, hit, progress)
        return done

    def rebuild_index(self, progress: Progress | None = None) -> Rebuilt:
        """Make the chunk index again from the footers of the packs."""
        return rebuild(self._packs, self._index, progress)


def rebuild_index(path: AnyPath, progress: Progress | None = None) -> Rebuilt:
    """Make the chunk index of a store again, also where the store does not open for its sake.

    Raises:
        NotFound: there is no store.
        SchemaMismatch: a newer release made it, or one of its packs.
        Unavailable: nothing can be written there.
    """
    folder = Path(os.fsdecode(path))
    _check_layout(folder)
    return rebuild_anew(folder, progress)


def _is_unused(folder: Path) -> bool:
    """Say whether nothing is in a folder but what making a store there left when interrupted."""
    present = {path.name: path for path in folder.iterdir()}
    present.pop(_UNFINISHED_LAYOUT, None)
    return all(
        name in {"packs", "tmp"} and path.is_dir() and not any(path.iterdir())
        for name, path in present.items()
    )


def _write_layout(folder: Path) -> None:
    """Write what makes the folder a store, last of all and in one step."""
    unfinished = folder / _UNFINISHED_LAYOUT
    with unfinished.open("w", encoding="ascii") as file:
        file.write(layout_text())
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(folder / LAYOUT_FILE)
    fsync_folder(folder)


def _check_layout(folder: Path) -> None:
    try:
        text = (folder / LAYOUT_FILE).read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound("content store", folder) from error
    check_layout_text(text, folder)


def _tree_key(digest: Digest) -> Key:
    return Key(ObjectType.TREE, bytes.fromhex(parse_digest(digest)))
