"""Histories that another tool recorded: many versions at once, and which commit is which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, insert, select

from omprov.errors import InvalidInput
from omprov.records import Digest, VersionId, VersionKey, new_id

from ._interface import ChangeKind
from ._tables import asset, git_commit, version
from ._transaction import ReadTransaction, in_batches, upsert
from ._versions import VersionWrites

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from omprov.records import AssetId

    from ._interface import NewVersion

_ASSET_KEY = select(asset.c.key).where(asset.c.id == bindparam("id")).scalar_subquery()
_COMMITS = select(git_commit.c.commit, git_commit.c.version_key).where(
    git_commit.c.asset_key == _ASSET_KEY,
    git_commit.c.commit.in_(bindparam("commits", expanding=True)),
)
_ALL_COMMITS = (
    select(git_commit.c.commit, git_commit.c.version_key)
    .where(git_commit.c.asset_key == _ASSET_KEY)
    .execution_options(yield_per=10_000)
)
_TWINS = (
    select(version.c.digest, func.max(version.c.key))
    .where(
        version.c.asset_key == _ASSET_KEY,
        version.c.digest.in_(bindparam("digests", expanding=True)),
        version.c.run_key.is_(None),
        version.c.removed.is_(None),
    )
    .group_by(version.c.digest)
)
_ADDED = (
    select(version.c.key)
    .where(
        version.c.asset_key == bindparam("asset_key"),
        version.c.number >= bindparam("first"),
    )
    .order_by(version.c.number)
)


class HistoryReads(ReadTransaction):
    """Reads of which commit is which version."""

    def find_commits(self, asset: AssetId, commits: Iterable[str]) -> dict[str, VersionKey | None]:
        found: dict[str, VersionKey | None] = {}
        for batch in in_batches(map(_to_bytes, commits)):
            rows = self._connection.execute(_COMMITS, {"id": asset, "commits": batch})
            found |= {bytes(commit).hex(): key for commit, key in rows}
        return found

    def list_commits(self, asset: AssetId) -> dict[str, VersionKey | None]:
        rows = self._connection.execute(_ALL_COMMITS, {"id": asset})
        return {bytes(commit).hex(): key for commit, key in rows}

    def find_twins(self, asset: AssetId, digests: Iterable[Digest]) -> dict[Digest, VersionKey]:
        found: dict[Digest, VersionKey] = {}
        for batch in in_batches(dict.fromkeys(digests)):
            rows = self._connection.execute(_TWINS, {"id": asset, "digests": batch})
            found |= {digest: key for digest, key in rows}  # noqa: C416 rows are no pairs to the type checker
        return found


class HistoryWrites(HistoryReads, VersionWrites):
    """Writes of many versions at once."""

    def add_versions(self, asset: AssetId, versions: Sequence[NewVersion]) -> list[VersionKey]:
        if not versions:
            return []
        asset_key, number, name = self._next_number(asset)
        rows = [
            {
                "id": VersionId(new_id(self._now)),
                "asset_key": asset_key,
                "number": number + place,
                "digest": one.digest,
                "size": one.size,
                "files": one.files,
                "created": one.created,
                "creator": one.creator,
                "message": one.message,
                "run_key": None,
                "source": dict(one.source),
                "removed": None,
            }
            for place, one in enumerate(versions)
        ]
        self._connection.execute(insert(version), rows)  # at once: RETURNING takes row by row
        added = {"asset_key": asset_key, "first": number}
        keys: list[VersionKey] = list(self._connection.execute(_ADDED, added).scalars())
        last = number + len(rows) - 1
        told = {"to": f"v{last}", "count": len(rows)}
        self._note("version.add", f"{name}:v{number}", told, asset_key=asset_key)
        return keys

    def announce_versions(
        self, asset: AssetId, parents: Mapping[VersionKey, Mapping[VersionKey, float]]
    ) -> None:
        asset_key = self._next_number(asset)[0]
        for key, inherited in parents.items():
            data: dict[str, Any] = {"parents": [[*item] for item in inherited.items()]}
            self._announce(ChangeKind.UPLOADED, data, asset_key=asset_key, version_key=key)

    def set_commits(self, asset: AssetId, commits: Mapping[str, VersionKey | None]) -> None:
        asset_key = self._next_number(asset)[0]
        rows = [
            {"asset_key": asset_key, "commit": _to_bytes(commit), "version_key": key}
            for commit, key in commits.items()
        ]
        if rows:
            self._connection.execute(upsert(self._dialect, git_commit, "version_key"), rows)


def _to_bytes(commit: str) -> bytes:
    try:
        return bytes.fromhex(commit)
    except ValueError as error:
        raise InvalidInput(f"{commit!r} is no commit id: it takes hex digits") from error
