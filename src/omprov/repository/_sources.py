"""Which graphs stand on which: the sources of an output graph, and who builds on a source."""

from __future__ import annotations

from collections import defaultdict
from graphlib import CycleError as GraphCycleError
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, TypeAlias

from omprov.records import AssetName, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omprov.catalog import CatalogReader
    from omprov.records import Asset, AssetId, Version

Source: TypeAlias = Kind | AssetName
"""Which graph a version stands in: its kind's if it was uploaded, its asset's if a run made it."""

Sources: TypeAlias = dict[str, set[Source]]
"""Role → the graphs whose versions it takes."""


def source_of(version: Version) -> Source:
    """Return which graph this version stands in."""
    return version.asset.kind if version.run is None else version.asset


def get_asset(reader: CatalogReader, name: AssetName) -> Asset:
    """Return an asset that is known to be there, a removed one included."""
    asset = reader.find_asset(name)
    assert asset is not None, f"the catalog lost {name}"
    return asset


def name_of(reader: CatalogReader, asset: AssetId) -> AssetName:
    """Return the name of an asset that is known to be there."""
    return reader.get_assets([asset])[asset].name


def stored_sources(reader: CatalogReader, name: AssetName) -> Sources:
    """Return what the runs of an output asset used so far."""
    sources: Sources = defaultdict(set)
    for role, kind, producer in reader.input_sources(get_asset(reader, name).id):
        sources[role].add(kind if producer is None else name_of(reader, producer))
    return sources


def all_consumers(reader: CatalogReader, sources: Iterable[Source]) -> list[AssetName]:
    """Return the output assets that build on these, directly or not, nearest first."""
    todo: list[AssetId] = []
    for source in sources:
        if isinstance(source, Kind):
            todo += [asset.id for asset in reader.list_assets(kind=source, removed=True)]
        else:
            todo.append(get_asset(reader, source).id)
    found: dict[AssetId, None] = {}
    while todo:
        todo = [consumer for consumer in reader.consumers(todo) if consumer not in found]
        found.update(dict.fromkeys(todo))
    return [name_of(reader, consumer) for consumer in found]


def inputs_first(
    sources: Mapping[AssetName, Sources],
) -> list[AssetName] | None:
    """Order output assets so that each comes after those it uses; None where they form a cycle."""
    uses = {
        name: {used for group in inputs.values() for used in group if used in sources} - {name}
        for name, inputs in sources.items()
    }
    try:
        order = TopologicalSorter(uses).static_order()
        return [name for name in order if isinstance(name, AssetName)]
    except GraphCycleError:
        return None
