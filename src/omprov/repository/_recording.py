"""Recording a run: inputs, outputs and the inferred edges, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from omprov.errors import InvalidInput
from omprov.records import (
    AssetName,
    Edge,
    Kind,
    Origin,
    RunStatus,
    VersionKey,
    check_name,
    name_like,
)

from ._contents import ENVIRONMENT_FILE, PARAMS_FILE
from ._versions import AUTO, ensure_asset, find_asset, plan_version, write_version

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from datetime import datetime

    from omprov.catalog import CatalogWriter
    from omprov.content import TreeSummary
    from omprov.graph import GraphChange
    from omprov.records import Asset, Digest, RunId, Version

    from ._contents import Content, Differences
    from ._graphs import Graphs


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
    """

    asset: str | AssetName
    content: Content = None
    message: str = ""


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


@dataclass(frozen=True, slots=True)
class Stored:
    """Content that lies in the store already, for `write_run`."""

    outputs: Mapping[str, tuple[Output, TreeSummary | None]]
    params: TreeSummary | None
    environment: TreeSummary | None

    def digests(self) -> list[Digest | None]:
        """Return the contents that versions will name."""
        trees = [*(tree for _, tree in self.outputs.values()), self.params, self.environment]
        return [None if tree is None else tree.digest for tree in trees]


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


def add_settings(
    writer: CatalogWriter,
    graphs: Graphs,
    differences: Differences,
    made: Mapping[str, Asset],
    stored: Stored,
    *,
    used: Container[str],
    name: str,
    project: str,
) -> dict[str, Version]:
    """Return the versions of a run's parameters and environment, by role; recorded where new.

    Args:
        writer: of the one transaction.
        graphs: kept in step.
        differences: what compares.
        made: the assets of the outputs; the first one's name is theirs, too.
        stored: their contents.
        used: roles that are taken.
        name: of the run: theirs where there is no output.
        project: whose assets they are.
    """
    owner = next(iter(made.values())).name.name if made else name_like(name, "run")
    return {
        role: _settings(writer, graphs, differences, AssetName(project, kind, owner), summary)
        for role, kind, summary in (
            ("params", Kind.PARAMS, stored.params),
            ("environment", Kind.ENVIRONMENT, stored.environment),
        )
        if summary is not None and role not in used
    }


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


def _settings(
    writer: CatalogWriter,
    graphs: Graphs,
    differences: Differences,
    name: AssetName,
    summary: TreeSummary,
) -> Version:
    """Return the version of these parameters, or of this environment; the same content is one."""
    asset = find_asset(writer, name, name.project) or writer.add_asset(name)
    plan = plan_version(writer, differences, asset, summary.digest, inherits=AUTO)
    return write_version(writer, graphs, asset, plan, summary).version


SETTINGS_FILES = {"params": PARAMS_FILE, "environment": ENVIRONMENT_FILE}
