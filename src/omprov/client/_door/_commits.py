"""Histories that git recorded: commits become versions, many in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omprov.client._door._contents import Contents
from omprov.client._door._opened import text_of
from omprov.client._door._versions import content_json
from omprov.client._wire import from_json, to_json
from omprov.records import Edge, Version, VersionKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from omprov.repository import AnyAsset, CommitVersion


class Commits(Contents):
    """Histories that git recorded."""

    def find_commits(self, asset: AnyAsset, commits: Iterable[str]) -> dict[str, Version | None]:
        """Return the version of an asset that each commit is; see `Repository.find_commits`."""
        body = {"asset": text_of(asset), "commits": list(commits)}
        found = self.connection.send("POST", self._in_project("commits/versions"), body)
        return {
            one: None if data is None else from_json(Version, data) for one, data in found.items()
        }

    def find_commit_keys(
        self, asset: AnyAsset, commits: Iterable[str] | None = None
    ) -> dict[str, VersionKey | None]:
        """Return the keys of the versions that commits are; of all known ones without `commits`."""
        body = {
            "asset": text_of(asset),
            "commits": None if commits is None else list(commits),
        }
        return dict(self.connection.send("POST", self._in_project("commits/keys"), body))

    def uploaded_edges(self, asset: AnyAsset) -> list[Edge[VersionKey]]:
        """Return the edges of an asset's versions, without their evidence."""
        path = self._in_project("commits/edges")
        return self._get(list[Edge[VersionKey]], path, reference=text_of(asset))

    def get_commit_version(self, asset: AnyAsset, home: str | VersionKey) -> Version:
        """Return a version by the commit that makes it, or by its key."""
        path = self._in_project("commits/version")
        query: dict[str, Any] = {"commit" if isinstance(home, str) else "key": home}
        return self._get(Version, path, reference=text_of(asset), **query)

    def tag_commits(self, asset: AnyAsset, states: Mapping[str, str | None]) -> int:
        """Set the tag ``git`` of the versions that these commits make."""
        body = {"asset": text_of(asset), "states": dict(states)}
        return int(self.connection.send("POST", self._in_project("commits/tags"), body)["count"])

    def add_commits(
        self,
        asset: AnyAsset,
        versions: Sequence[CommitVersion],
        commits: Mapping[str, str | VersionKey | None],
        tags: Mapping[str, str | None],
    ) -> int:
        """Record versions that commits make; see `Repository.add_commits`."""
        for version in versions:
            self._upload(version.content.digest)
        body = {
            "asset": text_of(asset),
            "versions": [_version_json(version) for version in versions],
            "commits": dict(commits),
            "tags": dict(tags),
        }
        return int(self.connection.send("POST", self._in_project("commits"), body)["count"])


def _version_json(version: CommitVersion) -> dict[str, Any]:
    return {
        "commit": version.commit,
        "content": content_json(version.content),
        "inherits": [[home, to_json(one)] for home, one in version.inherits.items()],
        "message": version.message,
        "creator": version.creator,
        "created": version.created.isoformat(),
        "source": to_json(version.source),
    }
