"""Versions: one immutable state of an asset each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select, update

from omprov.errors import Conflict, InvalidInput, NotFound
from omprov.records import AssetName, Digest, Kind, Version, VersionId, VersionKey, new_id

from ._interface import ChangeKind
from ._labels import AliasDrops, labels_of
from ._tables import alias, asset, project, run, run_input, version
from ._transaction import ReadTransaction, in_batches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from omprov.records import AssetId, RunId

    from ._transaction import AnyRow, AnySelect

_VERSIONS = (
    select(
        version.c.key,
        version.c.id,
        project.c.name,
        asset.c.kind,
        asset.c.name,
        version.c.number,
        version.c.digest,
        version.c.size,
        version.c.files,
        version.c.created,
        version.c.creator,
        version.c.message,
        run.c.id,
        version.c.source,
        version.c.removed,
    )
    .join(asset, asset.c.key == version.c.asset_key)
    .join(project, project.c.key == asset.c.project_key)
    .outerjoin(run, run.c.key == version.c.run_key)
)
_BY_KEY = _VERSIONS.where(version.c.key.in_(bindparam("keys", expanding=True))).order_by(
    version.c.key
)
_BY_ID = _VERSIONS.where(version.c.id == bindparam("id"))
_OF_ASSET = _VERSIONS.where(
    project.c.name == bindparam("project"),
    asset.c.kind == bindparam("kind"),
    asset.c.name == bindparam("name"),
).order_by(version.c.number.desc())
_BY_NUMBER = _OF_ASSET.where(version.c.number == bindparam("number"))
_BY_ALIAS = _OF_ASSET.join(alias, alias.c.version_key == version.c.key).where(
    alias.c.name == bindparam("alias")
)
_BY_DIGEST = _OF_ASSET.where(
    version.c.digest.between(bindparam("low"), bindparam("high")), version.c.removed.is_(None)
)
_HOLDERS = _VERSIONS.where(
    project.c.name == bindparam("project"),
    version.c.digest == bindparam("digest"),
    version.c.removed.is_(None),
).order_by(version.c.key.desc())
_OF_KIND = (
    _VERSIONS.where(
        project.c.name == bindparam("project"),
        asset.c.kind == bindparam("kind"),
        version.c.removed.is_(None),
    )
    .order_by(version.c.key.desc())
    .limit(bindparam("limit"))
)
_COUNT = (
    select(func.count())
    .select_from(version)
    .join(asset, asset.c.key == version.c.asset_key)
    .join(project, project.c.key == asset.c.project_key)
    .where(
        project.c.name == bindparam("project"),
        asset.c.kind == bindparam("kind"),
        asset.c.name == bindparam("name"),
        version.c.removed.is_(None),
    )
)
_DIGESTS = (
    select(version.c.digest, version.c.key)
    .where(version.c.digest.is_not(None), version.c.removed.is_(None))
    .execution_options(yield_per=10_000)
)
_REMOVED_DIGESTS = (
    select(version.c.digest)
    .where(version.c.digest.is_not(None), version.c.removed.is_not(None))
    .execution_options(yield_per=10_000)
)
_CONTENTS = (
    select(asset.c.id, version.c.digest, version.c.size)
    .join(asset, asset.c.key == version.c.asset_key)
    .where(version.c.removed.is_(None))
    .order_by(version.c.asset_key)
    .execution_options(yield_per=10_000)
)
_made = version.alias("made")
_REMOVED_INPUTS = (
    select(version.c.digest, run_input.c.role, asset.c.id)
    .distinct()
    .join(run_input, run_input.c.version_key == version.c.key)
    .join(_made, _made.c.run_key == run_input.c.run_key)
    .join(asset, asset.c.key == _made.c.asset_key)
    .where(version.c.digest.is_not(None), version.c.removed.is_not(None))
    .execution_options(yield_per=10_000)
)
_NEXT = (
    select(
        asset.c.key,
        project.c.name,
        asset.c.kind,
        asset.c.name,
        asset.c.removed,
        select(func.coalesce(func.max(version.c.number), 0) + 1)
        .where(version.c.asset_key == asset.c.key)
        .scalar_subquery(),
    )
    .join(project, project.c.key == asset.c.project_key)
    .where(asset.c.id == bindparam("id"))
)
_ADD = insert(version).returning(version.c.key)
_RUN_KEY = select(run.c.key).where(run.c.id == bindparam("id"))


class VersionReads(ReadTransaction):
    """Reads of versions."""

    def get_versions(self, keys: Iterable[VersionKey]) -> dict[VersionKey, Version]:
        found: dict[VersionKey, Version] = {}
        for batch in in_batches(dict.fromkeys(keys)):
            rows = self._connection.execute(_BY_KEY, {"keys": batch}).all()
            found |= {item.key: item for item in self._to_versions(rows)}
        return found

    def find_version_by_id(self, id: VersionId) -> Version | None:
        return self._find(_BY_ID, {"id": id})

    def find_version(self, asset: AssetName, number: int) -> Version | None:
        if not 0 < number < 2**63:
            return None
        return self._find(_BY_NUMBER, {**_parts(asset), "number": number})

    def find_version_by_alias(self, asset: AssetName, alias: str) -> Version | None:
        return self._find(_BY_ALIAS, {**_parts(asset), "alias": alias})

    def find_versions_by_digest(self, asset: AssetName, prefix: str) -> list[Version]:
        if not _is_hex(prefix):
            raise InvalidInput(f"{prefix!r} is not the beginning of a digest: take hex digits")
        bounds = {"low": prefix.ljust(64, "0"), "high": prefix.ljust(64, "f")}
        rows = self._connection.execute(_BY_DIGEST, {**_parts(asset), **bounds}).all()
        return self._to_versions(rows)

    def find_holders(self, project: str, digest: Digest) -> list[Version]:
        where = {"project": project, "digest": digest}
        return self._to_versions(self._connection.execute(_HOLDERS, where).all())

    def newest_of_kind(self, project: str, kind: Kind, limit: int) -> list[Version]:
        where = {"project": project, "kind": kind.value, "limit": limit}
        return self._to_versions(self._connection.execute(_OF_KIND, where).all())

    def list_versions(
        self,
        asset: AssetName,
        *,
        limit: int | None = None,
        below: int | None = None,
        removed: bool = False,
    ) -> list[Version]:
        query = _OF_ASSET
        if below is not None:
            query = query.where(version.c.number < below)
        if not removed:
            query = query.where(version.c.removed.is_(None))
        if limit is not None:
            query = query.limit(limit)
        return self._to_versions(self._connection.execute(query, _parts(asset)).all())

    def count_versions(self, asset: AssetName) -> int:
        count: int = self._connection.execute(_COUNT, _parts(asset)).scalar_one()
        return count

    def digests(self) -> Iterator[tuple[Digest, VersionKey]]:
        for digest, key in self._connection.execute(_DIGESTS):  # noqa: UP028 rows are no pairs to the type checker
            yield digest, key

    def removed_digests(self) -> Iterator[Digest]:
        yield from self._connection.execute(_REMOVED_DIGESTS).scalars()

    def contents(self) -> Iterator[tuple[AssetId, Digest | None, int]]:
        for id_, digest, size in self._connection.execute(_CONTENTS):  # noqa: UP028 the same
            yield id_, digest, size

    def removed_inputs(self) -> Iterator[tuple[Digest, str, AssetId]]:
        for digest, role, id_ in self._connection.execute(_REMOVED_INPUTS):  # noqa: UP028 the same
            yield digest, role, id_

    def _find(self, query: AnySelect, parameters: Mapping[str, Any]) -> Version | None:
        found = self._to_versions(self._connection.execute(query, parameters).all())
        return found[0] if found else None

    def _to_versions(self, rows: Sequence[AnyRow]) -> list[Version]:
        aliases, tags = labels_of(self._connection, [row[0] for row in rows])
        return [
            Version(
                id=version_id,
                key=key,
                asset=AssetName(project_name, Kind(kind), name),
                number=number,
                digest=digest,
                size=size,
                files=files,
                created=created,
                creator=creator,
                message=message,
                run=run_id,
                source=source,
                removed=removed,
                tags=tags.get(key, {}),
                aliases=tuple(sorted(aliases.get(key, ()))),
            )
            for (
                key,
                version_id,
                project_name,
                kind,
                name,
                number,
                digest,
                size,
                files,
                created,
                creator,
                message,
                run_id,
                source,
                removed,
            ) in rows
        ]


class VersionWrites(VersionReads, AliasDrops):
    """Changes of versions: they are added, and leave a tombstone."""

    def add_version(
        self,
        asset: AssetId,
        *,
        digest: Digest | None,
        size: int = 0,
        files: int = 0,
        message: str = "",
        run: RunId | None = None,
        source: Mapping[str, Any] | None = None,
        feed: Mapping[str, Any],
    ) -> Version:
        asset_key, number, name = self._next_number(asset)
        version_id = VersionId(new_id(self._now))
        row = {
            "id": version_id,
            "asset_key": asset_key,
            "number": number,
            "digest": digest,
            "size": size,
            "files": files,
            "created": self._now,
            "creator": self._who,
            "message": message,
            "run_key": None if run is None else self._existing_run(run),
            "source": dict(source or {}),
            "removed": None,
        }
        key: VersionKey = self._connection.execute(_ADD, row).scalar_one()
        kind = ChangeKind.UPLOADED if run is None else ChangeKind.PRODUCED
        self._announce(kind, feed, asset_key=asset_key, version_key=key)
        added = Version(
            id=version_id,
            key=key,
            asset=name,
            number=number,
            digest=digest,
            size=size,
            files=files,
            created=self._now,
            creator=self._who,
            message=message,
            run=run,
            source=dict(source or {}),
        )
        self._note("version.add", added.reference, {"id": version_id}, asset_key=asset_key)
        return added

    def remove_version(self, key: VersionKey) -> None:
        found = self.get_versions([key]).get(key)
        if found is None:
            raise NotFound("version with the key", key)
        if found.removed is not None:
            return
        asset_key = self._connection.execute(
            update(version)
            .where(version.c.key == key)
            .values(removed=self._now)
            .returning(version.c.asset_key)
        ).scalar_one()
        self._drop_aliases(asset_key, found.asset, key)
        self._announce(
            ChangeKind.REMOVED, {"version": found.id}, asset_key=asset_key, version_key=key
        )
        self._note("version.remove", found.reference, {"id": found.id}, asset_key=asset_key)

    def _next_number(self, id: AssetId) -> tuple[int, int, AssetName]:
        row = self._connection.execute(_NEXT, {"id": id}).first()
        if row is None:
            raise NotFound("asset", id)
        key, project_name, kind, name, removed, number = row
        full_name = AssetName(project_name, Kind(kind), name)
        if removed is not None:
            raise Conflict(f"{full_name} was removed; it takes no new versions")
        return key, number, full_name

    def _existing_run(self, id: RunId) -> int:
        key = self._run_keys.get(id)
        if key is None:
            key = self._connection.execute(_RUN_KEY, {"id": id}).scalar()
        if key is None:
            raise NotFound("run", id)
        return key


def _parts(asset: AssetName) -> dict[str, str]:
    return {"project": asset.project, "kind": asset.kind.value, "name": asset.name}


def _is_hex(text: str) -> bool:
    return 0 < len(text) <= 64 and all(digit in "0123456789abcdef" for digit in text)
