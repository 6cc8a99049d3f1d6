"""Backing a repository up to a vault: catalog and content as they were at one moment."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC
from importlib.metadata import version
from typing import TYPE_CHECKING

from omprov.catalog import SCHEMA, open_catalog
from omprov.content import (
    Backup,
    Vault,
    complete,
    open_bucket,
    prune,
    send_catalog,
    send_held,
    sending_to,
)
from omprov.errors import Damaged

from ._collecting import kept_digests
from ._layout import CATALOG, CONFIG, WORKSPACE
from ._scratch import scratch_folder
from ._workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from omprov.catalog import Catalog
    from omprov.content import ContentStore, Progress, Pruned, Sent
    from omprov.records import Digest


@dataclass(frozen=True, slots=True)
class BackedUp:
    """What a backup did.

    Attributes:
        backup: what was made.
        url: where it lies.
        sent: which packs were sent, and which were there.
        pruned: what was removed; ``None`` where nobody asked for it.
    """

    backup: Backup
    url: str
    sent: Sent
    pruned: Pruned | None


@dataclass(frozen=True, slots=True)
class ListedBackup:
    """A backup in a list.

    Attributes:
        id: its name.
        backup: what it consists of; ``None`` where its manifest is damaged.
        problem: what is the matter with it, else empty.
    """

    id: str
    backup: Backup | None
    problem: str = ""


def open_vault(url: str, options: Mapping[str, str] | None = None) -> Vault:
    """Return the vault at an address; see `open_bucket`."""
    return Vault(open_bucket(url, options=options))


def list_backups(url: str, *, options: Mapping[str, str] | None = None) -> list[ListedBackup]:
    """Return the backups at an address, newest first; none where there are none yet.

    Raises:
        InvalidInput: it is no such address.
        Unavailable: it cannot be reached.
    """
    vault = open_vault(url, options)
    if vault.owner() is None:
        return []
    return [
        ListedBackup(name, None, str(found))
        if isinstance(found, Damaged)
        else ListedBackup(name, found)
        for name, found in vault.list()
    ]


def back_up(
    path: Path,
    catalog: Catalog,
    content: ContentStore,
    vault: Vault,
    *,
    now: datetime,
    keep: int | None,
    progress: Progress | None,
) -> BackedUp:
    """Back a repository up; see `Repository.back_up`."""
    with catalog.read() as reader:
        owner = min(project.id for project in reader.list_projects())
    vault.make(owner)
    with sending_to(vault) as renew, scratch_folder(path) as scratch:
        snapshot = _Snapshot(path, catalog, scratch)
        with content.held(snapshot.take, vault.packs()) as held:
            sent = send_held(vault, held, content.path, renew, progress)
            backup = Backup(
                id=f"{now.astimezone(UTC):%Y%m%dT%H%M%S.%f}Z-{secrets.token_hex(4)}",
                time=now,
                repository=owner,
                release=version("omprov"),
                schema=SCHEMA,
                catalog=send_catalog(vault, snapshot.database),
                packs=tuple(sorted(held.sizes)),
                size=sum(held.sizes.values()),
                versions=snapshot.versions,
                absent=held.absent,
                files=snapshot.files,
            )
            complete(vault, backup, lambda: send_held(vault, held, content.path, renew, None))
    pruned = None if keep is None else prune(vault, keep)
    return BackedUp(backup, vault.url, sent, pruned)


class _Snapshot:
    """The database and the small files of a repository, as they are when it is taken."""

    def __init__(self, path: Path, catalog: Catalog, scratch: Path) -> None:
        self._path = path
        self._catalog = catalog
        self._scratch = scratch
        self.database = scratch / CATALOG
        self.files: dict[str, str] = {}
        self.versions = 0

    def take(self) -> set[Digest]:
        """Copy everything; return the contents that have to be in the backup."""
        self._catalog.copy_to(self.database)
        for name in (CONFIG, WORKSPACE):
            if (self._path / name).exists():
                raw = (self._path / name).read_bytes()
                (self._scratch / name).write_bytes(raw)
                self.files[name] = raw.decode("utf-8", "surrogateescape")
        copy = open_catalog(self.database)
        try:
            with copy.read() as reader:
                self.versions = sum(1 for _ in reader.contents())
                return kept_digests(reader, Workspace(self._path, self._scratch / WORKSPACE))
        finally:
            copy.close()
