"""A vault: a bucket that holds backups of one repository. They share its packs.

Backing up and pruning keep out of each other's way by marks in the vault: each writes its own, then
looks for the other's. `docs/design/content-store.md`, "Backups", has the argument.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager, suppress
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING

from omprov.content._layout import LAYOUT_FILE, layout_text
from omprov.content._pack_folder import pack_file
from omprov.content._remotes._remote import PACKS, VAULT_FILE, in_parallel
from omprov.errors import Conflict, Damaged, InvalidInput, NotFound, SchemaMismatch, Unavailable

from ._manifests import Backup, decode_manifest, encode_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from omprov.content._remotes._buckets import Blob, Bucket

LAYOUT = 1
BACKUPS, CATALOGS = "backups", "catalogs"
AT_WORK, PRUNING = "at-work", "pruning"
STALE = timedelta(hours=24)
"""A mark that was not renewed for so long is a dead process's; younger things are not pruned."""
_RENEWED = 600.0
"""Seconds after which a mark is written again."""
_TEXT = "omprov backups, layout "
_OF = ", of repository "
_SUFFIX = pack_file("")
_READ_AT_ONCE = 8


class Vault:
    """A bucket with backups. Safe to use from several threads and processes."""

    def __init__(self, bucket: Bucket) -> None:
        self.bucket = bucket

    @property
    def url(self) -> str:
        """Where it is."""
        return self.bucket.url

    def owner(self) -> str | None:
        """Return what the repository is known by whose backups are here; ``None``: no vault.

        Raises:
            SchemaMismatch: a newer release made it.
            Damaged: what says so cannot be read.
            Unavailable: the bucket cannot be reached.
        """
        try:
            text = self.bucket.read(VAULT_FILE).decode("ascii", "replace")
        except NotFound:
            return None
        number, of, owner = text.strip().removeprefix(_TEXT).partition(_OF)
        if not (text.startswith(_TEXT) and of and number.isascii() and number.isdecimal()):
            raise Damaged(f"{self.url}: {VAULT_FILE} does not say what backups these are")
        if int(number) > LAYOUT:
            raise SchemaMismatch(
                f"the backups in {self.url} have layout {number}; this release knows up to "
                f"{LAYOUT}. Upgrade omprov."
            )
        return owner

    def make(self, repository: str) -> None:
        """Make it a vault of this repository, unless it is one.

        Raises:
            Conflict: other things are there, or backups of another repository.
        """
        if self.owner() is None:
            for blob in self.bucket.list():
                raise Conflict(
                    f"{self.url} holds other things ({blob.name}) and no backups: take an empty "
                    "folder, or another prefix"
                )
            text = f"{_TEXT}{LAYOUT}{_OF}{repository}\n"
            self.bucket.write(VAULT_FILE, text.encode("ascii"))
        if self.owner() != repository:
            raise Conflict(
                f"{self.url} holds the backups of another repository: take an empty folder, or "
                "another prefix"
            )
        with suppress(NotFound):
            self.bucket.look(LAYOUT_FILE)
            return
        self.bucket.write(LAYOUT_FILE, layout_text().encode("ascii"))

    def packs(self) -> dict[str, int]:
        """Return the packs that are there, with their bytes."""
        blobs = ((blob.name.removeprefix(f"{PACKS}/"), blob.size) for blob in self._packs())
        return {name.removesuffix(_SUFFIX): size for name, size in blobs if name.endswith(_SUFFIX)}

    def _packs(self) -> Iterator[Blob]:
        return self.bucket.list(PACKS)

    def ids(self) -> list[str]:
        """Return the ids of the backups, newest first."""
        return sorted(b.name.removeprefix(f"{BACKUPS}/") for b in self.bucket.list(BACKUPS))[::-1]

    def read(self, id: str) -> Backup:
        """Return a backup.

        Raises:
            NotFound: there is none.
            Damaged: its manifest is not what was written.
        """
        try:
            raw = self.bucket.read(f"{BACKUPS}/{id}")
        except NotFound as error:
            raise NotFound("backup", id, self.ids()[:3]) from error
        return decode_manifest(raw, f"{self.url}/{BACKUPS}/{id}")

    def list(self) -> list[tuple[str, Backup | Damaged]]:
        """Return the backups, newest first; of a damaged one, what is the matter with it."""

        def read(id: str) -> tuple[str, Backup | Damaged | None]:
            try:
                return id, self.read(id)
            except Damaged as error:
                return id, error
            except NotFound:  # pruned meanwhile
                return id, None

        found = list(in_parallel(read, self.ids(), _READ_AT_ONCE))
        return [(name, backup) for name, backup in found if backup is not None]

    def write(self, backup: Backup) -> None:
        """Write a manifest: from then on the backup is there.

        Raises:
            Damaged: it does not arrive as it was sent.
        """
        name, raw = f"{BACKUPS}/{backup.id}", encode_manifest(backup)
        self.bucket.write(name, raw)
        if self.bucket.read(name) != raw:
            self.bucket.delete(name)
            raise Damaged(f"{name} does not arrive whole at {self.url}")

    def find(self, at: str | datetime | None) -> Backup:
        """Return the newest backup; of a time, the newest that is not later; of an id, that one.

        Args:
            at: a time, or the first characters of an id.

        Raises:
            NotFound: there is none.
            InvalidInput: several ids begin so.
            Damaged: its manifest is not what was written.
        """
        if self.owner() is None:
            raise NotFound("backup", self.url, hint="`omprov backup` makes one.")
        ids = self.ids()
        if isinstance(at, str):
            found = [name for name in ids if name.startswith(at)]
            if len(found) > 1 and at not in found:
                raise InvalidInput(f"{at!r} is ambiguous: it may be {' or '.join(found[:3])}")
            return self.read(at if at in found else found[0] if found else at)
        for name in ids:
            backup = self.read(name)
            if at is None or backup.time <= at:
                return backup
        if at is None:
            raise NotFound("backup", self.url, hint="None was ever completed there.")
        raise NotFound("backup", at.isoformat(), hint=f"The oldest in {self.url} is later.")

    # -- marks
    @contextmanager
    def marked(self, kind: str) -> Iterator[Callable[[], None]]:
        """Say in the vault that a process is at work; give what is to be called now and then."""
        name = f"{kind}/{secrets.token_hex(8)}"
        written = monotonic()
        self.bucket.write(name, b"")

        def renew() -> None:
            nonlocal written
            if monotonic() - written > _RENEWED:
                written = monotonic()
                self.bucket.write(name, b"")

        try:
            yield renew
        finally:
            with suppress(Unavailable):
                self.bucket.delete(name)

    def is_marked(self, kind: str, now: datetime) -> bool:
        """Say whether somebody is at work; marks of the dead are removed.

        Args:
            kind: which work.
            now: by the bucket's clock.
        """
        found = False
        for blob in list(self.bucket.list(kind)):
            if blob.modified > now - STALE:
                found = True
            else:
                self.bucket.delete(blob.name)
        return found

    def now(self) -> datetime:
        """Return the time by the bucket's clock."""
        name = f"clock/{secrets.token_hex(8)}"
        try:
            return self.bucket.write(name, b"").modified
        finally:
            with suppress(Unavailable):
                self.bucket.delete(name)
