"""Verifying the repository, freeing space, and saying what takes it up."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

from omprov.content import rebuild_index
from omprov.repository import _checking, _mending
from omprov.repository._collecting import (
    Freed,
    RepositoryUsage,
    kept_digests,
    usage_of,
    versions_by_asset,
)
from omprov.repository._door._opened import Opened
from omprov.repository._durations import parse_duration
from omprov.repository._layout import CONTENT
from omprov.repository._pins import pinned_contents
from omprov.repository._remotes import get_remote, list_remotes

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from omprov.content import Progress, Rebuilt, RemoteSettings
    from omprov.records import Digest
    from omprov.repository._checking import Finding
    from omprov.repository._mending import RemoteReport, Repair

GRACE = "24h"


class Care(Opened):
    """Verifying the repository, freeing space, and saying what takes it up."""

    def check(
        self,
        *,
        content: bool = True,
        graphs: bool = True,
        sources: Literal["look", "read"] | None = None,
        progress: Progress | None = None,
    ) -> list[Finding]:
        """Verify the repository: database, every stored byte, every inferred edge.

        Args:
            content: read and verify every byte of the content store.
            graphs: infer every output graph anew and compare.
            sources: ``look`` whether what is kept by reference still has its size and ETag, or
                ``read`` what has a known digest.
            progress: called as content is read.

        Returns:
            What is wrong, each with the versions that it hits; empty when all is well.
        """
        findings = _checking.check_catalog(self._catalog)
        with self._reading() as reader:
            findings += _checking.check_content(
                self.content,
                reader,
                every_byte=content,
                progress=progress,
                not_there=None if self._bucket is None else self._bucket.not_there,
            )
            if sources is not None:
                findings += _checking.check_sources(
                    self.content, reader, read=sources == "read", progress=progress
                )
        if graphs:
            with self._reading_graphs() as reader:
                findings += _checking.check_graphs(reader, self._graphs)
        return findings

    def repair(
        self,
        *,
        remote: str | None = None,
        every_byte: bool = True,
        progress: Progress | None = None,
    ) -> Repair:
        """Heal the content store: from what is whole here, then from remotes.

        Damaged packs are moved aside, into ``content/damaged``; nothing is deleted. What stays lost
        counts as missing, so that adding the original data again heals it. `check` says what is
        still wrong afterwards.

        Args:
            remote: name or URL of the one to fetch from (a backup is one, too); all that the
                settings name where left out.
            every_byte: look for damage in every byte; else in footers only.
            progress: called as content is read and fetched.

        Raises:
            NotFound: there is no such remote.
            Busy: another process collects garbage, or mends.
            StorageFull: there is no room; nothing was moved aside.
        """
        remotes = list_remotes(self.config) if remote is None else [self._remote(remote)]
        with self._reading() as reader:
            roots = list(_mending.roots_of(reader))
        return _mending.repair(
            self.content, roots, remotes, every_byte=every_byte, progress=progress
        )

    def check_remote(
        self,
        remote: str = "",
        *,
        every_byte: bool = True,
        mend: bool = False,
        progress: Progress | None = None,
    ) -> RemoteReport:
        """Verify a remote, and find out which versions are hit by what is wrong with it.

        Args:
            remote: its name or URL (a backup is one, too); the default one where left out.
            every_byte: read every byte; else only the list of packs and their footers.
            mend: send what the remote has lost and this store has.
            progress: called as packs are read, and sent.

        Raises:
            NotFound: there is no such remote, or no store in it.
            Unavailable: it cannot be reached.
        """
        settings = self._remote(remote)
        with self._reading() as reader:
            return _mending.check_remote(
                self.content,
                reader,
                settings,
                every_byte=every_byte,
                mend=mend,
                progress=progress,
            )

    def _remote(self, name: str) -> RemoteSettings:
        return get_remote(self.config, name or None)

    @staticmethod
    def rebuild_index(path: Path, progress: Progress | None = None) -> Rebuilt:
        """Make the index of the content store again from the packs alone.

        Needs no opened repository, for one whose index is locked or garbage may not open.

        Args:
            path: the ``.omprov`` folder.
            progress: called as packs are read.
        """
        return rebuild_index(path / CONTENT, progress)

    def collect(
        self,
        *,
        grace: timedelta | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Freed:
        """Free the space of what no version needs any more; merge small packs.

        Kept is the content of every version that is not removed, of removed ones that a folder of
        the workspace holds or that weigh in a free role, and whatever was stored within the grace
        period. Of a shared repository with a bucket, what lies there need not stay here. Safe
        beside readers and writers in this and other processes.

        Args:
            grace: how long what was stored stays without being recorded; the setting ``gc.grace``,
                or 24 hours, where left out.
            dry_run: change nothing, and say what would be done.
            progress: called as packs are dealt with.

        Raises:
            Busy: another process collects.
            Damaged: something cannot be read, so nobody knows what it needs; nothing was changed.
            StorageFull: there is no room for a new pack; everything is still there.
        """
        length = parse_duration(self.config.get("gc.grace") or GRACE) if grace is None else grace
        copies = self._copies.clear(self._kept(), now=time.time(), grace=length, dry_run=dry_run)
        content = self.content.collect(
            self._kept_here, grace=length, dry_run=dry_run, progress=progress
        )
        return Freed(content, copies)

    def usage(self) -> RepositoryUsage:
        """Say what versions take up: as their owners count, each content once, and on disk.

        Raises:
            Damaged: something cannot be read.
        """
        with self._reading() as reader:
            sizes, contents = versions_by_asset(reader)
            usage = self.content.usage(contents)
            return RepositoryUsage(
                assets=usage_of(reader, sizes, usage),
                logical=sum(map(sum, sizes.values())),
                content=usage,
                copies=self._copies.size(),
            )

    def _kept(self) -> set[Digest]:
        pinned = pinned_contents(self.path)  # first: what is recorded meanwhile is in the catalog
        with self._reading() as reader:
            return kept_digests(reader, self.workspace) | pinned

    def _kept_here(self) -> set[Digest]:
        return self._kept() if self._bucket is None else self._bucket.not_there(self._kept())

    def count_by_reference(self) -> int:
        """Return how many files of all versions are kept by reference, so that `check` reads none.

        Folders that versions share count once.
        """
        with self._reading() as reader:
            return self.content.count_elsewhere({digest for digest, _ in reader.digests()})
