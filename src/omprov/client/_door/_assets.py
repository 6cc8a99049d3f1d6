"""Projects and assets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.client._door._opened import Connected, path_of, text_of
from omprov.client._wire import to_json
from omprov.records import DEFAULT_PROJECT, Asset, AssetName, Project, Reference

if TYPE_CHECKING:
    from omprov.records import Kind, Policy
    from omprov.repository import AnyAsset, Held


class Assets(Connected):
    """Projects and assets."""

    def add_project(self, name: str) -> Project:
        """Make a project; see `Repository.add_project`."""
        return self._send(Project, "POST", "/projects", {"name": name})

    def list_projects(self) -> list[Project]:
        """Return the projects that can be seen, by name."""
        return list(self._get_all(Project, "/projects"))

    def add_asset(
        self,
        name: AnyAsset,
        *,
        description: str = "",
        policy: Policy | None = None,
        measure: str | None = None,
    ) -> Asset:
        """Make an asset with no version yet; see `Repository.add_asset`."""
        body = {
            "name": text_of(name),
            "description": description,
            "policy": to_json(policy),
            "measure": measure,
        }
        return self._send(Asset, "POST", self._in_project("assets"), body)

    def get_asset(self, reference: AnyAsset) -> Asset:
        """Return the asset that a reference names; see `Repository.get_asset`."""
        return self._get(Asset, self._in_project("asset"), reference=text_of(reference))

    def list_assets(
        self, *, project: str | None = None, kind: Kind | None = None, removed: bool = False
    ) -> list[Asset]:
        """Return assets ordered by project, kind and name."""
        names = [one.name for one in self.list_projects()] if project is None else [project]
        return [
            asset
            for name in names
            for asset in self._get_all(
                Asset,
                path_of("projects", name, "assets"),
                kind=None if kind is None else kind.value,
                removed=removed,
            )
        ]

    def set_asset(
        self,
        reference: AnyAsset,
        *,
        description: str | None = None,
        measure: str | None = None,
    ) -> Asset:
        """Change what is given; see `Repository.set_asset`."""
        given = {"description": description, "measure": measure}
        return self._change(
            reference, {name: one for name, one in given.items() if one is not None}
        )

    def set_policy(self, reference: AnyAsset, policy: Policy) -> Asset:
        """Set how roles count for an output asset; see `Repository.set_policy`."""
        return self._change(reference, {"policy": to_json(policy)})

    def remove_asset(self, reference: AnyAsset) -> Asset:
        """Remove an asset; its versions stay as tombstones in every lineage."""
        asset = self.get_asset(reference)
        versions = {held.version for held in self.workspace.list() if _asset_of(held) == asset.name}
        self.connection.send("DELETE", self._asset_path(asset))
        self.workspace.mark_removed(versions)
        return asset

    def _change(self, reference: AnyAsset, changes: dict[str, object]) -> Asset:
        return self._send(Asset, "PATCH", self._asset_path(self.get_asset(reference)), changes)


def _asset_of(held: Held) -> AssetName:
    """Return the asset of the version that a folder holds."""
    named = Reference.parse(held.reference)
    assert named.kind is not None, "versions are written with their kind"
    return AssetName(named.project or DEFAULT_PROJECT, named.kind, named.name)
