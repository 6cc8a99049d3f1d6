"""Registered models and their versions: assets and versions with MLflow's facts beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from omprov.catalog._assets import AssetReads, AssetWrites
from omprov.catalog._mlflow_tables import registered_model, registered_version
from omprov.catalog._tables import alias, asset, version
from omprov.catalog._tables import project as _project
from omprov.catalog._versions import VersionReads

from ._criteria import MODEL_VERSIONS, REGISTERED_MODELS, Criteria
from ._facts import RegisteredModel, RegisteredVersion
from ._statements import page_of, searched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omprov.records import Asset, VersionKey

_MODELS = (
    select(registered_model.c.name, asset.c.id, registered_model.c.updated)
    .select_from(registered_model)
    .join(asset, asset.c.key == registered_model.c.asset_key)
    .join(_project, _project.c.key == registered_model.c.project_key)
)
_VERSIONS = (
    select(
        registered_model.c.name,
        registered_version.c.version_key,
        registered_version.c.source,
        registered_version.c.run,
        registered_version.c.run_link,
        registered_version.c.model,
        registered_version.c.stage,
        registered_version.c.description,
        registered_version.c.updated,
    )
    .select_from(registered_version)
    .join(version, version.c.key == registered_version.c.version_key)
    .join(registered_model, registered_model.c.asset_key == registered_version.c.asset_key)
    .join(_project, _project.c.key == registered_model.c.project_key)
    .where(version.c.removed.is_(None))
)


class RegistryReads(AssetReads, VersionReads):
    """Reads of registered models and their versions; removed ones are left out."""

    def find_registered_model(self, project: str, name: str) -> RegisteredModel | None:
        """Return a registered model of the project."""
        found = self._to_registered(
            self._connection.execute(_of(_MODELS, project).where(registered_model.c.name == name))
        )
        return found[0] if found else None

    def search_registered_models(
        self, project: str, criteria: Criteria, *, limit: int, offset: int = 0
    ) -> list[RegisteredModel]:
        """Return the registered models that meet all criteria, in their order, then by name."""
        query = searched(_of(_MODELS, project), REGISTERED_MODELS, criteria, self._dialect)
        query = query.order_by(registered_model.c.name)
        return self._to_registered(self._connection.execute(page_of(query, limit, offset)))

    def find_registered_version(
        self, project: str, name: str, number: int
    ) -> RegisteredVersion | None:
        """Return a version of a registered model."""
        found = self._registered_versions(
            _of(_VERSIONS, project).where(
                registered_model.c.name == name, version.c.number == number
            )
        )
        return found[0] if found else None

    def find_registered_alias(
        self, project: str, name: str, label: str
    ) -> RegisteredVersion | None:
        """Return the version of a registered model to which an alias points."""
        query = (
            _of(_VERSIONS, project)
            .join(alias, alias.c.version_key == version.c.key)
            .where(registered_model.c.name == name, alias.c.name == label)
        )
        found = self._registered_versions(query)
        return found[0] if found else None

    def newest_registered(
        self, project: str, names: Sequence[str], stages: Sequence[str] = ()
    ) -> list[RegisteredVersion]:
        """Return the newest version of each stage of these models."""
        newest = (
            select(func.max(registered_version.c.version_key))
            .join(version, version.c.key == registered_version.c.version_key)
            .join(registered_model, registered_model.c.asset_key == registered_version.c.asset_key)
            .join(_project, _project.c.key == registered_model.c.project_key)
            .where(
                _project.c.name == project,
                registered_model.c.name.in_(list(names)),
                version.c.removed.is_(None),
            )
            .group_by(registered_version.c.asset_key, registered_version.c.stage)
        )
        if stages:
            newest = newest.where(registered_version.c.stage.in_(list(stages)))
        query = _VERSIONS.where(registered_version.c.version_key.in_(newest))
        return self._registered_versions(query.order_by(registered_model.c.name, version.c.number))

    def staged_versions(self, project: str, name: str, stage: str) -> list[RegisteredVersion]:
        """Return the versions of a registered model that are at a stage."""
        return self._registered_versions(
            _of(_VERSIONS, project).where(
                registered_model.c.name == name, registered_version.c.stage == stage
            )
        )

    def is_registered(self, known: Asset) -> bool:
        """Tell whether clients of MLflow know an asset under some name."""
        query = (
            select(registered_model.c.asset_key)
            .join(asset, asset.c.key == registered_model.c.asset_key)
            .where(asset.c.id == known.id)
        )
        return self._connection.execute(query).first() is not None

    def registered_keys(self, keys: Sequence[VersionKey]) -> set[VersionKey]:
        """Return those of these versions that are registered."""
        query = select(registered_version.c.version_key).where(
            registered_version.c.version_key.in_(list(keys))
        )
        return set(self._connection.execute(query).scalars())

    def search_registered_versions(
        self, project: str, criteria: Criteria, *, limit: int, offset: int = 0
    ) -> list[RegisteredVersion]:
        """Return versions of registered models that meet all criteria, in their order.

        Without an order: those changed last first. Ties go by name and by number, highest first.
        """
        query = searched(_of(_VERSIONS, project), MODEL_VERSIONS, criteria, self._dialect)
        if not criteria.orderings:
            query = query.order_by(registered_version.c.updated.desc())
        query = query.order_by(registered_model.c.name, version.c.number.desc())
        return self._registered_versions(page_of(query, limit, offset))

    def _to_registered(self, rows: Any) -> list[RegisteredModel]:
        facts = [tuple(row) for row in rows]
        assets = self.get_assets([asset_id for _, asset_id, _ in facts])
        return [
            RegisteredModel(name, assets[asset_id], updated) for name, asset_id, updated in facts
        ]

    def _registered_versions(self, query: Any) -> list[RegisteredVersion]:
        rows = self._connection.execute(query).all()
        versions = self.get_versions([row.version_key for row in rows])
        return [
            RegisteredVersion(
                model_name=row.name,
                version=versions[row.version_key],
                source=row.source,
                run=row.run,
                run_link=row.run_link,
                model=row.model,
                stage=row.stage,
                description=row.description,
                updated=row.updated,
            )
            for row in rows
        ]


def _of(query: Any, name: str) -> Any:
    return query.where(_project.c.name == name)


class RegistryWrites(RegistryReads, AssetWrites):
    """Changes of registered models and their versions."""

    def add_registered_model(self, known: Asset, name: str) -> RegisteredModel:
        """Say that clients of MLflow call an asset so."""
        asset_key, project_key = self._connection.execute(
            select(asset.c.key, asset.c.project_key).where(asset.c.id == known.id)
        ).one()
        row = {
            "asset_key": asset_key,
            "project_key": project_key,
            "name": name,
            "updated": self._now,
        }
        self._connection.execute(insert(registered_model), row)
        self._note("mlflow.registry.add", str(known.name), {"name": name})
        return RegisteredModel(name, known, self._now)

    def set_registered_model(self, known: RegisteredModel, *, name: str | None = None) -> None:
        """Rename a registered model, or say that something of it was changed."""
        changes: dict[str, Any] = {"updated": self._now}
        changes |= {} if name is None else {"name": name}
        self._connection.execute(
            update(registered_model)
            .where(registered_model.c.asset_key == self._asset_key_of(known.asset))
            .values(changes)
        )
        if name is not None:
            self._note("mlflow.registry.set", str(known.asset.name), {"name": name})

    def forget_registered_model(self, known: RegisteredModel) -> None:
        """Free the name of a registered model; its asset and versions stay as they are."""
        key = self._asset_key_of(known.asset)
        self._connection.execute(
            delete(registered_version).where(registered_version.c.asset_key == key)
        )
        self._connection.execute(
            delete(registered_model).where(registered_model.c.asset_key == key)
        )
        self._note("mlflow.registry.forget", str(known.asset.name), {"name": known.name})

    def add_registered_version(
        self,
        known: RegisteredModel,
        key: VersionKey,
        *,
        source: str,
        run: str,
        run_link: str,
        model: str,
        description: str,
    ) -> None:
        """Say where clients of MLflow got a version from."""
        row = {
            "version_key": key,
            "asset_key": self._asset_key_of(known.asset),
            "source": source,
            "run": run,
            "run_link": run_link,
            "model": model,
            "stage": "None",
            "description": description,
            "updated": self._now,
        }
        self._connection.execute(insert(registered_version), row)
        self.set_registered_model(known)

    def set_registered_version(
        self,
        known: RegisteredVersion,
        *,
        stage: str | None = None,
        description: str | None = None,
    ) -> None:
        """Change what is given; in any case note that the version was changed."""
        changes: dict[str, Any] = {"updated": self._now}
        changes |= {} if stage is None else {"stage": stage}
        changes |= {} if description is None else {"description": description}
        self._connection.execute(
            update(registered_version)
            .where(registered_version.c.version_key == known.version.key)
            .values(changes)
        )
        told = {name: value for name, value in changes.items() if name != "updated"}
        if told:
            self._note("mlflow.registry.version", str(known.version), told)

    def _asset_key_of(self, known: Asset) -> int:
        key: int = self._connection.execute(
            select(asset.c.key).where(asset.c.id == known.id)
        ).scalar_one()
        return key
