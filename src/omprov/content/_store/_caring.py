"""What keeps a store small and whole."""

from __future__ import annotations

import time
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

from omprov._lazy import Later
from omprov.content._care._fsck import Damage, check_packs, find_incomplete
from omprov.content._care._rebuild import Rebuilt, rebuild
from omprov.content._pack_folder import index_new_packs
from omprov.content._references._source_checks import SourceLosses, check_sources, count_elsewhere

from ._opened import OpenedStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from omprov.content._progress import Progress
    from omprov.content._remotes._movers import Moved
    from omprov.content._remotes._remote import Remote
    from omprov.records import Digest


if TYPE_CHECKING:
    from omprov.content._care import _broken, _census, _collect, _mending, _usage
    from omprov.content._care._collect import Collected
    from omprov.content._care._mending import Mended
    from omprov.content._care._usage import Usage
    from omprov.content._remotes import _exchange, _remote_check, _remote_mending
    from omprov.content._remotes._remote_check import RemoteCheck
    from omprov.content._remotes._remote_mending import RemoteMended
else:  # what is used now and then, and draws in much: `omprov add` shall not wait for that
    _broken = Later("._care._broken", "omprov.content")
    _census = Later("._care._census", "omprov.content")
    _collect = Later("._care._collect", "omprov.content")
    _exchange = Later("._remotes._exchange", "omprov.content")
    _mending = Later("._care._mending", "omprov.content")
    _remote_check = Later("._remotes._remote_check", "omprov.content")
    _remote_mending = Later("._remotes._remote_mending", "omprov.content")
    _usage = Later("._care._usage", "omprov.content")

GRACE = timedelta(hours=24)
"""So long nobody touches what was put or relied upon, where nothing else is said."""


class Caring(OpenedStore):
    """What keeps a store small and whole."""

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
