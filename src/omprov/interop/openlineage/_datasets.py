"""Which version of which asset a dataset of an event is; made where it is not there yet."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from omprov.errors import AlreadyExists, CycleError, NotFound
from omprov.records import AssetName, Kind, VersionId
from omprov.repository import AUTO, Output

from ._known import SOURCE, small_facets
from ._names import Named, asset_name
from ._own_facets import VERSION_FACET, OwnVersion, read_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.content import TreeSummary
    from omprov.records import RunId, Version
    from omprov.repository import Repository

    from ._events import Dataset

FILE = "dataset.json"
"""The one file of a version that is known by its name only."""
_LOOKED_AT = 50
"""Newest versions of a dataset among which the state at a time is looked for."""
_MEASURE = "files"
"""Names say nothing of how far states are from each other: each differs wholly from the others."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the versions of a dataset go.

    Attributes:
        own: what an OMProv repository says of the version.
    """

    asset: AssetName
    named: Named
    facets: Mapping[str, Any]
    own: OwnVersion | None

    @property
    def label(self) -> str | None:
        """The version as the event says it; ``None`` where it says none."""
        said = self.facets.get("version")
        label = said.get("datasetVersion") if isinstance(said, dict) else None
        if label is None and self.own is not None:
            return self.own.label
        return None if label is None else str(label)


def place_of(project: str, dataset: Dataset) -> Place:
    """Return where a dataset's versions go."""
    own = read_version(dataset.facets.get(VERSION_FACET))
    kind = Kind.DATASET if own is None else own.kind
    asset = AssetName(project, kind, asset_name(dataset.named))
    return Place(asset, dataset.named, dataset.facets, own)


def version_used(repository: Repository, place: Place, at: datetime) -> Version:
    """Return the version that a run used which started at this time.

    The one that the event names; else the state that the last run to write it before then left;
    else one that stands for a state of which nothing is known.
    """
    if place.own is not None:
        with suppress(NotFound):
            known = repository.get_version_by_id(VersionId(place.own.id))
            if known.asset.project == repository.project and known.removed is None:
                return known
    label = place.label
    if label is None:
        known_state = _state_at(repository, place.asset, at)
        return known_state or _add(repository, place, None, at, inherits=())
    return _labelled(repository, place, label, at)


def version_alone(repository: Repository, place: Place, at: datetime) -> Version | None:
    """Return the version that an event about nothing but a dataset names; else the latest."""
    label = place.label
    if label is not None:
        return _labelled(repository, place, label, at)
    return _state_at(repository, place.asset, at) or _add(repository, place, None, at, inherits=())


def output_of(repository: Repository, place: Place, run: RunId, at: datetime) -> Output:
    """Return what a run made of a dataset."""
    ensure_asset(repository, place.asset, place.named)
    label = place.label
    stored = _content(
        repository, place.named, {"run": run} if label is None else {"version": label}
    )
    return Output(place.asset, stored, source=_source(place, label, at))


def ensure_asset(
    repository: Repository, asset: AssetName, named: Named, *, measure: str | None = _MEASURE
) -> None:
    """Make the asset of a dataset or a job, unless it is there."""
    try:
        repository.get_asset(asset)
    except NotFound:
        about = f"{named.name} in {named.namespace}"
        with suppress(AlreadyExists):
            repository.add_asset(asset, description=about, measure=measure)


def _labelled(repository: Repository, place: Place, label: str, at: datetime) -> Version:
    found = _find(repository, place, label)
    if found is not None:
        return found
    if place.own is None:
        return _add(repository, place, label, at, inherits=AUTO)
    _add_ancestors(repository, place, at)
    return _find(repository, place, label) or _add(repository, place, label, at, inherits=())


def _find(repository: Repository, place: Place, label: str) -> Version | None:
    """Return the version of this label: the one that a run made, before one that was only used."""
    stored = _content(repository, place.named, {"version": label})
    holders = [
        version
        for version in repository.find_holders(stored.digest)
        if version.asset == place.asset
    ]
    return next((one for one in holders if one.run is not None), next(iter(holders), None))


def _state_at(repository: Repository, asset: AssetName, at: datetime) -> Version | None:
    try:
        newest = repository.list_versions(asset, limit=_LOOKED_AT)
    except NotFound:
        return None
    states = [(_time_of(version), version.number, version) for version in newest]
    before = [state for state in states if state[0] <= at and not _is_placeholder(state[2])]
    return max(before, key=lambda state: state[:2])[2] if before else None


def _time_of(version: Version) -> datetime:
    said = version.source.get(SOURCE)
    if isinstance(said, dict) and "time" in said:
        return datetime.fromisoformat(said["time"])
    return version.created


def _is_placeholder(version: Version) -> bool:
    said = version.source.get(SOURCE)
    return isinstance(said, dict) and said.get("version") is None and version.run is None


def _add(
    repository: Repository, place: Place, label: str | None, at: datetime, *, inherits: Any
) -> Version:
    ensure_asset(repository, place.asset, place.named)
    stored = _content(repository, place.named, {} if label is None else {"version": label})
    return repository.add_version(
        place.asset, stored, inherits=inherits, source=_source(place, label, at)
    ).version


def _content(repository: Repository, named: Named, more: Mapping[str, Any]) -> TreeSummary:
    said = {"namespace": named.namespace, "name": named.name, **more}
    return repository.content.put_files({FILE: f"{json.dumps(said)}\n".encode()})


def _source(place: Place, label: str | None, at: datetime) -> dict[str, Any]:
    facets = {name: value for name, value in place.facets.items() if name != "version"}
    return {
        SOURCE: {
            "namespace": place.named.namespace,
            "name": place.named.name,
            "version": label,
            "time": at.isoformat(),
            "facets": small_facets(facets),
        }
    }


def _add_ancestors(repository: Repository, place: Place, at: datetime) -> None:
    """Add what an OMProv repository says that its version inherits, the oldest first."""
    own = place.own
    assert own is not None, "only OMProv says what versions inherit"
    versions: dict[tuple[str, int], Version] = {}
    for edge in reversed(own.ancestors):
        for name, number in (edge.older, edge.newer):
            if (name, number) not in versions:
                there = _beside(place, name, number)
                label = f"v{number}"
                found = _find(repository, there, label)
                versions[name, number] = found or _add(repository, there, label, at, inherits=())
        with suppress(CycleError):  # whoever says so contradicts what is known here
            repository.add_edge(versions[edge.newer], versions[edge.older], weight=edge.weight)


def _beside(place: Place, name: str, number: int) -> Place:
    """Return the place of another asset of the same repository."""
    own = place.own
    assert own is not None, "only OMProv says what versions inherit"
    if (name, number) == (own.name, own.number):
        return place
    named = Named(place.named.namespace, f"{own.kind}/{name}")
    asset = replace(place.asset, name=asset_name(named))
    return Place(asset, named, {}, replace(own, name=name, number=number))
