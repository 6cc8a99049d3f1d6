"""What goes to remotes and backups, and comes from there."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from omprov._lazy import Later
from omprov.content._opening import open_remote

from ._opened import OpenedStore

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from contextlib import AbstractContextManager

    from omprov.content._backups._manifests import Backup
    from omprov.content._backups._vault import Vault
    from omprov.content._progress import Progress
    from omprov.content._remotes._movers import Moved
    from omprov.content._remotes._remote import Remote, RemoteSettings
    from omprov.records import Digest


if TYPE_CHECKING:
    from omprov.content._backups import _holding, _receiving
    from omprov.content._backups._holding import HeldPacks
    from omprov.content._remotes import _exchange
else:  # what is used now and then, and draws in much: `omprov add` shall not wait for that
    _exchange = Later("._remotes._exchange", "omprov.content")
    _holding = Later("._backups._holding", "omprov.content")
    _receiving = Later("._backups._receiving", "omprov.content")


class Sharing(OpenedStore):
    """What goes to remotes and backups, and comes from there."""

    def remote(self, settings: RemoteSettings) -> Remote:
        """Return a remote of this store, which keeps what it knows of it; close it after use."""
        return open_remote(self.path, settings)

    @property
    def reads_from(self) -> Sequence[RemoteSettings]:
        """The remotes that are read from where the store lacks something."""
        return self._setup.remotes

    def push(
        self,
        remote: Remote,
        roots: Iterable[Digest],
        progress: Progress | None = None,
        *,
        fresh: float = 0.0,
    ) -> Moved:
        """Bring to a remote what it lacks of some trees; make a store there if there is none.

        Several may push to one remote at once. Whoever reads the remote meanwhile never finds a
        tree without all that is in it. Pushing again after an interruption goes on with the rest.

        Args:
            remote: where to.
            roots: digests of trees. Those that are not stored here are passed over.
            progress: told the packs and bytes.
            fresh: so many seconds the remote need not be asked again what it has.

        Raises:
            Damaged: something is missing here, or is not what it was, or does not arrive whole.
            Conflict: other things are at the remote's address.
            SchemaMismatch: a newer release made the remote.
            Unavailable: the remote cannot be reached.
        """
        self._reader.refresh()
        reader = self._reader.without_remotes()
        return _exchange.push(self._local, reader, remote, roots, progress, fresh=fresh)

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
