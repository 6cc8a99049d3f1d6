"""Projects, assets and versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ._references import DEFAULT_PROJECT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ._ids import AssetId, Digest, ProjectId, RunId, VersionId, VersionKey
    from ._kinds import Kind
    from ._policies import Policy


@dataclass(frozen=True, slots=True)
class Project:
    """A name space with members."""

    id: ProjectId
    name: str
    created: datetime


@dataclass(frozen=True, slots=True, order=True)
class AssetName:
    """The full name of an asset; prints as people write it."""

    project: str
    kind: Kind
    name: str

    def __str__(self) -> str:
        short = f"{self.kind}/{self.name}"
        return short if self.project == DEFAULT_PROJECT else f"{self.project}/{short}"


@dataclass(frozen=True, slots=True)
class Asset:
    """A named thing that evolves.

    Attributes:
        policy: how roles count in the runs that make it; ``None`` is the default policy.
        measure: how the differences of its versions are measured; ``None`` leaves that to the kind.
        removed: when it was removed; its versions stay as tombstones so that lineage survives.
    """

    id: AssetId
    name: AssetName
    created: datetime
    creator: str
    description: str = ""
    policy: Policy | None = None
    measure: str | None = None
    removed: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable state of an asset. It is not its content: a revert is a new version.

    Attributes:
        number: 1, 2, … within the asset; printed as ``v1``, ``v2``, ….
        digest: of the content, or ``None`` where only the fact is recorded.
        size: bytes of content.
        files: regular files and symlinks in the content.
        run: the run that produced it; ``None`` for an uploaded version.
        source: where the content came from (git commit, URI, …), as JSON data.
        removed: when it was removed; a removed version keeps its place in every graph.
    """

    id: VersionId
    key: VersionKey
    asset: AssetName
    number: int
    digest: Digest | None
    size: int
    files: int
    created: datetime
    creator: str
    message: str = ""
    run: RunId | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    removed: datetime | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """How people write this version, for instance ``dataset/digits:v3``."""
        return f"{self.asset}:v{self.number}"

    def __str__(self) -> str:
        return self.reference
