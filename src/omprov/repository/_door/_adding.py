"""Recording the state of folders, files and memory, wherever the catalog is."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from omprov.errors import Conflict
from omprov.records import DEFAULT_PROJECT, Reference
from omprov.repository._contents import path_of, store_content
from omprov.repository._door._local import Local
from omprov.repository._unchanged import keep_looks
from omprov.repository._versions import AUTO, Added

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from omprov.content import Progress, TreeSummary
    from omprov.records import AssetName
    from omprov.repository._contents import Content
    from omprov.repository._door._opened import AnyAsset, AnyVersion


class Adding(Local):
    """Recording the state of folders, files and memory."""

    def add_version(
        self,
        asset: AnyAsset,
        content: Content = None,
        *,
        message: str = "",
        inherits: Sequence[AnyVersion] | Literal["auto"] = AUTO,
        source: Mapping[str, Any] | None = None,
        stored: TreeSummary | None = None,
        progress: Progress | None = None,
    ) -> Added:
        """Record the state of an asset; make the asset if it is not there.

        Nothing is written twice: where the content is that of the version it would inherit, that
        version is returned. The workspace remembers that a path given as content holds the version.

        Args:
            asset: which asset, for instance ``dataset/digits``.
            content: a folder or file, files in memory (name → bytes), data that stays where it is
                (`ByReference`), or nothing.
            message: what to say of it.
            inherits: its parents (``v3`` alone is a version of the asset itself), none with
                ``()``, or `AUTO`.
            source: where the content came from, as JSON data.
            stored: what `store_known` returned for the path given as content: it is not read again.
            progress: called as content is stored.

        Raises:
            NotFound: no such path, parent or project.
            InvalidInput: a parent of another kind, a name that cannot be one, or a path within the
                repository's own folder.
            Conflict: the folder holds only chosen parts of a version of this asset.
        """
        full = self._asset_to_add_to(asset)
        path = path_of(content)
        if path is not None:
            self._refuse_own(path)
            self._refuse_parts(path, full)
        summary = stored
        place: Mapping[str, Any] = {}
        if stored is None:
            summary, place = store_content(self.content, content, progress)
        added = self._record_state(
            full,
            summary,
            path,
            message=message,
            inherits=inherits,
            source={**place, **(source or {})},
        )
        if path is not None:
            self.workspace.remember(path, added.version)
            if summary is not None:
                keep_looks(self.path, path, summary)
        return added

    @abstractmethod
    def _asset_to_add_to(self, asset: AnyAsset) -> AssetName:
        """Return the full name of an asset that is there, or that may be made."""

    @abstractmethod
    def _record_state(
        self,
        asset: AssetName,
        summary: TreeSummary | None,
        path: Path | None,
        *,
        message: str,
        inherits: Sequence[AnyVersion] | Literal["auto"],
        source: Mapping[str, Any],
    ) -> Added:
        """Record a version whose content is stored here, unless nothing is new."""

    def _refuse_parts(self, path: Path, asset: AssetName) -> None:
        """Keep files that were left out of a checkout from being recorded as removed."""
        held = self.workspace.find(path)
        if held is not None and held.parts:
            home = replace(Reference.parse(held.reference), selector=None)
            if (home.project or DEFAULT_PROJECT, home.kind, home.name) == (
                asset.project,
                asset.kind,
                asset.name,
            ):
                raise Conflict(
                    f"{path} holds only parts of {held.reference} ({', '.join(held.parts)}): "
                    "recording it would remove the rest. Check out the whole version there "
                    f"(`omprov checkout {held.reference} {path}`), or record the folder as another "
                    "asset with --as."
                )
