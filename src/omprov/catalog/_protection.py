"""Aliases that only some may move, and who moved one last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import bindparam, delete, select

from omprov.errors import NotFound
from omprov.records import AssetName, AuditRow, Kind

from ._labels import check_alias
from ._tables import asset, audit, project, protected_alias
from ._transaction import ReadTransaction, WriteTransaction, upsert

if TYPE_CHECKING:
    from omprov.records import AssetId

_PROTECTED = (
    select(protected_alias.c.name)
    .join(asset, asset.c.key == protected_alias.c.asset_key)
    .join(project, project.c.key == asset.c.project_key)
    .where(
        project.c.name == bindparam("project"),
        asset.c.kind == bindparam("kind"),
        asset.c.name == bindparam("name"),
    )
    .order_by(protected_alias.c.name)
)
_LAST_MOVE = (
    select(
        audit.c.time,
        audit.c.who,
        audit.c.action,
        audit.c.target,
        audit.c.detail,
        project.c.name,
        audit.c.key,
    )
    .join(project, project.c.key == audit.c.project_key)
    .where(
        project.c.name == bindparam("project"),
        audit.c.action == "alias.set",
        audit.c.target == bindparam("target"),
    )
    .order_by(audit.c.key.desc())
    .limit(1)
)
_ASSET = (
    select(asset.c.key, project.c.name, asset.c.kind, asset.c.name)
    .join(project, project.c.key == asset.c.project_key)
    .where(asset.c.id == bindparam("id"))
)


class ProtectionReads(ReadTransaction):
    """Reads of protected aliases."""

    def list_protected(self, asset: AssetName) -> list[str]:
        parts = {"project": asset.project, "kind": asset.kind.value, "name": asset.name}
        return list(self._connection.execute(_PROTECTED, parts).scalars())

    def last_move(self, asset: AssetName, alias: str) -> AuditRow | None:
        where = {"project": asset.project, "target": f"{asset}:{alias}"}
        row = self._connection.execute(_LAST_MOVE, where).first()
        return None if row is None else AuditRow(*row)


class ProtectionWrites(ProtectionReads, WriteTransaction):
    """Changes of which aliases are protected."""

    def last_move(self, asset: AssetName, alias: str) -> AuditRow | None:
        self.flush()
        return super().last_move(asset, alias)

    def set_protected(self, asset: AssetId, alias: str, *, protected: bool) -> None:
        check_alias(alias)
        row = self._connection.execute(_ASSET, {"id": asset}).first()
        if row is None:
            raise NotFound("asset", asset)
        key, project_name, kind, name = row
        full_name = AssetName(project_name, Kind(kind), name)
        if (alias in self.list_protected(full_name)) == protected:
            return
        if protected:
            put = upsert(self._dialect, protected_alias)
            self._connection.execute(put, {"asset_key": key, "name": alias})
        else:
            self._connection.execute(
                delete(protected_alias).where(
                    protected_alias.c.asset_key == key, protected_alias.c.name == alias
                )
            )
        shown = f"{full_name}:{alias}"
        self._note("alias.protect", shown, {"protected": protected}, asset_key=key)
