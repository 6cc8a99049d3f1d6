"""What bodies name, as the repository takes it: assets, versions, content that was uploaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.content import TreeSummary
from omprov.errors import NotFound
from omprov.records import Reference, Role, parse_digest, show_digest
from omprov.repository import MetricPoint, Output

from ._schemas._requests import Named

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omprov.records import AssetName, Version
    from omprov.repository import Repository

    from ._access import Access
    from ._schemas._requests import OutputMade, Point, StoredContent, VersionNamed


def named_asset(access: Access, name: str | Named, project: str) -> AssetName | Reference:
    """Return the full name of an asset that whoever asks may write to."""
    full = name.record() if isinstance(name, Named) else name
    return access.asset_name(full, Role.EDITOR, project)


def named_version(access: Access, named: str | VersionNamed, project: str) -> Version:
    """Return a version that whoever asks sees."""
    text = named if isinstance(named, str) else named.id
    return access.version(text, Role.VIEWER, project=project)


def named_versions(
    access: Access, named: Mapping[str, str | VersionNamed], project: str
) -> dict[str, Version]:
    """Return versions by role that whoever asks sees."""
    return {role: named_version(access, one, project) for role, one in named.items()}


def stored(repository: Repository, digest: str) -> TreeSummary:
    """Return what was uploaded, as the store itself has it.

    Raises:
        NotFound: it was not uploaded.
    """
    known = parse_digest(digest)
    if not repository.content.contains(known):
        raise NotFound("content", show_digest(known), hint="Upload it first.")
    tree = repository.content.tree(known)
    return TreeSummary(known, tree.size, tree.files)


def stored_or_none(repository: Repository, said: StoredContent) -> TreeSummary | None:
    """Return what was uploaded; ``None`` for the fact alone."""
    return None if said.digest is None else stored(repository, said.digest)


def outputs(
    access: Access, repository: Repository, made: Mapping[str, OutputMade], project: str
) -> dict[str, Output]:
    """Return what a run made."""
    return {
        role: Output(
            _output_name(access, one, project),
            stored_or_none(repository, one),
            one.message,
            one.source,
        )
        for role, one in made.items()
    }


def _output_name(access: Access, made: OutputMade, project: str) -> str | AssetName:
    name = named_asset(access, made.asset, project)
    return str(name) if isinstance(name, Reference) else name


def points(said: Iterable[Point]) -> list[MetricPoint]:
    """Return points of metrics."""
    return [MetricPoint(one.name, one.step, one.value, one.time) for one in said]
