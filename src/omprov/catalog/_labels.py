"""Aliases of versions, and tags of assets, versions and runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, null, select, union_all

from omprov.errors import InvalidInput, NotFound
from omprov.records import LATEST, AssetName, Kind, check_name

from . import _tables
from ._interface import ChangeKind
from ._tables import alias, asset, project, run, tag, version
from ._transaction import ReadTransaction, WriteTransaction, in_batches, upsert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

    from omprov.records import AssetId, RunId, VersionId, VersionKey

_TAGS = (
    select(tag.c.target, tag.c.name, tag.c.value)
    .where(tag.c.target.in_(bindparam("targets", expanding=True)))
    .order_by(tag.c.target, tag.c.name)
)
_OF_VERSIONS = union_all(
    select(alias.c.version_key, alias.c.name, null().label("value")).where(
        alias.c.version_key.in_(bindparam("keys", expanding=True))
    ),
    select(version.c.key, tag.c.name, tag.c.value)
    .join(version, version.c.id == tag.c.target)
    .where(version.c.key.in_(bindparam("keys", expanding=True))),
)
_ALIASES = (
    select(alias.c.name, alias.c.version_key)
    .join(asset, asset.c.key == alias.c.asset_key)
    .join(project, project.c.key == asset.c.project_key)
    .where(
        project.c.name == bindparam("project"),
        asset.c.kind == bindparam("kind"),
        asset.c.name == bindparam("name"),
    )
    .order_by(alias.c.name)
)
_POINTS_AT = select(alias.c.version_key).where(
    alias.c.asset_key == bindparam("asset_key"), alias.c.name == bindparam("name")
)
_TARGET = union_all(
    select(asset.c.key.label("asset_key"), null().label("version_key")).where(
        asset.c.id == bindparam("id")
    ),
    select(version.c.asset_key, version.c.key).where(version.c.id == bindparam("id")),
    select(null(), null()).where(select(run.c.key).where(run.c.id == bindparam("id")).exists()),
)
_OWNER = select(version.c.asset_key, version.c.number, version.c.removed).where(
    version.c.key == bindparam("key")
)
_ASSET_OF_ALIAS = (
    select(asset.c.key, project.c.name, asset.c.kind, asset.c.name)
    .join(project, project.c.key == asset.c.project_key)
    .where(asset.c.id == bindparam("id"))
)


def tags_of(connection: Connection, targets: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return the tags, by name, of each of these ids that has any."""
    found: dict[str, dict[str, str]] = {}
    for batch in in_batches(targets):
        for target, name, value in connection.execute(_TAGS, {"targets": batch}).all():
            found.setdefault(target, {})[name] = value
    return found


def labels_of(
    connection: Connection, keys: Iterable[int]
) -> tuple[dict[int, list[str]], dict[int, dict[str, str]]]:
    """Return the aliases and the tags of these versions, by key, in one statement a batch."""
    aliases: dict[int, list[str]] = {}
    tags: dict[int, dict[str, str]] = {}
    for batch in in_batches(keys):
        for key, name, value in connection.execute(_OF_VERSIONS, {"keys": batch}).all():
            if value is None:
                aliases.setdefault(key, []).append(name)
            else:
                tags.setdefault(key, {})[name] = value
    return aliases, tags


class LabelReads(ReadTransaction):
    """Reads of aliases; those of tags come with the records."""

    def aliases(self, asset: AssetName) -> dict[str, VersionKey]:
        parts = {"project": asset.project, "kind": asset.kind.value, "name": asset.name}
        return {name: key for name, key in self._connection.execute(_ALIASES, parts)}  # noqa: C416 rows are no pairs to the type checker


class AliasDrops(WriteTransaction):
    """What becomes of aliases whose version is removed."""

    def _drop_aliases(
        self, asset_key: int, name: AssetName, version: VersionKey | None = None
    ) -> None:
        """Drop the aliases of an asset, or those that point to a version of it; tell of each."""
        dropping = delete(alias).where(alias.c.asset_key == asset_key)
        if version is not None:
            dropping = dropping.where(alias.c.version_key == version)
        gone = self._connection.execute(dropping.returning(alias.c.name, alias.c.version_key))
        for alias_name, key in sorted(tuple(row) for row in gone):
            told = {"version": None, "previous": key}
            self._announce(ChangeKind.ALIAS, {"alias": alias_name, **told}, asset_key=asset_key)
            self._note("alias.set", f"{name}:{alias_name}", told, asset_key=asset_key)


class LabelWrites(LabelReads, WriteTransaction):
    """Changes of aliases and tags."""

    def set_alias(
        self, asset: AssetId, alias: str, version: VersionKey | None
    ) -> VersionKey | None:
        check_alias(alias)
        row = self._connection.execute(_ASSET_OF_ALIAS, {"id": asset}).first()
        if row is None:
            raise NotFound("asset", asset)
        asset_key, project_name, kind, name = row
        shown = f"{AssetName(project_name, Kind(kind), name)}:{alias}"
        where = {"asset_key": asset_key, "name": alias}
        previous: VersionKey | None = self._connection.execute(_POINTS_AT, where).scalar()
        if previous == version:
            return previous
        if version is None:
            self._drop_alias(asset_key, alias)
        else:
            self._check_belongs(version, asset_key)
            put = upsert(self._dialect, _tables.alias, "version_key")
            self._connection.execute(put, {**where, "version_key": version})
        self._announce(
            ChangeKind.ALIAS,
            {"alias": alias, "version": version, "previous": previous},
            asset_key=asset_key,
            version_key=version,
        )
        self._note(
            "alias.set", shown, {"version": version, "previous": previous}, asset_key=asset_key
        )
        return previous

    def _drop_alias(self, asset_key: int, name: str) -> None:
        self._connection.execute(
            delete(alias).where(alias.c.asset_key == asset_key, alias.c.name == name)
        )

    def _check_belongs(self, key: VersionKey, asset_key: int) -> None:
        row = self._connection.execute(_OWNER, {"key": key}).first()
        if row is None:
            raise NotFound("version with the key", key)
        if row.asset_key != asset_key:
            raise InvalidInput(f"the version with the key {key} belongs to another asset")
        if row.removed is not None:
            raise InvalidInput(f"v{row.number} was removed; an alias cannot point to it")

    def set_tags(self, target: AssetId | VersionId | RunId, tags: Mapping[str, str | None]) -> None:
        found = self._connection.execute(_TARGET, {"id": target}).first()
        if found is None:
            raise NotFound("asset, version or run with the id", target)
        gone = [name for name, value in tags.items() if value is None]
        kept = [
            {"target": target, "name": name, "value": value}
            for name, value in tags.items()
            if value is not None
        ]
        for batch in in_batches(gone):
            self._connection.execute(
                delete(tag).where(tag.c.target == target, tag.c.name.in_(batch))
            )
        if kept:
            self._connection.execute(upsert(self._dialect, tag, "value"), kept)
        if tags:
            self._announce(
                ChangeKind.TAG,
                {"target": target, "tags": dict(tags)},
                asset_key=found[0],
                version_key=found[1],
            )
            run_id = target if found[0] is None else None
            self._note("tag.set", target, dict(tags), asset_key=found[0], run=run_id)


def check_alias(name: str) -> None:
    """Refuse what cannot be an alias."""
    check_name(name, "alias")
    if name == LATEST or (name[:1] == "v" and name[1:].isdigit()):
        raise InvalidInput(f"{name!r} cannot be an alias: it already means a version")
