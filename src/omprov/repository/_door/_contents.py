"""Files of versions: in the store, on disk, compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import omprov.diff
from omprov.errors import InvalidInput, NotFound
from omprov.repository._door._versions import Versions
from omprov.repository._resolving import resolve_asset, resolve_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from omprov.content import MaterializeMode, Progress, StoredFile, StoredTree
    from omprov.diff import Delta
    from omprov.records import Asset, Difference, Version
    from omprov.repository._door._opened import AnyVersion


class Contents(Versions):
    """Files of versions: in the store, on disk, compared."""

    def tree(self, reference: AnyVersion) -> StoredTree:
        """Return the files of a version.

        Raises:
            NotFound: the version holds no content.
        """
        version = self.get_version(reference)
        if version.digest is None:
            raise NotFound("content", version, hint="Only the fact was recorded.")
        return self.content.tree(version.digest)

    def open_file(self, reference: AnyVersion, path: str) -> BinaryIO:
        """Open one file of a version for reading; seekable."""
        return self.tree(reference).open(path)

    def iter_files(self, reference: AnyVersion) -> Iterator[StoredFile]:
        """Give the files and symlinks of a version, by path, with where their bytes are.

        Raises:
            NotFound: the version holds no content.
        """
        return self.content.iter_files(self.tree(reference).digest)

    def is_by_reference(self, reference: AnyVersion) -> bool:
        """Say whether bytes of a version are kept elsewhere, and not stored since."""
        version = self.get_version(reference, removed=True)
        if version.digest is None or "reference" not in version.source:
            return False
        return any(file.reference for file in self.content.iter_files(version.digest))

    def diff(
        self, older: AnyVersion, newer: AnyVersion, *, measure: str | None = None
    ) -> Difference:
        """Measure by how much `newer` differs from `older`, with evidence.

        Args:
            older: a version.
            newer: a version of the same kind.
            measure: its name; the asset's own, or the kind's, where left out.

        Raises:
            NotFound: there is no such version or measure.
            InvalidInput: the two are of different kinds.
            SourceChanged: the measure reads data kept by reference that is not what it was.
        """
        if measure is not None:
            omprov.diff.get_measure(measure)
        old, new, asset = self._comparable(older, newer)
        return self._differences.between(
            old.digest, new.digest, new.asset.kind, measure or asset.measure, must_read=True
        )

    def finer_diff(
        self, older: AnyVersion, newer: AnyVersion, *, besides: str = ""
    ) -> tuple[Difference, ...]:
        """Say more of the files that changed: rows of tables, records, cells, tensors.

        Each measure that fits looks at those files only; where it cannot, or they are too large
        for an answer at once, its note says so. See `omprov.diff.finer_differences`.

        Args:
            older: a version.
            newer: a version of the same kind.
            besides: the measure that `diff` used already.

        Raises:
            NotFound: there is no such version.
            InvalidInput: the two are of different kinds.
        """
        old, new, _ = self._comparable(older, newer)
        trees = [
            None if version.digest is None else self.content.tree(version.digest)
            for version in (old, new)
        ]
        return omprov.diff.finer_differences(trees[0], trees[1], besides=besides)

    def _comparable(self, older: AnyVersion, newer: AnyVersion) -> tuple[Version, Version, Asset]:
        """Return both versions and the newer one's asset."""
        with self._reading() as reader:
            old = resolve_version(reader, older, self.project)
            new = resolve_version(reader, newer, self.project)
            asset = resolve_asset(reader, new.asset, self.project)
        if old.asset.kind != new.asset.kind:
            raise InvalidInput(
                f"{old} and {new} are of different kinds: compare versions of one kind"
            )
        return old, new, asset

    def changes_on_disk(self, path: Path) -> list[Delta]:
        """Return how a folder differs from the version that the workspace knows it to hold.

        Raises:
            NotFound: the workspace does not know this folder.
        """
        held = self.workspace.find(path)
        if held is None:
            raise NotFound("recorded folder", path, hint="`omprov add` records it.")
        return list(self.content.changes_on_disk(held.digest, path))

    def checkout(
        self,
        reference: AnyVersion,
        path: Path,
        *,
        mode: MaterializeMode = "copy",
        force: bool = False,
        progress: Progress | None = None,
    ) -> Version:
        """Write a version's files into a folder, and remember that it holds it.

        Files that the folder's last version had and this one lacks are removed; files that no
        version knew are left alone.

        Raises:
            LocalChanges: it would overwrite changes that no version holds, and `force` is not set.
            InvalidInput: `path` lies within the repository's own folder.
            Conflict: the only copy of data kept by reference would be lost.
            NotFound: data kept by reference is gone.
            SourceChanged: data kept by reference has changed.
        """
        version = self.get_version(reference)
        if version.digest is None:
            raise NotFound("content", version, hint="Only the fact was recorded.")
        self._refuse_own(path)
        held = self.workspace.find(path)
        self.content.materialize(
            version.digest,
            path,
            mode=mode,
            current=held.digest if held else None,
            force=force,
            progress=progress,
        )
        self.workspace.remember(path, version)
        return version

    def local_copy(self, reference: AnyVersion) -> Path:
        """Return a read-only folder with the files of a version, shared by all who ask for it.

        It stays at least until this repository is closed.

        Raises:
            NotFound: the version holds no content.
        """
        version = self.get_version(reference)
        if version.digest is None:
            raise NotFound("content", version, hint="Only the fact was recorded.")
        return self._copies.get(version.digest)
