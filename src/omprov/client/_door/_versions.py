"""Versions: adding, finding, removing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from omprov.client._door._assets import Assets
from omprov.client._door._opened import path_of, text_of
from omprov.client._wire import to_json
from omprov.records import AssetName, Version
from omprov.repository import AUTO, Added, Adding
from omprov.repository._resolving import new_asset_name, parse
from omprov.repository._versions import is_selector

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from omprov.content import TreeSummary
    from omprov.records import Digest, Kind, VersionId
    from omprov.repository import AnyAsset, AnyVersion

PAGE = 500


class Versions(Assets, Adding):
    """Versions: adding, finding, removing."""

    def get_version_by_id(self, id: VersionId) -> Version:
        """Return a version by its id, be it removed.

        Raises:
            NotFound: there is none.
        """
        return self._get(Version, path_of("versions", id))

    def get_version(self, reference: AnyVersion, *, removed: bool = False) -> Version:
        """Return the version that a reference names; see `Repository.get_version`."""
        return self._get(
            Version, self._in_project("version"), reference=text_of(reference), removed=removed
        )

    def list_versions(
        self, asset: AnyAsset, *, limit: int | None = None, below: int | None = None
    ) -> list[Version]:
        """Return versions, newest first; page on with `below`, the last number seen."""
        path = self._asset_path(self.get_asset(asset), "versions")
        found: list[Version] = []
        if limit == 0:
            return found
        size = PAGE if limit is None else min(limit, PAGE)
        for version in self._get_all(Version, path, below=below, limit=size):
            found.append(version)
            if len(found) == limit:
                break
        return found

    def find_holders(self, digest: Digest) -> list[Version]:
        """Return the versions of all assets that hold this content, newest first."""
        return self._get(list[Version], self._in_project("holders"), digest=digest)

    def newest_of_kind(self, kind: Kind, *, limit: int) -> list[Version]:
        """Return the newest versions of all assets of a kind, newest first."""
        path = self._in_project("newest")
        return self._get(list[Version], path, kind=kind.value, limit=limit)

    def remove_version(self, reference: AnyVersion) -> Version:
        """Remove a version; its tombstone stays in every graph and lineage."""
        version = self.get_version(reference)
        self.connection.send("DELETE", path_of("versions", version.id))
        self.workspace.mark_removed({version.id})
        return version

    def add_child(
        self,
        parent: AnyVersion,
        stored: TreeSummary,
        *,
        message: str = "",
        source: Mapping[str, Any] | None = None,
    ) -> Added:
        """Record a state that was made from a version, once; see `Repository.add_child`."""
        older = self.get_version(parent)
        self._upload(stored.digest)
        body = {**content_json(stored), "message": message, "source": to_json(source or {})}
        return self._send(Added, "POST", path_of("versions", older.id, "children"), body)

    def _asset_to_add_to(self, asset: AnyAsset) -> AssetName:
        """Return the full name of an asset that is there, or that may be made."""
        name = parse(asset)
        if name.kind is None and name.selector is None:
            return self.get_asset(name).name
        return new_asset_name(name, self.project)

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
        parents = inherits if inherits == AUTO else [_parent(one, asset) for one in inherits]
        held = None if path is None else self.workspace.find(path)
        if summary is not None:
            self._upload(summary.digest)
        body = {
            "asset": to_json(asset),
            **content_json(summary),
            "message": message,
            "inherits": parents,
            "held": None if held is None else held.version,
            "source": to_json(source),
        }
        return self._send(Added, "POST", self._in_project("versions"), body)

    def _upload(self, digest: Digest) -> None:
        raise NotImplementedError


def _parent(parent: AnyVersion, asset: AssetName) -> str:
    """Write a declared parent as the server reads it: ``v3`` alone is of the asset itself."""
    if isinstance(parent, Version):
        return parent.id
    return text_of(replace(parse(asset), selector=parent) if is_selector(parent) else parent)


def content_json(stored: TreeSummary | None) -> dict[str, Any]:
    """Say which content it is, that was uploaded before."""
    if stored is None:
        return {"digest": None}
    return {"digest": stored.digest, "size": stored.size, "files": stored.files}
