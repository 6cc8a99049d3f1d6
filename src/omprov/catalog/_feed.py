"""The change feed and the audit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from omprov.errors import NotFound
from omprov.records import AuditRow

from ._interface import ChangeKind, FeedRow
from ._tables import asset, audit, feed, project, repository
from ._transaction import ReadTransaction, WriteTransaction

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from omprov.records import AssetId, VersionKey

_PAGE = 1000

_POSITION = select(repository.c.feed_position)
_FEED = (
    select(feed.c.position, feed.c.kind, feed.c.time, asset.c.id, feed.c.version_key, feed.c.data)
    .outerjoin(asset, asset.c.key == feed.c.asset_key)
    .where(feed.c.position > bindparam("after"))
    .order_by(feed.c.position)
    .limit(bindparam("page"))
)
_AUDIT = (
    select(
        audit.c.time,
        audit.c.who,
        audit.c.action,
        audit.c.target,
        audit.c.detail,
        project.c.name,
        audit.c.key,
    )
    .outerjoin(project, project.c.key == audit.c.project_key)
    .order_by(audit.c.key.desc())
    .limit(bindparam("page"))
)
_PROJECT_KEY = select(project.c.key).where(project.c.name == bindparam("name"))
_ASSET_KEY = select(asset.c.key).where(asset.c.id == bindparam("id"))


class FeedReads(ReadTransaction):
    """Reads of the change feed and the audit."""

    def position(self) -> int:
        position: int = self._connection.execute(_POSITION).scalar_one()
        return position

    def iter_feed(self, after: int, limit: int | None = None) -> Iterator[FeedRow]:
        left = limit
        while left is None or left > 0:
            page = _PAGE if left is None else min(_PAGE, left)
            rows = self._connection.execute(_FEED, {"after": after, "page": page}).all()
            for position, kind, time, asset_id, version_key, data in rows:
                yield FeedRow(position, ChangeKind(kind), time, asset_id, version_key, data)
            if len(rows) < page:
                return
            after = rows[-1][0]
            left = None if left is None else left - page

    def list_audit(
        self, *, limit: int = 100, below: int | None = None, project: str | None = None
    ) -> list[AuditRow]:
        query = _AUDIT
        if below is not None:
            query = query.where(audit.c.key < below)
        if project is not None:
            key = self._connection.execute(_PROJECT_KEY, {"name": project}).scalar()
            if key is None:
                return []
            query = query.where(audit.c.project_key == key)
        return [AuditRow(*row) for row in self._connection.execute(query, {"page": limit})]


class FeedWrites(FeedReads, WriteTransaction):
    """Appends to the change feed and the audit; its reads see what is still kept back."""

    def position(self) -> int:
        return self._position

    def iter_feed(self, after: int, limit: int | None = None) -> Iterator[FeedRow]:
        self.flush()
        return super().iter_feed(after, limit)

    def list_audit(
        self, *, limit: int = 100, below: int | None = None, project: str | None = None
    ) -> list[AuditRow]:
        self.flush()
        return super().list_audit(limit=limit, below=below, project=project)

    def append_feed(
        self,
        kind: ChangeKind,
        *,
        asset: AssetId | None = None,
        version: VersionKey | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        asset_key = None
        if asset is not None:
            asset_key = self._connection.execute(_ASSET_KEY, {"id": asset}).scalar()
            if asset_key is None:
                raise NotFound("asset", asset)
        self._announce(kind, data or {}, asset_key=asset_key, version_key=version)

    def add_audit(
        self,
        action: str,
        target: str,
        detail: Mapping[str, Any],
        *,
        version: VersionKey | None = None,
    ) -> None:
        self._note(action, target, detail, version_key=version)
