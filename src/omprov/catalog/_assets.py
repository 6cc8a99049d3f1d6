"""Projects and assets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, insert, select, update

from omprov.errors import AlreadyExists, NotFound
from omprov.records import (
    Asset,
    AssetId,
    AssetName,
    Kind,
    Policy,
    Project,
    ProjectId,
    check_name,
    new_id,
)

from . import _tables
from ._interface import ChangeKind
from ._labels import AliasDrops
from ._tables import asset, project, tag, version
from ._transaction import ReadTransaction, in_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ._transaction import AnyRow

_PROJECTS = select(project.c.id, project.c.name, project.c.created)
_PROJECT = _PROJECTS.where(project.c.name == bindparam("name"))
_PROJECT_KEY = select(project.c.key).where(project.c.name == bindparam("name"))

_ASSETS = (
    select(
        asset.c.id,
        project.c.name,
        asset.c.kind,
        asset.c.name,
        asset.c.created,
        asset.c.creator,
        asset.c.description,
        asset.c.policy,
        asset.c.measure,
        asset.c.removed,
        tag.c.name,
        tag.c.value,
    )
    .join(project, project.c.key == asset.c.project_key)
    .outerjoin(tag, tag.c.target == asset.c.id)  # a row for each tag: one statement for all
)
_ASSETS_BY_ID = _ASSETS.where(asset.c.id.in_(bindparam("ids", expanding=True))).order_by(
    asset.c.id, tag.c.name
)
_ASSET_BY_NAME = _ASSETS.where(
    project.c.name == bindparam("project"),
    asset.c.kind == bindparam("kind"),
    asset.c.name == bindparam("name"),
).order_by(tag.c.name)
_OUTPUTS = _ASSETS.where(
    select(version.c.key)
    .where(version.c.asset_key == asset.c.key, version.c.run_key.is_not(None))
    .exists()
).order_by(asset.c.key, tag.c.name)
_KEY = select(asset.c.key).where(asset.c.id == bindparam("id"))


class AssetReads(ReadTransaction):
    """Reads of projects and assets."""

    def find_project(self, name: str) -> Project | None:
        row = self._connection.execute(_PROJECT, {"name": name}).first()
        return None if row is None else Project(*row)

    def list_projects(self) -> list[Project]:
        rows = self._connection.execute(_PROJECTS.order_by(project.c.name))
        return [Project(*row) for row in rows]

    def find_asset(self, name: AssetName) -> Asset | None:
        if name not in self._found_assets:
            parts = {"project": name.project, "kind": name.kind.value, "name": name.name}
            found = self._to_assets(self._connection.execute(_ASSET_BY_NAME, parts))
            if not found:
                return None
            self._found_assets[name] = found[0]
        return self._found_assets[name]

    def get_assets(self, ids: Iterable[AssetId]) -> dict[AssetId, Asset]:
        found: dict[AssetId, Asset] = {}
        for batch in in_batches(ids):
            rows = self._connection.execute(_ASSETS_BY_ID, {"ids": batch})
            found |= {item.id: item for item in self._to_assets(rows)}
        return found

    def list_assets(
        self,
        *,
        project: str | None = None,
        kind: Kind | None = None,
        name: str | None = None,
        removed: bool = False,
    ) -> list[Asset]:
        query = _ASSETS.order_by(_tables.project.c.name, asset.c.kind, asset.c.name, tag.c.name)
        if project is not None:
            query = query.where(_tables.project.c.name == project)
        if kind is not None:
            query = query.where(asset.c.kind == kind.value)
        if name is not None:
            query = query.where(asset.c.name == name)
        if not removed:
            query = query.where(asset.c.removed.is_(None))
        return self._to_assets(self._connection.execute(query))

    def output_assets(self) -> list[Asset]:
        return self._to_assets(self._connection.execute(_OUTPUTS))

    def _to_assets(self, rows: Iterable[AnyRow]) -> list[Asset]:
        tags: dict[AssetId, dict[str, str]] = {}
        facts: dict[AssetId, Sequence[Any]] = {}
        for *row, tag_name, value in rows:
            facts.setdefault(row[0], row)
            if tag_name is not None:
                tags.setdefault(row[0], {})[tag_name] = value
        return [
            Asset(
                id=asset_id,
                name=AssetName(project_name, Kind(kind), name),
                created=created,
                creator=creator,
                description=description,
                policy=None if policy is None else Policy.from_json(policy),
                measure=measure,
                removed=removed,
                tags=tags.get(asset_id, {}),
            )
            for (
                asset_id,
                project_name,
                kind,
                name,
                created,
                creator,
                description,
                policy,
                measure,
                removed,
            ) in facts.values()
        ]

    def _asset_key(self, id: AssetId) -> int:
        key: int | None = self._connection.execute(_KEY, {"id": id}).scalar()
        if key is None:
            raise NotFound("asset", id)
        return key

    def _project_key(self, name: str) -> int:
        key: int | None = self._connection.execute(_PROJECT_KEY, {"name": name}).scalar()
        if key is None:
            raise NotFound("project", name)
        return key


class AssetWrites(AssetReads, AliasDrops):
    """Changes of projects and assets."""

    def add_project(self, name: str) -> Project:
        check_name(name, "project")
        if self.find_project(name) is not None:
            raise AlreadyExists("project", name)
        added = Project(ProjectId(new_id(self._now)), name, self._now)
        row = {"id": added.id, "name": name, "created": self._now}
        key = self._connection.execute(insert(project).returning(project.c.key), row).scalar_one()
        self._announce(ChangeKind.PROJECT, {"project": added.id, "name": name})
        self._note("project.add", name, {"id": added.id}, project_key=key)
        return added

    def add_asset(
        self,
        name: AssetName,
        *,
        description: str = "",
        policy: Policy | None = None,
        measure: str | None = None,
    ) -> Asset:
        check_name(name.name)
        project_key = self._project_key(name.project)
        existing = self.find_asset(name)
        if existing is not None:
            hint = "It was removed; its name stays taken" if existing.removed else ""
            raise AlreadyExists("asset", name, hint)
        added = Asset(
            id=AssetId(new_id(self._now)),
            name=name,
            created=self._now,
            creator=self._who,
            description=description,
            policy=policy,
            measure=measure,
        )
        result = self._connection.execute(
            insert(asset).returning(asset.c.key),
            {
                "id": added.id,
                "project_key": project_key,
                "kind": name.kind.value,
                "name": name.name,
                "created": self._now,
                "creator": self._who,
                "description": description,
                "policy": None if policy is None else policy.to_json(),
                "measure": measure,
                "removed": None,
            },
        )
        self._announce(
            ChangeKind.ASSET, {"asset": added.id, "name": str(name)}, asset_key=result.scalar_one()
        )
        self._note("asset.add", str(name), {"id": added.id}, project_key=project_key)
        return added

    def set_asset(
        self,
        id: AssetId,
        *,
        description: str | None = None,
        policy: Policy | None = None,
        measure: str | None = None,
    ) -> Asset:
        key = self._asset_key(id)
        changes: dict[str, Any] = {"description": description, "measure": measure}
        if policy is not None:
            changes["policy"] = policy.to_json()
        changes = {name: value for name, value in changes.items() if value is not None}
        if changes:
            self._connection.execute(update(asset).where(asset.c.key == key).values(changes))
        changed = self.get_assets([id])[id]
        of_asset = {"asset": id} if measure is None else {"asset": id, "measure": measure}
        for kind in _told_by(changes):
            told = changes["policy"] if kind is ChangeKind.POLICY else of_asset
            self._announce(kind, told, asset_key=key)
        if changes:
            self._note("asset.set", str(changed.name), changes, asset_key=key)
        return changed

    def remove_asset(self, id: AssetId) -> None:
        key = self._asset_key(id)
        removed = self.get_assets([id])[id]
        if removed.removed is not None:
            return
        for entombed in (
            update(asset).where(asset.c.key == key),
            update(version).where(version.c.asset_key == key, version.c.removed.is_(None)),
        ):
            self._connection.execute(entombed.values(removed=self._now))
        self._drop_aliases(key, removed.name)
        self._announce(ChangeKind.REMOVED, {"asset": id}, asset_key=key)
        self._note("asset.remove", str(removed.name), {"id": id}, asset_key=key)


def _told_by(changes: dict[str, Any]) -> list[ChangeKind]:
    kinds = []
    if "policy" in changes:
        kinds.append(ChangeKind.POLICY)
    if changes.keys() - {"policy"}:
        kinds.append(ChangeKind.ASSET)
    return kinds
