"""Recording a run: inputs, outputs and the inferred edges, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from omprov.errors import InvalidInput
from omprov.records import (
    AssetName,
    Edge,
    Origin,
    RunStatus,
    VersionKey,
    check_name,
)

from ._settings import add_settings
from ._versions import ensure_asset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from omprov.catalog import CatalogWriter
    from omprov.graph import GraphChange
    from omprov.records import Asset, RunId, Version

    from ._contents import Content, Differences
    from ._graphs import Graphs
    from ._settings import Stored


BUDGET = 1_000
"""Versions that one distance may settle inside the transaction; a farther weight is filled in
right after it."""


@dataclass(frozen=True, slots=True)
class Output:
    """Something that a run made.

    Attributes:
        asset: which asset gets the new version; made if it is not there.
        content: its bytes: a folder or file, files in memory, something stored, or nothing.
        message: what to say of the version.
        source: what else is known of where it came from, as JSON data.
    """

    asset: str | AssetName
    content: Content = None
    message: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)


class MetricPoint(NamedTuple):
    """One point of a metric's curve."""

    name: str
    step: int
    value: float
    time: datetime


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is recorded of a run beside its inputs and outputs."""

    name: str
    status: RunStatus
    started: datetime
    ended: datetime | None
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    points: Sequence[MetricPoint] = ()
    command: Sequence[str] = ()
    exit_status: int | None = None
    message: str = ""
    source: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def write_run(
    writer: CatalogWriter,
    graphs: Graphs,
    differences: Differences,
    facts: RunFacts,
    *,
    inputs: Mapping[str, Version],
    stored: Stored,
    project: str,
) -> tuple[RunId, list[tuple[AssetName, Edge[VersionKey]]]]:
    """Write the run and its outputs, and infer what they inherit.

    Returns:
        The run, and the edges whose weight is still to be computed.

    Raises:
        InvalidInput: two outputs are versions of one asset, or a role is no name.
    """
    used = {check_name(role, "role"): version for role, version in inputs.items()}
    made = output_assets(writer, stored, project)
    used |= add_settings(
        writer, graphs, differences, made, stored, used=used, name=facts.name, project=project
    )
    for asset in made.values():
        graphs.output(asset.name)
    run = writer.add_run(
        project=project,
        name=facts.name,
        status=facts.status,
        started=facts.started,
        ended=facts.ended,
        inputs={role: version.key for role, version in used.items()},
        params=facts.params,
        metrics=facts.metrics,
        command=facts.command,
        exit_status=facts.exit_status,
        message=facts.message,
        source=facts.source,
        tags=facts.tags,
    )
    if facts.points:
        writer.add_metric_points(run, facts.points)
    return run, write_outputs(writer, graphs, run, made=made, stored=stored, used=used)


def write_outputs(
    writer: CatalogWriter,
    graphs: Graphs,
    run: RunId,
    *,
    made: Mapping[str, Asset],
    stored: Stored,
    used: Mapping[str, Version],
) -> list[tuple[AssetName, Edge[VersionKey]]]:
    """Write the versions that a run made, and what they inherit; return edges without weight."""
    keys = {role: version.key for role, version in used.items()}
    pending: list[tuple[AssetName, Edge[VersionKey]]] = []
    for role, asset in made.items():
        output, summary = stored.outputs[role]
        version = writer.add_version(
            asset.id,
            digest=summary.digest if summary else None,
            size=summary.size if summary else 0,
            files=summary.files if summary else 0,
            message=output.message,
            run=run,
            source=output.source,
            feed={"tuple": keys},
        )
        writer.add_run_output(run, role, version.key)
        change = graphs.add_produced(version, used, budget=BUDGET)
        write_change(writer, change)
        pending += [(asset.name, edge) for edge in change.added if edge.weight is None]
    return pending


def write_change(writer: CatalogWriter, change: GraphChange[VersionKey]) -> None:
    """Store what inference changed."""
    if change.removed:
        writer.remove_edges([(edge.newer, edge.older) for edge in change.removed], Origin.INFERRED)
    if change.added:
        writer.add_edges(change.added, Origin.INFERRED)
    if change.reweighted:
        writer.set_weights(change.reweighted, Origin.INFERRED)


def output_assets(writer: CatalogWriter, stored: Stored, project: str) -> dict[str, Asset]:
    """Return the assets that outputs are versions of, made where they are not there.

    Raises:
        InvalidInput: two outputs are versions of one asset, or a role is no name.
    """
    made: dict[str, Asset] = {}
    for role, (output, _) in stored.outputs.items():
        asset = ensure_asset(writer, output.asset, project)
        for other, taken in made.items():
            if taken.name == asset.name:
                raise InvalidInput(
                    f"outputs {other!r} and {role!r} are both versions of {asset.name}: one run "
                    "makes one version of an asset; give one of them another name"
                )
        made[check_name(role, "role")] = asset
    return made
