"""Loading the graph of a kind's uploaded versions: from its snapshot and the feed, or anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import omprov.graph
from omprov.catalog import ChangeKind
from omprov.errors import Damaged, SchemaMismatch

from ._sources import name_of

if TYPE_CHECKING:
    from omprov.catalog import CatalogReader, FeedRow
    from omprov.graph import VersionGraph
    from omprov.records import Kind, VersionKey

REPLAY_AT_MOST = 20_000
"""Beyond so many feed rows, loading a graph anew is quicker than replaying them."""


def snapshot_name(kind: Kind) -> str:
    """Name the snapshot of a kind's graph."""
    return f"uploaded/{kind}"


def load_uploaded(
    view: CatalogReader, kind: Kind, position: int
) -> tuple[VersionGraph[VersionKey], int]:
    """Return the graph as it is in `view`, and the feed position of the snapshot used (0: none).

    Args:
        view: where to load it from.
        kind: whose graph.
        position: the feed position of `view`.
    """
    kept = view.find_snapshot(snapshot_name(kind))
    if kept is not None and position - kept[0] < REPLAY_AT_MOST:
        graph = _read(kept[1])
        if graph is not None and _replay_into(graph, view, kind, after=kept[0]):
            return graph, kept[0]
    keys, edges = view.uploaded_graph(kind)
    return omprov.graph.VersionGraph.load(
        keys, cast("list[tuple[VersionKey, VersionKey, float]]", edges)
    ), 0


def kind_of(view: CatalogReader, row: FeedRow) -> Kind:
    """Return the kind of the asset that a feed row is about."""
    assert row.asset is not None
    return name_of(view, row.asset).kind


def _read(snapshot: bytes) -> VersionGraph[VersionKey] | None:
    """Read a snapshot; ``None`` where another release or machine wrote it."""
    try:
        return omprov.graph.VersionGraph.from_state(snapshot)
    except (Damaged, SchemaMismatch):
        return None


def _replay_into(
    graph: VersionGraph[VersionKey], view: CatalogReader, kind: Kind, *, after: int
) -> bool:
    """Bring a kept graph up to the view; False where only loading anew will do."""
    for row in view.iter_feed(after):
        match row.kind:
            case ChangeKind.UPLOADED if kind_of(view, row) == kind:
                assert row.version is not None
                graph.add(row.version, inherits=dict(row.data["parents"]))
            case ChangeKind.EDGE if row.data["kind"] == kind:
                graph.add_edge(row.data["newer"], row.data["older"], row.data["weight"])
            case ChangeKind.EDGE_REMOVED:
                return False
            case _:
                pass
    return True
