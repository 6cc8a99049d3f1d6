"""Versions: adding, finding, removing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from omprov.errors import NotFound
from omprov.repository._door._adding import Adding
from omprov.repository._door._opened import Opened
from omprov.repository._resolving import new_asset_name, parse, resolve_asset, resolve_version
from omprov.repository._versions import (
    AUTO,
    CANDIDATES,
    Added,
    ensure_asset,
    find_asset,
    find_child,
    find_twin,
    plan_version,
    recall_words,
    resolve_parents,
    write_version,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from omprov.catalog import CatalogReader
    from omprov.content import TreeSummary
    from omprov.records import AssetName, Digest, Kind, Version, VersionId
    from omprov.repository._door._opened import AnyAsset, AnyVersion
    from omprov.repository._versions import Plan


class Versions(Opened, Adding):
    """Versions: adding, finding, removing."""

    def add_stored_version(
        self,
        asset: AnyAsset,
        stored: TreeSummary | None,
        *,
        held: Version | None = None,
        message: str = "",
        inherits: Sequence[AnyVersion] | Literal["auto"] = AUTO,
        source: Mapping[str, Any] | None = None,
    ) -> Added:
        """Record a state whose content lies in the store already, as `add_version` does.

        Args:
            asset: which asset.
            stored: the content, or nothing.
            held: the version that the folder which was stored is known to have held.
            message: what to say of it.
            inherits: as for `add_version`.
            source: where the content came from, as JSON data.

        Raises:
            NotFound: no such parent or project.
            InvalidInput: a parent of another kind, or a name that cannot be one.
        """
        full = self._asset_to_add_to(asset)
        known = held if held is not None and held.asset.kind == full.kind else None
        return self._add_stored(
            full,
            stored,
            lambda _: known,
            message=message,
            inherits=inherits,
            source=source or {},
        )

    def add_child(
        self,
        parent: AnyVersion,
        stored: TreeSummary,
        *,
        message: str = "",
        source: Mapping[str, Any] | None = None,
    ) -> Added:
        """Record a state that was made from a version, once.

        Where the content is that of the parent, or of a version that was recorded as made from it
        before, that one is returned; also where other versions came in between.

        Args:
            parent: a version; the new one belongs to its asset.
            stored: the content, which is stored already.
            message: what to say of it.
            source: where the content came from, as JSON data.

        Raises:
            NotFound: there is no such parent.
        """
        with self._reading() as reader:
            older = resolve_version(reader, parent, self.project)
            known = older if older.digest == stored.digest else None
            known = known or find_child(reader, older, stored.digest)
            if known is not None:
                return Added(known, created=False)
            recall_words(reader, self._differences, older)
            asset = resolve_asset(reader, older.asset, self.project)
            planned = plan_version(
                reader, self._differences, asset, stored.digest, inherits=[older]
            )
        with self._writing_graphs([stored.digest]) as writer:
            known = find_child(writer, older, stored.digest)
            if known is not None:  # another process was quicker
                return Added(known, created=False)
            planned = replace(planned, twin=find_twin(writer, asset, stored.digest))
            return write_version(
                writer, self._graphs, asset, planned, stored, message=message, source=source
            )

    def _asset_to_add_to(self, asset: AnyAsset) -> AssetName:
        """Return the full name of an asset that is there, or that may be made."""
        name = parse(asset)
        with self._reading() as reader:
            if name.kind is None or name.selector is not None:
                found = None if name.selector else find_asset(reader, name, self.project)
                name = parse(found.name if found else new_asset_name(name, self.project))
            full = new_asset_name(name, self.project)
            find_asset(reader, full, self.project)  # before storing anything: may it be?
        return full

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
        return self._add_stored(
            asset,
            summary,
            lambda reader: self._held(reader, path, asset.kind),
            message=message,
            inherits=inherits,
            source=source,
        )

    def _add_stored(
        self,
        asset: AssetName,
        summary: TreeSummary | None,
        held: Callable[[CatalogReader], Version | None],
        *,
        message: str,
        inherits: Sequence[AnyVersion] | Literal["auto"],
        source: Mapping[str, Any],
    ) -> Added:
        """Record a version whose content is stored, unless nothing is new."""
        digest = summary.digest if summary else None

        def plan(reader: CatalogReader) -> Plan:
            return plan_version(
                reader,
                self._differences,
                find_asset(reader, asset, self.project),
                digest,
                inherits=resolve_parents(reader, inherits, asset, self.project),
                held=held(reader),
                candidates=int(self.config.get("parents.candidates") or CANDIDATES),
            )

        with self._reading() as reader:
            planned = plan(reader)
        if planned.existing is not None:
            return Added(planned.existing, created=False)
        with self._writing_graphs([digest]) as writer:
            known = ensure_asset(writer, asset, self.project)
            if find_twin(writer, known, digest) != planned.twin:
                planned = plan(writer)  # somebody else has just written this content
            return write_version(
                writer, self._graphs, known, planned, summary, message=message, source=source
            )

    def _held(self, reader: CatalogReader, path: Path | None, kind: Kind) -> Version | None:
        """Return the version that the workspace knows this folder to hold, if it can inherit it."""
        held = None if path is None else self.workspace.find(path)
        if held is None:
            return None
        version = reader.find_version_by_id(held.version)
        return version if version is not None and version.asset.kind == kind else None

    def get_version_by_id(self, id: VersionId) -> Version:
        """Return a version by its id, be it removed.

        Raises:
            NotFound: there is none.
        """
        with self._reading() as reader:
            found = reader.find_version_by_id(id)
        if found is None:
            raise NotFound("version", id)
        return found

    def get_version(self, reference: AnyVersion, *, removed: bool = False) -> Version:
        """Return the version that a reference names; without a selector, the latest.

        Args:
            reference: which version.
            removed: return the tombstone of a removed version, too, where the reference gives its
                kind, name and number. What asks for edges, routes, lineage or runs does so always.

        Raises:
            NotFound: there is none; with near matches.
            AmbiguousReference: several could be meant.
        """
        with self._reading() as reader:
            return resolve_version(reader, reference, self.project, removed=removed)

    def list_versions(
        self, asset: AnyAsset, *, limit: int | None = None, below: int | None = None
    ) -> list[Version]:
        """Return versions, newest first; page on with `below`, the last number seen."""
        with self._reading() as reader:
            name = resolve_asset(reader, asset, self.project).name
            return reader.list_versions(name, limit=limit, below=below)

    def find_holders(self, digest: Digest) -> list[Version]:
        """Return the versions of all assets that hold this content, newest first."""
        with self._reading() as reader:
            return reader.find_holders(self.project, digest)

    def newest_of_kind(self, kind: Kind, *, limit: int) -> list[Version]:
        """Return the newest versions of all assets of a kind, newest first."""
        with self._reading() as reader:
            return reader.newest_of_kind(self.project, kind, limit)

    def remove_version(self, reference: AnyVersion) -> Version:
        """Remove a version; its tombstone stays in every graph and lineage.

        Raises:
            NotFound: there is none.
            NotAllowed: a protected alias points to it, and this view is of nobody who owns the
                project.
        """
        with self._writing() as writer:
            version = resolve_version(writer, reference, self.project)
            self._check_may_move(writer, version.asset, version.aliases)
            writer.remove_version(version.key)
        self.workspace.mark_removed({version.id})
        return version
