"""Histories that git recorded: commits become versions, many in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omprov.catalog import NewVersion
from omprov.errors import NotFound
from omprov.records import Edge, Origin
from omprov.repository._door._opened import Opened
from omprov.repository._resolving import new_asset_name, parse, resolve_asset
from omprov.repository._versions import ensure_asset, find_asset

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from omprov.catalog import CatalogReader, CatalogWriter
    from omprov.content import TreeSummary
    from omprov.records import Asset, AssetName, Difference, Version, VersionKey
    from omprov.repository._door._opened import AnyAsset

GIT_TAG = "git"
"""Says of a version what became of its commit."""


@dataclass(frozen=True, slots=True)
class CommitVersion:
    """A version that a commit makes.

    Attributes:
        commit: its id.
        content: the tree, which is stored already.
        inherits: another version, by its commit or its key → by how much this one differs.
        message: of the commit.
        creator: its author.
        created: when it was committed.
        source: what else to keep, as JSON data.
    """

    commit: str
    content: TreeSummary
    inherits: Mapping[str | VersionKey, Difference]
    message: str
    creator: str
    created: datetime
    source: Mapping[str, Any] = field(default_factory=dict)


class Commits(Opened):
    """Histories that git recorded."""

    def find_commits(self, asset: AnyAsset, commits: Iterable[str]) -> dict[str, Version | None]:
        """Return the version of an asset that each commit is.

        Returns:
            ``None`` for a commit that is known and is of no version: where what is tracked was not
            there yet. Commits that are not known are left out.
        """
        with self._reading() as reader:
            found = find_asset(reader, parse(asset), self.project)
            keys = {} if found is None else reader.find_commits(found.id, commits)
            versions = reader.get_versions(key for key in keys.values() if key is not None)
            return {one: None if key is None else versions[key] for one, key in keys.items()}

    def find_commit_keys(
        self, asset: AnyAsset, commits: Iterable[str] | None = None
    ) -> dict[str, VersionKey | None]:
        """Return the keys of the versions that commits are; of all known ones without `commits`."""
        with self._reading() as reader:
            found = find_asset(reader, parse(asset), self.project)
            if found is None:
                return {}
            if commits is None:
                return reader.list_commits(found.id)
            return reader.find_commits(found.id, commits)

    def uploaded_edges(self, asset: AnyAsset) -> list[Edge[VersionKey]]:
        """Return the edges of an asset's versions, without their evidence."""
        with self._reading() as reader:
            found = find_asset(reader, parse(asset), self.project)
            edges = [] if found is None else reader.edges_of(found.name)
            return [Edge(edge.newer, edge.older, edge.weight) for edge in edges]

    def get_commit_version(self, asset: AnyAsset, home: str | VersionKey) -> Version:
        """Return a version of an asset by the commit that makes it, or by its key.

        Raises:
            NotFound: the asset has none.
        """
        found: Version | None
        if isinstance(home, str):
            found = self.find_commits(asset, [home]).get(home)
        else:
            with self._reading() as reader:
                known = find_asset(reader, parse(asset), self.project)
                found = reader.get_versions([home]).get(home)
                if known is None or (found is not None and found.asset != known.name):
                    found = None
        if found is None:
            raise NotFound("version of the commit", home)
        return found

    def tag_commits(self, asset: AnyAsset, states: Mapping[str, str | None]) -> int:
        """Set the tag ``git`` of the versions that these commits make.

        Args:
            asset: whose versions.
            states: commit → what to say of it; ``None`` for nothing.

        Returns:
            How many versions have such a tag now.
        """
        count = 0
        with self._writing() as writer:
            found = resolve_asset(writer, asset, self.project)
            keys = writer.find_commits(found.id, states)
            versions = writer.get_versions(key for key in keys.values() if key is not None)
            for commit, key in keys.items():
                version = None if key is None else versions[key]
                if version is None or version.source.get("git", {}).get("commit") != commit:
                    continue
                count += states[commit] is not None
                if version.tags.get(GIT_TAG) != states[commit]:
                    writer.set_tags(version.id, {GIT_TAG: states[commit]})
        return count

    def add_commits(
        self,
        asset: AnyAsset,
        versions: Sequence[CommitVersion],
        commits: Mapping[str, str | VersionKey | None],
        tags: Mapping[str, str | None],
    ) -> int:
        """Record versions that commits make; make the asset if it is not there.

        A version whose content is that of an older one, a revert, also inherits the latest of them
        with weight 0. What is recorded already, by another process maybe, is left alone.

        Args:
            asset: which asset.
            versions: parents before children.
            commits: every commit → its version, by the commit that makes it or by its key;
                ``None`` where what is tracked was not there yet.
            tags: set on the asset; ``None`` takes one away.

        Returns:
            How many versions were new.

        Raises:
            NotFound: a commit is not known, or a key is of no version of this asset.
        """
        name = new_asset_name(parse(asset), self.project)
        with self._writing_graphs([version.content.digest for version in versions]) as writer:
            known = ensure_asset(writer, name, self.project)
            _check_keys(writer, known.name, versions, commits.values())
            keys = writer.find_commits(known.id, _named(versions, commits.values()))
            new = [version for version in versions if version.commit not in keys]
            self._write(writer, known, new, keys)
            writer.set_commits(
                known.id, {commit: _key(home, keys) for commit, home in commits.items()}
            )
            changed = {tag: value for tag, value in tags.items() if known.tags.get(tag) != value}
            if changed:
                writer.set_tags(known.id, changed)
        return len(new)

    def _write(
        self,
        writer: CatalogWriter,
        asset: Asset,
        versions: Sequence[CommitVersion],
        keys: dict[str, VersionKey | None],
    ) -> None:
        twins = writer.find_twins(asset.id, {version.content.digest for version in versions})
        added = writer.add_versions(asset.id, [_to_new(version) for version in versions])
        parents: dict[VersionKey, dict[VersionKey, float]] = {}
        differences: dict[tuple[VersionKey, VersionKey], Difference] = {}
        for version, key in zip(versions, added, strict=True):
            weights = _weights(version, key, keys, differences)
            twin = twins.get(version.content.digest)
            if twin is not None:
                weights[twin] = 0.0
            twins[version.content.digest] = keys[version.commit] = key
            parents[key] = weights
        writer.add_edges(
            [
                Edge(key, one, weight)
                for key, each in parents.items()
                for one, weight in each.items()
            ],
            Origin.DECLARED,
            differences,
        )
        writer.announce_versions(asset.id, parents)
        for key, weights in parents.items():
            self._graphs.add_uploaded(asset.name.kind, key, weights)


def _named(versions: Iterable[CommitVersion], homes: Iterable[str | VersionKey | None]) -> set[str]:
    named = {one for version in versions for one in (version.commit, *version.inherits)}
    return {one for one in (*named, *homes) if isinstance(one, str)}


def _check_keys(
    reader: CatalogReader,
    asset: AssetName,
    versions: Iterable[CommitVersion],
    homes: Iterable[str | VersionKey | None],
) -> None:
    """Raise `NotFound` where a key is of no version of the asset: keys come from outside, too."""
    named = {one for version in versions for one in version.inherits}
    keys = {one for one in (*named, *homes) if one is not None and not isinstance(one, str)}
    found = reader.get_versions(keys)
    for key in sorted(keys):
        if key not in found or found[key].asset != asset:
            raise NotFound("version with the key", key)


def _key(home: str | VersionKey | None, keys: Mapping[str, VersionKey | None]) -> VersionKey | None:
    if not isinstance(home, str):
        return home
    if home not in keys:
        raise NotFound("commit", home)
    return keys[home]


def _weights(
    version: CommitVersion,
    key: VersionKey,
    keys: Mapping[str, VersionKey | None],
    differences: dict[tuple[VersionKey, VersionKey], Difference],
) -> dict[VersionKey, float]:
    weights = {}
    for home, difference in version.inherits.items():
        parent = _key(home, keys)
        if parent is None:
            raise NotFound("version of the commit", home)
        weights[parent] = difference.weight
        differences[key, parent] = difference
    return weights


def _to_new(version: CommitVersion) -> NewVersion:
    return NewVersion(
        digest=version.content.digest,
        size=version.content.size,
        files=version.content.files,
        created=version.created,
        creator=version.creator,
        message=version.message,
        source=version.source,
    )
