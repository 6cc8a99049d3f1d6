"""Sends backups to a vault, and prunes it.

A backup is there once its manifest is, which is written last: whatever an interrupted one sent is
used by the next one.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import zstandard
from blake3 import blake3

from omprov.content._durable import disk_errors_told
from omprov.content._pack_folder import pack_file
from omprov.content._progress import Expected
from omprov.content._remotes._remote import pack_name
from omprov.content._remotes._transfer import send_file, send_packs
from omprov.errors import Busy, Damaged, NotFound

from ._manifests import StoredCatalog
from ._vault import AT_WORK, BACKUPS, CATALOGS, PRUNING, STALE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from omprov.content._progress import Progress

    from ._holding import HeldPacks
    from ._manifests import Backup
    from ._vault import Vault

    Renew = Callable[[], None]

_BLOCK = 1 << 20
_LEVEL = 3
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent of a backup's packs, and what was there already."""

    packs: int
    bytes: int
    present: int
    present_bytes: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """What pruning removed.

    Attributes:
        backups: ids of the backups that are gone.
        packs: how many packs are gone with them.
        bytes: of these packs.
        postponed: packs that no backup needs stay for now, because a backup is being made.
    """

    backups: tuple[str, ...] = ()
    packs: int = 0
    bytes: int = 0
    postponed: bool = False


@contextmanager
def sending_to(vault: Vault) -> Iterator[Renew]:
    """Keep what is in a vault from being pruned; give what is to be called now and then.

    Raises:
        Busy: another process prunes it.
    """
    with vault.marked(AT_WORK) as renew:
        if vault.is_marked(PRUNING, vault.now()):
            raise Busy(f"another process prunes the backups in {vault.url}; let it finish")
        yield renew


def send_held(
    vault: Vault, held: HeldPacks, store: Path, renew: Renew, progress: Progress | None
) -> Sent:
    """Send the packs that are not in a vault, or not with their size.

    Raises:
        Damaged: a pack here is not what its name says, or does not arrive whole.
        Unavailable: the bucket cannot be reached.
    """
    there = vault.packs()
    lacking = [name for name, size in held.sizes.items() if there.get(name) != size]
    size = sum(held.sizes[name] for name in lacking)
    if progress is not None:
        progress(Expected(len(lacking), size))
    files = ((name, store / "packs" / pack_file(name)) for name in lacking)
    try:
        for _ in send_packs(vault.bucket, files, progress):
            renew()
    except FileNotFoundError as error:
        raise Damaged("a pack went while it was to be sent: run `omprov fsck`") from error
    whole = sum(held.sizes.values())
    return Sent(len(lacking), size, len(held.sizes) - len(lacking), whole - size)


def send_catalog(vault: Vault, database: Path) -> StoredCatalog:
    """Compress a database and send it, whether it is there or not: then it is young again.

    The compressed file lies beside it meanwhile.
    """
    packed = database.with_name(database.name + ".zst")
    digest, raw_digest, raw = blake3(), blake3(), 0
    with disk_errors_told(), database.open("rb") as source, packed.open("wb") as file:
        compressor = zstandard.ZstdCompressor(level=_LEVEL).compressobj()
        while block := source.read(_BLOCK):
            raw += len(block)
            raw_digest.update(block)
            part = compressor.compress(block)
            digest.update(part)
            file.write(part)
        part = compressor.flush()
        digest.update(part)
        file.write(part)
    name = digest.hexdigest()
    send_file(vault.bucket, f"{CATALOGS}/{name}", packed, name)
    return StoredCatalog(name, packed.stat().st_size, raw, raw_digest.hexdigest())


def complete(vault: Vault, backup: Backup, send_again: Callable[[], Sent]) -> None:
    """Write the manifest of a backup of which all was sent.

    Args:
        vault: where to.
        backup: what was sent.
        send_again: sends what was pruned meanwhile, as may happen to who slept for a day.
    """
    vault.write(backup)
    for _ in range(_TRIES):
        if not send_again().packs:
            return
    vault.bucket.delete(f"{BACKUPS}/{backup.id}")
    raise Damaged(f"packs keep vanishing from {vault.url}: no backup was made")


def prune(vault: Vault, keep: int) -> Pruned:
    """Keep the newest backups; remove the others, and the packs that only they need.

    First the manifests, then what no manifest needs: whoever dies in between leaves packs that the
    next one removes. What is younger than a day stays, and everything while a backup is being made.

    Raises:
        Damaged: a manifest that is to stay cannot be read, so nobody knows what it needs.
    """
    ids = vault.ids()
    for old in ids[keep:]:
        vault.bucket.delete(f"{BACKUPS}/{old}")
    gone = tuple(ids[keep:])
    with vault.marked(PRUNING) as renew:
        now = vault.now()
        if vault.is_marked(AT_WORK, now):
            return Pruned(gone, postponed=True)
        needed = _needed(vault)
        packs = size = 0
        for folder in ("packs", CATALOGS):
            for blob in list(vault.bucket.list(folder)):
                if blob.name in needed or blob.modified > now - STALE:
                    continue
                renew()
                vault.bucket.delete(blob.name)
                packs += folder == "packs"
                size += blob.size
        return Pruned(gone, packs, size)


def _needed(vault: Vault) -> set[str]:
    needed: set[str] = set()
    for _, backup in vault.list():
        if isinstance(backup, Damaged):
            raise backup
        needed.add(f"{CATALOGS}/{backup.catalog.digest}")
        needed.update(map(pack_name, backup.packs))
    return needed


def fetch_catalog(vault: Vault, catalog: StoredCatalog, place: Path) -> None:
    """Write the database of a backup to a file that is not there yet, verified and synced.

    Raises:
        Damaged: it is not what was sent, or is gone.
        StorageFull: there is no room.
    """
    name = f"{CATALOGS}/{catalog.digest}"
    for _ in range(_TRIES):
        if _fetch_catalog(vault, catalog, name, place):
            return
    place.unlink(missing_ok=True)
    raise Damaged(f"{vault.url}/{name} is damaged: it is not what was sent. Take another backup")


def _fetch_catalog(vault: Vault, catalog: StoredCatalog, name: str, place: Path) -> bool:
    packed, raw, size = blake3(), blake3(), 0
    unpack = zstandard.ZstdDecompressor().decompressobj()
    with disk_errors_told(place), place.open("wb") as file:
        try:
            for part in vault.bucket.stream(name):
                packed.update(part)
                for start in range(0, len(part), _BLOCK):
                    block = unpack.decompress(part[start : start + _BLOCK])
                    size += len(block)
                    raw.update(block)
                    file.write(block)
        except zstandard.ZstdError:
            return False
        except NotFound as error:
            raise Damaged(f"{name} is gone from {vault.url}") from error
        file.flush()
        os.fsync(file.fileno())
    return (packed.hexdigest(), raw.hexdigest(), size) == (
        catalog.digest,
        catalog.raw_digest,
        catalog.raw,
    )
