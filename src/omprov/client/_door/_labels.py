"""Aliases and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.client._door._opened import path_of
from omprov.client._door._versions import Versions
from omprov.client._wire import from_json
from omprov.records import Version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.repository import AnyAsset, AnyVersion


class Labels(Versions):
    """Aliases and tags."""

    def set_alias(self, reference: AnyVersion, alias: str) -> Version | None:
        """Point an alias at a version; return where it pointed before."""
        version = self.get_version(reference)
        path = self._asset_path(self.get_asset(version.asset), "aliases", alias)
        previous = self.connection.send("PUT", path, {"version": version.id})["previous"]
        return None if previous is None else from_json(Version, previous)

    def remove_alias(self, asset: AnyAsset, alias: str) -> None:
        """Take an alias away."""
        path = self._asset_path(self.get_asset(asset), "aliases", alias)
        self.connection.send("DELETE", path)

    def set_tags(self, reference: AnyVersion, tags: Mapping[str, str | None]) -> Version:
        """Set tags of a version; ``None`` takes one away."""
        version = self.get_version(reference)
        return self._send(Version, "PATCH", path_of("versions", version.id, "tags"), dict(tags))
