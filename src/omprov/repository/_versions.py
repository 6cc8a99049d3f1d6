"""Adding versions: parents, differences and edges, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

from omprov.errors import InvalidInput
from omprov.records import AssetName, Edge, Inherits, Origin, VersionKey

from ._contents import nearest
from ._resolving import new_asset_name, parse, resolve_asset, resolve_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omprov.catalog import CatalogReader, CatalogWriter
    from omprov.content import TreeSummary
    from omprov.records import Asset, Difference, Digest, Reference, Version

    from ._contents import Differences
    from ._graphs import Graphs

AUTO: Literal["auto"] = "auto"
"""Let OMProv choose the parent: the workspace's version first, else the nearest by content among
the asset's newest versions, else none."""

CANDIDATES = 10
"""How many of the newest versions `AUTO` looks at."""


@dataclass(frozen=True, slots=True)
class Added:
    """What came of adding a version.

    Attributes:
        version: the new version, or the one that held the same content already.
        created: False where nothing was new.
        inherits: the declared edges of `version`.
    """

    version: Version
    created: bool
    inherits: tuple[Inherits, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A version about to be written.

    Attributes:
        parents: what it will inherit, with the difference to each.
        twin: the latest older version of the asset with the same content.
        existing: set where nothing is new: the version that holds this content already.
    """

    parents: tuple[tuple[Version, Difference], ...]
    twin: Version | None
    existing: Version | None


def plan_version(
    reader: CatalogReader,
    differences: Differences,
    asset: Asset | None,
    digest: Digest | None,
    *,
    inherits: Sequence[Version] | Literal["auto"],
    held: Version | None = None,
    candidates: int = CANDIDATES,
) -> Plan:
    """Choose parents and measure the differences; reads only.

    Args:
        reader: a view of the catalog.
        differences: what compares.
        asset: ``None`` where it is about to be made.
        digest: of the new content; ``None`` for a version without content.
        inherits: the parents, or `AUTO`.
        held: the version that the workspace knows this folder to hold.
        candidates: how many of the newest versions `AUTO` looks at.
    """
    twin = find_twin(reader, asset, digest)
    parents: list[Version]
    if inherits == AUTO:
        parents = _auto(
            reader, differences, asset, digest, held=held, twin=twin, candidates=candidates
        )
    else:
        parents = list({parent.key: parent for parent in inherits}.values())
    holders = parents or ([twin] if twin is not None else [])
    if asset is not None and holders and all(_holds(one, asset, digest) for one in holders):
        return Plan((), twin, existing=max(holders, key=lambda one: one.key))
    measure = asset.measure if asset else None
    return Plan(
        tuple(
            (parent, differences.between(parent.digest, digest, parent.asset.kind, measure))
            for parent in parents
        ),
        twin,
        existing=None,
    )


def _holds(version: Version, asset: Asset, digest: Digest | None) -> bool:
    """Tell whether this version of the asset has the content: then nothing is new."""
    is_there = version.asset == asset.name and version.removed is None
    return is_there and digest is not None and version.digest == digest


def find_twin(reader: CatalogReader, asset: Asset | None, digest: Digest | None) -> Version | None:
    """Return the latest uploaded version of the asset with this content."""
    if asset is None or digest is None:
        return None
    twins = reader.find_versions_by_digest(asset.name, digest)
    return next((twin for twin in twins if twin.run is None), None)


def find_child(reader: CatalogReader, parent: Version, digest: Digest) -> Version | None:
    """Return the latest uploaded version with this content that inherits the parent by itself."""
    twins = reader.find_versions_by_digest(parent.asset, digest)
    alike = {twin.key: twin for twin in twins if twin.run is None and twin.removed is None}
    edges = reader.edges_from(alike) if alike else []
    children = [
        edge.newer
        for edge in edges
        if edge.older == parent.key and edge.origin is Origin.DECLARED and edge.difference
    ]
    return alike[max(children)] if children else None


def recall_words(reader: CatalogReader, differences: Differences, version: Version) -> None:
    """Take over from the evidence of a version's edges how many words it has, if one says so."""
    if version.digest is None:
        return
    for edges, side in ((reader.edges_from, "new"), (reader.edges_to, "old")):
        for edge in edges([version.key]):
            evidence = edge.difference
            if evidence is not None and evidence.measure == "words" and side in evidence.counts:
                differences.know_words(version.digest, int(evidence.counts[side]))
                return


def _auto(
    reader: CatalogReader,
    differences: Differences,
    asset: Asset | None,
    digest: Digest | None,
    *,
    held: Version | None,
    twin: Version | None,
    candidates: int,
) -> list[Version]:
    if held is not None:
        return [held]
    if twin is not None:
        return [twin]
    if asset is None:
        return []
    newest = reader.list_versions(asset.name, limit=candidates)
    if digest is None:
        return newest[:1]
    found = nearest(differences, asset, digest, newest)
    return [] if found is None else [found]


def write_version(
    writer: CatalogWriter,
    graphs: Graphs,
    asset: Asset,
    plan: Plan,
    summary: TreeSummary | None,
    *,
    message: str = "",
    source: Mapping[str, Any] | None = None,
) -> Added:
    """Write what was planned.

    Raises:
        InvalidInput: a parent is of another kind.
    """
    if plan.existing is not None:
        return Added(plan.existing, created=False)
    for parent, _ in plan.parents:
        if parent.asset.kind != asset.name.kind:
            raise InvalidInput(
                f"{asset.name} cannot inherit {parent}: a version inherits versions of its own "
                f"kind ({asset.name.kind}), and {parent.asset} is of kind {parent.asset.kind}"
            )
    weights = {parent.key: difference.weight for parent, difference in plan.parents}
    if plan.twin is not None:
        weights[plan.twin.key] = 0.0
    uploaded = {parent.key for parent, _ in plan.parents if parent.run is None}
    if plan.twin is not None:
        uploaded.add(plan.twin.key)
    version = writer.add_version(
        asset.id,
        digest=summary.digest if summary else None,
        size=summary.size if summary else 0,
        files=summary.files if summary else 0,
        message=message,
        source=source,
        feed={"parents": [[key, weights[key]] for key in weights if key in uploaded]},
    )
    writer.add_edges(
        [Edge(version.key, key, weight) for key, weight in weights.items()],
        Origin.DECLARED,
        {(version.key, parent.key): difference for parent, difference in plan.parents},
    )
    graphs.add_uploaded(
        asset.name.kind, version.key, {key: weights[key] for key in weights if key in uploaded}
    )
    inherits = [
        Inherits(version, parent, difference.weight, Origin.DECLARED, difference=difference)
        for parent, difference in plan.parents
    ]
    if plan.twin is not None and all(parent.key != plan.twin.key for parent, _ in plan.parents):
        inherits.append(Inherits(version, plan.twin, 0.0, Origin.DECLARED))
    return Added(version, created=True, inherits=tuple(inherits))


def ensure_asset(
    writer: CatalogWriter, reference: str | Reference | AssetName, project: str
) -> Asset:
    """Return the asset of this name, made now if it was not there.

    Raises:
        InvalidInput: it must be made, and the reference does not say its kind.
        NotFound: the project does not exist, or the asset was removed.
    """
    found = find_asset(writer, reference, project)
    return found or writer.add_asset(new_asset_name(reference, project))


def find_asset(
    reader: CatalogReader, reference: str | Reference | AssetName, project: str
) -> Asset | None:
    """Return the asset that a reference names; ``None`` where it could be made.

    Raises:
        NotFound: the project does not exist, the asset was removed, or a short name fits none.
    """
    wanted = parse(reference)
    if wanted.kind is not None:
        name = AssetName(wanted.project or project, wanted.kind, wanted.name)
        asset = reader.find_asset(name)
        if asset is None and reader.find_project(name.project) is not None:
            return None
    return resolve_asset(reader, wanted, project)


def resolve_parents(
    reader: CatalogReader,
    inherits: Sequence[str | Reference | Version] | Literal["auto"],
    asset: AssetName,
    project: str,
) -> list[Version] | Literal["auto"]:
    """Find the declared parents; ``v3`` alone means version 3 of the asset itself.

    Raises:
        NotFound: one does not exist.
    """
    if inherits == AUTO:
        return AUTO
    parents: list[Version] = []
    for item in inherits:
        wanted = parse(item) if not is_selector(item) else replace(parse(asset), selector=item)
        parents.append(resolve_version(reader, wanted, project))
    return parents


def is_selector(text: str | Reference | Version) -> TypeGuard[str]:
    """Say whether it names a version of an asset that is known already."""
    if not isinstance(text, str):
        return False
    return text.startswith("@") or (text[:1] == "v" and text[1:].isdecimal()) or text == "latest"


def keys(versions: Mapping[str, Version]) -> dict[str, VersionKey]:
    """Give role → key for role → version."""
    return {role: version.key for role, version in versions.items()}
