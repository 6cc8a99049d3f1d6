"""Projects and assets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import omprov.diff
from omprov.errors import NotFound
from omprov.records import check_name
from omprov.repository._door._opened import Opened
from omprov.repository._edges import check_declared
from omprov.repository._recording import write_change
from omprov.repository._resolving import new_asset_name, resolve_asset
from omprov.repository._sources import all_consumers

if TYPE_CHECKING:
    from omprov.records import Asset, AssetId, Kind, Policy, Project
    from omprov.repository._door._opened import AnyAsset


class Assets(Opened):
    """Projects and assets."""

    def add_project(self, name: str) -> Project:
        """Make a project.

        Raises:
            AlreadyExists: the name is taken.
            InvalidInput: it cannot be a name.
        """
        with self._writing() as writer:
            return writer.add_project(check_name(name, "project"))

    def list_projects(self) -> list[Project]:
        """Return the projects by name."""
        with self._reading() as reader:
            return reader.list_projects()

    def add_asset(
        self,
        name: AnyAsset,
        *,
        description: str = "",
        policy: Policy | None = None,
        measure: str | None = None,
    ) -> Asset:
        """Make an asset with no version yet.

        Raises:
            AlreadyExists: the name is taken.
            InvalidInput: the kind was left out.
            NotFound: its project does not exist, or there is no such measure.
        """
        _check_measure(measure)
        with self._writing() as writer:
            return writer.add_asset(
                new_asset_name(name, self.project),
                description=description,
                policy=policy,
                measure=measure,
            )

    def get_asset(self, reference: AnyAsset) -> Asset:
        """Return the asset that a reference names.

        Raises:
            NotFound: there is none; with near matches.
            AmbiguousReference: the kind was left out and several kinds have the name.
        """
        with self._reading() as reader:
            return resolve_asset(reader, reference, self.project)

    def get_asset_by_id(self, id: AssetId) -> Asset:
        """Return an asset by its id, be it removed.

        Raises:
            NotFound: there is none.
        """
        with self._reading() as reader:
            found = reader.get_assets([id])
        if id not in found:
            raise NotFound("asset", id)
        return found[id]

    def list_assets(
        self, *, project: str | None = None, kind: Kind | None = None, removed: bool = False
    ) -> list[Asset]:
        """Return assets ordered by project, kind and name."""
        with self._reading() as reader:
            return reader.list_assets(project=project, kind=kind, removed=removed)

    def set_asset(
        self,
        reference: AnyAsset,
        *,
        description: str | None = None,
        measure: str | None = None,
    ) -> Asset:
        """Change what is given.

        A new measure holds for the declared edges added from now on, and at once for the weights of
        inferred edges where versions of the asset stand in a free role.

        Raises:
            NotFound: no such asset, or no such measure.
        """
        _check_measure(measure)
        with self._writing_graphs() as writer:
            asset = resolve_asset(writer, reference, self.project)
            changed = writer.set_asset(asset.id, description=description, measure=measure)
            if changed.measure != asset.measure:
                weighing = all_consumers(writer, [asset.name])
                for change in self._graphs.rebuild(weighing, {}).values():
                    write_change(writer, change)
            return changed

    def set_policy(self, reference: AnyAsset, policy: Policy) -> Asset:
        """Set how roles count for an output asset, and infer its graph anew.

        The graphs that build on it follow in the same transaction.

        Raises:
            CycleError: what would be inferred contradicts a declared edge.
        """
        with self._writing_graphs() as writer:
            asset = resolve_asset(writer, reference, self.project)
            changes = self._graphs.rebuild([asset.name], {asset.name: policy})
            for change in changes.values():
                write_change(writer, change)
            check_declared(writer, changes)
            return writer.set_asset(asset.id, policy=policy)

    def remove_asset(self, reference: AnyAsset) -> Asset:
        """Remove an asset; its versions stay as tombstones in every lineage.

        Raises:
            NotFound: there is none.
            NotAllowed: a protected alias points to one of its versions, and this view is of nobody
                who owns the project.
        """
        with self._writing() as writer:
            asset = resolve_asset(writer, reference, self.project)
            self._check_may_move(writer, asset.name, writer.aliases(asset.name))
            versions = {version.id for version in writer.list_versions(asset.name)}
            writer.remove_asset(asset.id)
        self.workspace.mark_removed(versions)
        return asset


def _check_measure(name: str | None) -> None:
    """Raise `NotFound` where there is no such measure."""
    if name is not None:
        omprov.diff.get_measure(name)
