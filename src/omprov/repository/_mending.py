"""Verifying remotes, and healing: this store from remotes, and remotes from this store."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.errors import OmprovError
from omprov.records import show_digest

from ._checking import Finding, references

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from omprov.catalog import CatalogReader
    from omprov.content import (
        ContentStore,
        Mended,
        Progress,
        RemoteMended,
        RemoteSettings,
    )
    from omprov.records import Digest, VersionKey


@dataclass(frozen=True, slots=True)
class Repair:
    """What was mended here.

    Attributes:
        packs: what became of damaged packs.
        fetched: how many packs were fetched from remotes, or made of what they have.
        bytes: of those packs.
        problems: what remotes could not help with, a sentence each.
    """

    packs: tuple[Mended, ...]
    fetched: int
    bytes: int
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoteReport:
    """What was found in a remote, and done about it.

    Attributes:
        remote: which.
        packs: how many packs it has.
        bytes: of those packs.
        absent: how many versions it does not have.
        findings: what is wrong; after a repair, what still is.
        mended: what was done; ``None`` where nobody asked for it.
    """

    remote: RemoteSettings
    packs: int
    bytes: int
    absent: int
    findings: tuple[Finding, ...]
    mended: RemoteMended | None


def roots_of(reader: CatalogReader) -> dict[Digest, list[VersionKey]]:
    """Return the contents of all versions that are not removed."""
    roots: defaultdict[Digest, list[VersionKey]] = defaultdict(list)
    for digest, key in reader.digests():
        roots[digest].append(key)
    return roots


def repair(
    store: ContentStore,
    roots: Sequence[Digest],
    remotes: Iterable[RemoteSettings],
    *,
    every_byte: bool,
    progress: Progress | None,
) -> Repair:
    """Mend damaged packs, and fetch from remotes what is lost, in their order."""
    damages = store.fsck(progress=progress, full=every_byte)
    mended = store.mend(damages) if damages else []
    packs = size = 0
    problems = []
    for settings in remotes:
        hit = store.check_reachable(roots)
        if not hit:
            break
        try:
            with closing(store.remote(settings)) as remote:
                moved = store.bring_back(remote, hit, progress)
        except OmprovError as error:
            problems.append(f"{settings.name}: {error}")
        else:
            packs += moved.packs
            size += moved.bytes
    hit = store.check_reachable(roots)
    if hit:
        store.distrust(hit)
    return Repair(tuple(mended), packs, size, tuple(problems))


def check_remote(
    store: ContentStore,
    reader: CatalogReader,
    settings: RemoteSettings,
    *,
    every_byte: bool,
    mend: bool,
    progress: Progress | None,
) -> RemoteReport:
    """Verify a remote, and mend it where that is wanted."""
    roots = roots_of(reader)
    with closing(store.remote(settings)) as remote:
        found = store.check_remote(remote, roots, progress, full=every_byte)
        mended = None
        if mend and (found.damages or found.hit or found.backups):
            mended = store.mend_remote(remote, found, roots, progress)
            found = store.check_remote(
                remote, roots, progress, full=every_byte, earlier=found.damages
            )
    findings = [Finding("remote", f"{settings.name}: {damage}") for damage in found.damages]
    findings += [
        Finding("remote", f"{settings.name}: backup {name} cannot be restored whole: {what}")
        for name, what in found.backups.items()
    ]
    for digest, what in found.hit.items():
        lacking = f"{settings.name}: content {show_digest(digest, 12)} is not whole there: {what}"
        findings.append(Finding("remote", lacking, references(reader, roots[digest])))
    absent = sum(len(roots[digest]) for digest in found.absent)
    return RemoteReport(settings, found.packs, found.bytes, absent, tuple(findings), mended)
