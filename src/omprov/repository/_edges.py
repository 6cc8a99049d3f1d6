"""Declaring and removing edges between versions that exist."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from omprov.catalog import ChangeKind
from omprov.errors import CycleError, InvalidInput, NotFound
from omprov.records import AssetName, Edge, Inherits, Origin, VersionKey

from ._recording import write_change

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omprov.catalog import CatalogReader, CatalogWriter, StoredEdge
    from omprov.records import Difference, Version

    from ._contents import Differences
    from ._graphs import Graphs


def declare_edge(
    writer: CatalogWriter,
    graphs: Graphs,
    differences: Differences,
    newer: Version,
    older: Version,
    *,
    weight: float | None,
) -> Inherits:
    """Store a late edge and everything that follows from it; of two edges the lighter stays.

    Raises:
        CycleError: it would close a cycle with declared or inferred edges.
        InvalidInput: the ends are of different kinds, or the weight is no weight.
    """
    difference: Difference | None = None
    if newer.asset.kind != older.asset.kind:
        raise InvalidInput(
            f"{newer} cannot inherit {older}: a version inherits versions of its own kind"
        )
    if weight is None:
        asset = writer.find_asset(newer.asset)
        difference = differences.between(
            older.digest, newer.digest, newer.asset.kind, asset.measure if asset else None
        )
        weight = difference.weight
    elif not (math.isfinite(weight) and weight >= 0):
        raise InvalidInput(f"weight {weight} of {newer} → {older}: it must be finite and ≥ 0")
    present = _find_declared(writer, newer, older)
    if present is not None and present.weight is not None and present.weight <= weight:
        return Inherits(
            newer, older, present.weight, Origin.DECLARED, difference=present.difference
        )
    edge = Edge(newer.key, older.key, weight)
    refuse_cycle(writer, newer.key, older.key)
    between_uploaded = newer.run is None and older.run is None
    # graphs that load for this must load without the edge, to tell what it changes
    changes = graphs.add_uploaded_edge(newer.asset.kind, edge) if between_uploaded else []
    writer.add_edges(
        [edge], Origin.DECLARED, {(newer.key, older.key): difference} if difference else None
    )
    if between_uploaded:
        for _, change in changes:
            write_change(writer, change)
        check_declared(writer, dict(changes))
        writer.append_feed(
            ChangeKind.EDGE,
            version=newer.key,
            data={
                "kind": str(newer.asset.kind),
                "newer": newer.key,
                "older": older.key,
                "weight": weight,
            },
        )
    told = {"inherits": str(older), "weight": weight}
    writer.add_audit("declare edge", str(newer), told, version=newer.key)
    return Inherits(newer, older, weight, Origin.DECLARED, difference=difference)


def remove_edge(writer: CatalogWriter, graphs: Graphs, newer: Version, older: Version) -> None:
    """Remove a declared edge and infer anew whatever rested on it.

    Raises:
        NotFound: there is no such declared edge.
    """
    if _find_declared(writer, newer, older) is None:
        raise NotFound("declared edge", f"{newer} → {older}")
    writer.remove_edges([(newer.key, older.key)], Origin.DECLARED)
    writer.append_feed(
        ChangeKind.EDGE_REMOVED,
        version=newer.key,
        data={"newer": newer.key, "older": older.key},
    )
    for change in graphs.rebuild_uploaded(newer.asset.kind).values():
        write_change(writer, change)
    writer.add_audit("remove edge", str(newer), {"inherits": str(older)}, version=newer.key)


def _find_declared(reader: CatalogReader, newer: Version, older: Version) -> StoredEdge | None:
    edges = reader.edges_from([newer.key])
    return next(
        (edge for edge in edges if edge.older == older.key and edge.origin is Origin.DECLARED), None
    )


def check_declared(reader: CatalogReader, assets: Iterable[AssetName]) -> None:
    """Refuse a change of inferred edges that contradicts a declared one.

    Args:
        reader: a view with the change in it.
        assets: the output assets whose inferred edges changed.

    Raises:
        CycleError: naming the cycle.
    """
    for asset in assets:
        for edge in reader.edges_of(asset):
            if edge.origin is Origin.DECLARED:
                refuse_cycle(reader, edge.newer, edge.older)


def refuse_cycle(reader: CatalogReader, newer: VersionKey, older: VersionKey) -> None:
    """Raise `CycleError` if `older` inherits `newer`, by whatever edges.

    A breadth-first walk over stored edges, one statement for each step of the walk.
    """
    if newer == older:
        raise CycleError(_names(reader, [newer, older]))
    reached: dict[VersionKey, VersionKey | None] = {older: None}
    front = [older]
    while front and newer not in reached:
        following: list[VersionKey] = []
        for edge in reader.edges_from(front):
            if edge.older not in reached:
                reached[edge.older] = edge.newer
                following.append(edge.older)
        front = following
    if newer in reached:
        path: list[VersionKey] = []
        at: VersionKey | None = newer
        while at is not None:
            path.append(at)
            at = reached[at]
        raise CycleError(_names(reader, [newer, *reversed(path)]))


def _names(reader: CatalogReader, keys: list[VersionKey]) -> list[str]:
    versions = reader.get_versions(keys)
    return [str(versions[key]) for key in keys]
