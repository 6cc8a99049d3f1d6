"""Verifies what is in a remote, as `_fsck` does for what is here.

Several packs at once, each streamed: memory does not grow with them.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.content._backups._vault import CATALOGS, Vault
from omprov.content._care._fsck import Damage, find_incomplete, lost
from omprov.content._checkout._place import write_all
from omprov.content._durable import create_locked, disk_errors_told
from omprov.content._format._objects import Key, ObjectType
from omprov.content._progress import Done, Expected
from omprov.errors import Damaged, NotFound

from ._new_packs import verified
from ._remote import in_parallel, pack_name
from ._transfer import blob_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from omprov.content._format._nodes import TreeNode
    from omprov.content._format._pack import Packed
    from omprov.content._progress import Progress
    from omprov.content._reading import ObjectReader
    from omprov.records import Digest

    from ._remote import Remote

PACKS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class RemoteCheck:
    """What was found in a remote.

    Attributes:
        packs: how many there are.
        bytes: of these packs.
        damages: what is wrong with packs.
        hit: trees of which something is missing there, with the first thing missing.
        absent: trees of which nothing is there.
        backups: id → what is wrong, of backups that cannot be restored.
        is_vault: whether it holds backups.
    """

    packs: int
    bytes: int
    damages: tuple[Damage, ...]
    hit: dict[Digest, str]
    absent: tuple[Digest, ...]
    backups: dict[str, str]
    is_vault: bool


def check_remote(
    remote: Remote,
    reader: ObjectReader,
    roots: Iterable[Digest],
    store: Path,
    *,
    full: bool,
    earlier: Iterable[Damage],
    progress: Progress | None,
) -> RemoteCheck:
    """Verify a remote; see `ContentStore.check_remote`."""
    if not remote.exists():
        raise NotFound("content store", remote.url, hint="`omprov push` makes one.")
    vault = Vault(remote.bucket)
    expected = None
    backups: dict[str, str] = {}
    if vault.owner() is not None:
        expected, backups = _check_backups(vault, full=full)
    damages, sound = _check_packs(remote, expected, store, full=full, progress=progress)
    for name, needed in _packs_by_backup(vault, backups).items() if expected is not None else ():
        bad = sorted({damage.pack for damage in damages} & needed)
        if bad:
            backups[name] = f"its pack {bad[0]} is damaged or gone; make a new one"
    places = _forget(remote, damages, sound)
    hit, absent = hit_trees(remote, reader, roots, [*damages, *earlier])
    for name, objects in places.items():  # only who mends it forgets what was there
        remote.index.add_pack(name, objects, found=True)
    return RemoteCheck(
        packs=len(remote.sizes),
        bytes=sum(remote.sizes.values()),
        damages=tuple(damages),
        hit=hit,
        absent=absent,
        backups=backups,
        is_vault=expected is not None,
    )


def hit_trees(
    remote: Remote, reader: ObjectReader, roots: Iterable[Digest], damages: Iterable[Damage]
) -> tuple[dict[Digest, str], tuple[Digest, ...]]:
    """Return the trees of which something is missing in a remote, and those it never had.

    Args:
        remote: its index knows what is whole there.
        reader: reads trees, here or there.
        roots: digests of trees.
        damages: what is known to have been there.
    """
    lost_keys = {key for damage in damages for key in damage.keys}
    there: list[Digest] = []
    absent: list[Digest] = []
    for root in roots:
        key = Key(ObjectType.TREE, bytes.fromhex(root))
        found = key in lost_keys or remote.index.known([key])
        (there if found else absent).append(root)
    view = _RemoteView(remote, reader)
    return find_incomplete(there, view, remote.index, set()), tuple(absent)


class _RemoteView:
    """Reads objects, as far as the remote has them, from wherever that is quickest."""

    def __init__(self, remote: Remote, reader: ObjectReader) -> None:
        self._remote = remote
        self._reader = reader

    def get(self, key: Key) -> bytes:
        self._must_have(key)
        return self._reader.get(key)

    def get_node(self, digest: bytes) -> TreeNode:
        self._must_have(Key(ObjectType.TREE, digest))
        return self._reader.get_node(digest)

    def _must_have(self, key: Key) -> None:
        if not self._remote.index.known([key]):
            raise Damaged(f"{key} is missing or damaged in {self._remote.url}")


def _check_packs(
    remote: Remote,
    expected: set[str] | None,
    store: Path,
    *,
    full: bool,
    progress: Progress | None,
) -> tuple[list[Damage], list[str]]:
    """Verify the packs; return what is wrong, and which are whole."""
    there = remote.list_packs()
    known = remote.index.packs()
    damages = []
    for name in sorted((known if expected is None else expected | known) - there.keys()):
        if expected is not None and name not in expected:
            remote.index.remove_packs([name])  # it went with its backups
        else:
            damages.append(lost(name, remote.index.objects_of(name), "it is gone"))
    if progress is not None:
        progress(Expected(len(there), sum(there.values())))

    def check(name: str) -> tuple[str, list[Packed], Damage | None]:
        objects, damage = _check_pack(remote, name, there[name], store, full=full)
        if progress is not None:
            progress(Done(1, there[name]))
        return name, objects, damage

    sound = []
    for name, objects, damage in in_parallel(check, sorted(there), PACKS_AT_ONCE):
        if name not in known and objects:
            remote.index.add_pack(name, objects)
        if damage is not None:
            damages.append(damage)
        else:
            sound.append(name)
    return damages, sound


def _check_pack(
    remote: Remote, name: str, size: int, store: Path, *, full: bool
) -> tuple[list[Packed], Damage | None]:
    known = remote.index.objects_of(name)
    try:
        objects = remote.footer(name, size)
        if not full:
            return objects, None
        for _ in range(2):  # a bit may flip on the way, too
            if blob_digest(remote.bucket, pack_name(name)) == name:
                return objects, None
        with fetched(remote, name, store) as descriptor:
            bad = [packed.key for packed in objects if not is_whole(descriptor, packed, name)]
    except Damaged as error:
        return [], lost(name, known, str(error))
    except NotFound:
        return [], lost(name, known, "it is gone")
    return objects, lost(name, bad, "its bytes are not what they were")


def is_whole(descriptor: int, packed: Packed, name: str) -> bool:
    """Say whether an object of an open pack is what its digest says."""
    try:
        verified(packed, os.pread(descriptor, packed.stored, packed.offset), name)
    except Damaged:
        return False
    return True


@contextmanager
def fetched(remote: Remote, name: str, store: Path) -> Iterator[int]:
    """Fetch a pack, damaged as it is, into a temporary file of a store; give its descriptor."""
    path, descriptor = create_locked(store / "tmp")
    try:
        with disk_errors_told():
            for part in remote.bucket.stream(pack_name(name)):
                write_all(descriptor, part)
        yield descriptor
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _forget(
    remote: Remote, damages: Iterable[Damage], sound: Iterable[str]
) -> dict[str, set[Packed]]:
    """Let the index forget what is damaged, but for what another pack has as well.

    Returns:
        What it knew of these packs.
    """
    bad: set[Key] = set()
    places = {damage.pack: remote.index.places_in(damage.pack) for damage in damages}
    for damage in damages:
        bad |= damage.keys
        remote.index.forget(damage.pack, damage.keys)
    for name in sound if bad else ():
        copies = [p for p in remote.footer(name, remote.sizes[name]) if p.key in bad]
        if copies:
            remote.index.add_pack(name, copies)
    return places


def _check_backups(vault: Vault, *, full: bool) -> tuple[set[str], dict[str, str]]:
    """Return the packs that backups need, and what is wrong with manifests and catalogs."""
    needed: set[str] = set()
    problems: dict[str, str] = {}
    catalogs = {blob.name: blob.size for blob in vault.bucket.list(CATALOGS)}
    for name, backup in vault.list():
        if isinstance(backup, Damaged):
            problems[name] = str(backup)
            continue
        needed.update(backup.packs)
        blob = f"{CATALOGS}/{backup.catalog.digest}"
        if catalogs.get(blob) != backup.catalog.size:
            problems[name] = "its catalog is gone or cut short"
        elif full and blob_digest(vault.bucket, blob) != backup.catalog.digest:
            problems[name] = "its catalog is damaged"
    return needed, problems


def _packs_by_backup(vault: Vault, damaged: dict[str, str]) -> dict[str, set[str]]:
    return {
        name: set(backup.packs)
        for name, backup in vault.list()
        if not isinstance(backup, Damaged) and name not in damaged
    }
