"""Which contents have to stay, and what assets take up."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.records import Policy, Treatment

if TYPE_CHECKING:
    from omprov.catalog import CatalogReader
    from omprov.content import Collected, Usage
    from omprov.records import AssetId, AssetName, Digest

    from ._copies import ClearedCopies
    from ._workspace import Workspace


@dataclass(frozen=True, slots=True)
class Freed:
    """What collecting garbage freed, or (on a dry run) would free.

    Attributes:
        content: what became of the packs.
        copies: what became of the local copies of versions.
    """

    content: Collected
    copies: ClearedCopies

    @property
    def bytes(self) -> int:
        """All in all."""
        content = self.content
        return content.freed + content.files + content.leftovers + self.copies.bytes


@dataclass(frozen=True, slots=True)
class AssetUsage:
    """What the versions of one asset take up.

    Attributes:
        asset: its name.
        versions: how many it has, removed ones excluded.
        logical: bytes of all versions, as if each lay on its own.
        distinct: bytes of files, each content once.
        stored: bytes in packs of all that the asset reaches, compressed.
        shared: those of them that other assets reach, too.
    """

    asset: AssetName
    versions: int
    logical: int
    distinct: int
    stored: int
    shared: int


@dataclass(frozen=True, slots=True)
class RepositoryUsage:
    """What a repository takes up.

    Attributes:
        assets: by name.
        logical: bytes of all versions.
        content: packs and caches of the content store.
        copies: bytes of local copies that are no links.
    """

    assets: tuple[AssetUsage, ...]
    logical: int
    content: Usage
    copies: int

    @property
    def ratio(self) -> float | None:
        """How many times more the versions would take up on their own; ``None`` of nothing."""
        return self.logical / self.content.stored if self.content.stored else None


def kept_digests(reader: CatalogReader, workspace: Workspace) -> set[Digest]:
    """Return the contents that have to stay.

    Those of versions that are not removed, and what runs left; those of removed versions that a
    folder of the workspace holds, to which it is compared; and those of removed ones that weigh in
    a free role, for the weights of edges are computed from them whenever a graph is inferred anew.
    """
    kept = {digest for digest, _ in reader.digests()}
    kept.update(reader.run_file_digests())
    kept.update(held.digest for held in workspace.list())
    weighing = [item for item in reader.removed_inputs() if item[0] not in kept]
    makers = reader.get_assets({asset for _, _, asset in weighing})
    kept.update(
        digest
        for digest, role, asset in weighing
        if (makers[asset].policy or Policy()).treatment(role) is Treatment.FREE
    )
    return kept


def versions_by_asset(
    reader: CatalogReader,
) -> tuple[dict[AssetId, list[int]], dict[str, set[Digest]]]:
    """Return the sizes of each asset's versions, and their distinct contents."""
    sizes: dict[AssetId, list[int]] = defaultdict(list)
    contents: dict[str, set[Digest]] = defaultdict(set)
    for asset, digest, size in reader.contents():
        sizes[asset].append(size)
        if digest is not None:
            contents[asset].add(digest)
    return sizes, contents


def usage_of(
    reader: CatalogReader,
    sizes: dict[AssetId, list[int]],
    usage: Usage,
) -> tuple[AssetUsage, ...]:
    """Return what each asset takes up, by name."""
    assets = reader.get_assets(sizes)
    found = []
    for asset, own in sizes.items():
        share = usage.shares.get(asset)
        found.append(
            AssetUsage(
                asset=assets[asset].name,
                versions=len(own),
                logical=sum(own),
                distinct=share.distinct if share else 0,
                stored=share.stored if share else 0,
                shared=share.shared if share else 0,
            )
        )
    return tuple(sorted(found, key=lambda one: str(one.asset)))
