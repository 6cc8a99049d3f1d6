"""Files of versions: in the store and on disk, wherever the catalog is."""

from __future__ import annotations

import os
from abc import abstractmethod
from typing import TYPE_CHECKING, BinaryIO

from omprov.errors import NotFound
from omprov.repository._door._local import Local
from omprov.repository._file_references import resolve_file
from omprov.repository._unchanged import looks_unchanged

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from omprov.content import MaterializeMode, Progress, StoredFile, StoredTree
    from omprov.diff import Delta
    from omprov.records import Digest, Version
    from omprov.repository._door._opened import AnyVersion


class OnDisk(Local):
    """Files of versions: in the store and on disk."""

    @abstractmethod
    def get_version(self, reference: AnyVersion, *, removed: bool = False) -> Version:
        """Return the version that a reference names."""

    def _read_tree(self, version: Version, digest: Digest) -> StoredTree:
        """Return the files of a version, of which only what is read has to be here."""
        del version
        return self.content.tree(digest)

    def _list_files(self, version: Version, digest: Digest) -> Iterator[StoredFile]:
        """Give the files of a version."""
        del version
        return self.content.iter_files(digest)

    def bring(self, version: Version, progress: Progress | None = None) -> None:
        """Have in the store of this machine whatever the content of a version needs.

        Args:
            version: which.
            progress: told the bytes that come.
        """

    def tree(self, reference: AnyVersion) -> StoredTree:
        """Return the files of a version.

        Raises:
            NotFound: the version holds no content.
        """
        version = self.get_version(reference)
        if version.digest is None:
            raise NotFound("content", version, hint="Only the fact was recorded.")
        return self._read_tree(version, version.digest)

    def open_file(self, reference: AnyVersion, path: str) -> BinaryIO:
        """Open one file of a version for reading; seekable, and only what is read is fetched.

        Symlinks are followed within the version.

        Raises:
            NotFound: there is no such version, or no such file in it; with near matches.
            Damaged: its bytes are not what they were.
        """
        tree = self.tree(reference)
        return tree.open(tree.follow(path))

    def find_file(self, text: str) -> tuple[Version, str]:
        """Return the version and the path in it that people mean by ``REF:PATH``.

        ``dataset/digits:v3:a/b.csv`` · ``dataset/digits::a/b.csv`` (the latest) ·
        ``dataset/digits:a/b.csv`` where no number or alias is meant. Paths may contain colons.

        Raises:
            NotFound: there is no such version; whether it has the file, opening it tells.
            InvalidInput: no file is named.
        """

        def is_there(version: Version, path: str) -> bool:
            return version.digest is not None and self.tree(version).has(os.fsencode(path))

        return resolve_file(text, self.get_version, is_there)

    def iter_files(self, reference: AnyVersion) -> Iterator[StoredFile]:
        """Give the files and symlinks of a version, by path, with where their bytes are.

        Raises:
            NotFound: the version holds no content.
        """
        version = self.get_version(reference)
        if version.digest is None:
            raise NotFound("content", version, hint="Only the fact was recorded.")
        return self._list_files(version, version.digest)

    def is_by_reference(self, reference: AnyVersion) -> bool:
        """Say whether bytes of a version are kept elsewhere, and not stored since."""
        version = self.get_version(reference, removed=True)
        if version.digest is None or "reference" not in version.source:
            return False
        return any(file.reference for file in self._list_files(version, version.digest))

    def changes_on_disk(self, path: Path) -> list[Delta]:
        """Return how a folder differs from the version that the workspace knows it to hold.

        Raises:
            NotFound: the workspace does not know this folder.
        """
        held = self.workspace.find(path)
        if held is None:
            raise NotFound("recorded folder", path, hint="`omprov add` records it.")
        if looks_unchanged(self.path, path, held):
            return []
        deltas = self.content.changes_on_disk(held.digest, path)
        return [delta for delta in deltas if delta.new is not None or held.has(delta.path)]

    def checkout(
        self,
        reference: AnyVersion,
        path: Path,
        *,
        mode: MaterializeMode = "copy",
        paths: Sequence[str] | None = None,
        force: bool = False,
        progress: Progress | None = None,
    ) -> Version:
        """Write a version's files into a folder, and remember that it holds it.

        Files that the folder's last version had and this one lacks are removed; files that no
        version knew are left alone.

        Of a folder with chosen `paths` alone it is remembered that the rest was left out: as long
        as it was, `add_version` refuses to record it for the same asset. Where the folder holds a
        whole version already, it still counts as that one, with other states of some files.

        Args:
            reference: which version.
            path: the folder.
            mode: how files come about; see `ContentStore.materialize`.
            paths: only these files and folders of the version.
            force: lose changes that no version holds.
            progress: told the files and bytes done.

        Raises:
            NotFound: the version holds no content, or none of that name in it.
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
        self.bring(version, progress)
        self.content.materialize(
            version.digest,
            path,
            mode=mode,
            current=held.digest if held else None,
            paths=paths,
            force=force,
            progress=progress,
        )
        if paths is None:
            self.workspace.remember(path, version)
        elif held is None or held.parts:
            chosen = [os.path.normpath(one.strip("/")) for one in paths]
            self.workspace.remember(path, version, (*(held.parts if held else ()), *chosen))
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
        self.bring(version)
        return self._copies.get(version.digest)
