"""Backing the repository up, and restoring it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.errors import InvalidInput
from omprov.repository import _backups, _restoring
from omprov.repository._door._opened import Opened, path_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from omprov.content import Progress
    from omprov.repository._backups import BackedUp
    from omprov.repository._restoring import Restored


class Backups(Opened):
    """Backing the repository up, and restoring it."""

    def back_up(
        self,
        url: str,
        *,
        options: Mapping[str, str] | None = None,
        keep: int | None = None,
        progress: Progress | None = None,
    ) -> BackedUp:
        """Copy everything to a folder or bucket: catalog, content, settings, workspace.

        The state of one moment, whoever records, reads or collects garbage meanwhile. Only packs
        that are not there yet are sent; the backup counts once all is there. Killed at any moment
        it leaves the earlier backups whole, and what was sent is used by the next one.

        Args:
            url: where to, see `open_bucket`: a place of its own, for this repository alone.
            options: of the bucket.
            keep: remove all backups there but so many of the newest, and what only they need.
            progress: told the packs and bytes.

        Raises:
            InvalidInput: the content is in a bucket that others share.
            Conflict: other things are there.
            Damaged: something is missing or is not what it was, here or on arrival.
            Busy: another process prunes the backups there.
            StorageFull: there is no room, here for the copy of the catalog, or there.
            Unavailable: it cannot be reached.
        """
        if keep is not None and keep < 1:
            raise InvalidInput("keep at least one backup")
        if self._bucket is not None:
            raise InvalidInput(
                "what this repository holds lies in a bucket and a database: back them up with "
                "their own means (versions of the bucket's objects, pg_dump)"
            )
        vault = _backups.open_vault(url, options)
        return _backups.back_up(
            self.path,
            self._catalog,
            self.content,
            vault,
            now=self._clock(),
            keep=keep,
            progress=progress,
        )

    @staticmethod
    def restore(
        url: str,
        folder: Path,
        *,
        options: Mapping[str, str] | None = None,
        at: str | datetime | None = None,
        progress: Progress | None = None,
    ) -> Restored:
        """Make a repository from a backup, in ``folder/.omprov`` (or in `folder`, so named).

        Every byte is verified. The repository is there once all is; calling again after an
        interruption goes on with the rest.

        Args:
            url: where the backups are.
            folder: a new or empty one.
            options: of the bucket.
            at: which backup: the newest that is not later than a time, or the first characters of
                an id; the newest one where left out.
            progress: told the packs and bytes.

        Raises:
            Conflict: there is a repository, or anything else.
            NotFound: there is no such backup.
            SchemaMismatch: a newer release made it.
            Damaged: it is not what it was.
            StorageFull: there is no room.
            Unavailable: it cannot be reached.
        """
        vault = _backups.open_vault(url, options)
        return _restoring.restore(vault, path_in(folder), at=at, progress=progress)
