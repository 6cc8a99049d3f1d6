"""Runs that are recorded bit by bit, while they run: what became known goes in, exactly once."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from omprov.errors import Conflict, NotFound
from omprov.records import RunStatus, check_name

from ._recording import output_assets, write_outputs
from ._settings import add_settings

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from omprov.catalog import CatalogWriter
    from omprov.content import TreeSummary
    from omprov.records import AssetName, Digest, Edge, Run, RunId, Version, VersionKey

    from ._contents import Differences
    from ._graphs import Graphs
    from ._recording import MetricPoint, Output
    from ._settings import Stored

FILES = "files"
"""What the tree of a run's own files is called."""


@dataclass(frozen=True, slots=True)
class RunBegin:
    """That a run began, or goes on.

    Of a run that is recorded, an earlier `started` and a parent that was not known are taken over.

    Attributes:
        name: what to call it.
        started: when.
        parent: the run that began it, be it recorded or not.
    """

    name: str
    started: datetime
    parent: RunId | None = None


@dataclass(frozen=True, slots=True)
class RunEnd:
    """That a run ended.

    Attributes:
        status: how it went.
        ended: when.
        exit_status: of its command.
        message: what to say of it.
    """

    status: RunStatus
    ended: datetime
    exit_status: int | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class RunUpdate:
    """What became known of a run.

    Attributes:
        begin: set where the run may not be recorded yet.
        inputs: role → version used.
        params: parameters; JSON values.
        points: of metrics.
        tags: tags of the run.
        source: more facts, as JSON data; what stands under ``problems``, a list, is added to what
            stands there.
        command: the command line.
        environment: packages and what else matters, as JSON values.
        outputs: role → what was made.
        files: a folder of what it left that is no version, or what became of it in the store.
        trees: more of the kind, stored already: name → digest, each instead of the one so named.
        end: how it ended.
        journals: name → (from, to): the parts of its journals that this update was read from.
    """

    begin: RunBegin | None = None
    inputs: Mapping[str, Version] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    points: Sequence[MetricPoint] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    source: Mapping[str, Any] = field(default_factory=dict)
    command: Sequence[str] | None = None
    environment: Mapping[str, Any] | None = None
    outputs: Mapping[str, Output] = field(default_factory=dict)
    files: Path | TreeSummary | None = None
    trees: Mapping[str, Digest] = field(default_factory=dict)
    end: RunEnd | None = None
    journals: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def write_update(
    writer: CatalogWriter,
    graphs: Graphs,
    differences: Differences,
    id: RunId,
    update: RunUpdate,
    *,
    stored: Stored,
    files: Digest | None = None,
    project: str,
) -> list[tuple[AssetName, Edge[VersionKey]]]:
    """Write what became known of a run, and infer what its outputs inherit.

    Returns:
        The edges whose weight is still to be computed.

    Raises:
        Conflict: what one of the journals says was recorded meanwhile.
        NotFound: the run is not recorded, and the update does not begin it.
        InvalidInput: two outputs are versions of one asset, or a role is no name.
    """
    _check_journals(writer, id, update.journals)
    run = _begun(writer, id, update, project) if _asks_of_run(update) else None
    source = dict(update.source)
    problems = [*source.get("problems", []), *_add_inputs(writer, id, run, update.inputs)]
    if problems:
        source["problems"] = [*(run.source.get("problems", []) if run else []), *problems]
    writer.set_run(id, params=update.params, source=source, command=update.command)
    if update.points:
        writer.add_metric_points(id, update.points)
    if update.tags:
        writer.set_tags(id, update.tags)
    if files is not None:
        writer.add_run_files(id, _free_name(FILES, run.files if run else ()), files)
    for name, digest in update.trees.items():
        writer.add_run_files(id, name, digest)
    pending: list[tuple[AssetName, Edge[VersionKey]]] = []
    if update.end is not None or stored.outputs:
        pending = _write_made(writer, graphs, differences, id, stored=stored, project=project)
    if update.end is not None:
        end = update.end
        writer.set_run(
            id,
            status=end.status,
            ended=end.ended,
            exit_status=end.exit_status,
            message=end.message or None,
        )
    writer.set_journal_positions(id, {name: to for name, (_, to) in update.journals.items()})
    return pending


def _check_journals(
    writer: CatalogWriter, id: RunId, journals: Mapping[str, tuple[int, int]]
) -> None:
    recorded = writer.journal_positions(id) if journals else {}
    for name, (start, _) in journals.items():
        if recorded.get(name, 0) != start:
            raise Conflict(f"the journal {name} of run {id} was recorded by another process")


def _asks_of_run(update: RunUpdate) -> bool:
    """Tell whether what is recorded of the run already makes a difference."""
    return (
        update.begin is not None
        or update.files is not None
        or bool(update.inputs)
        or bool(update.source.get("problems"))
    )


def _begun(writer: CatalogWriter, id: RunId, update: RunUpdate, project: str) -> Run | None:
    """Begin the run, unless it is recorded: then return it as it was."""
    run = writer.find_run(id)
    begin = update.begin
    if run is None:
        if begin is None:
            raise NotFound("run", id)
        writer.add_run(
            project=project,
            name=begin.name,
            status=RunStatus.RUNNING,
            started=begin.started,
            inputs={},
            id=id,
            parent=begin.parent,
        )
    elif begin is not None:
        writer.set_run(
            id,
            status=RunStatus.RUNNING if run.status is not RunStatus.RUNNING else None,
            started=begin.started if begin.started < run.started else None,
            parent=begin.parent if run.parent is None else None,
        )
    return run


def _add_inputs(
    writer: CatalogWriter, id: RunId, run: Run | None, inputs: Mapping[str, Version]
) -> list[str]:
    """Add inputs to a run, of which this is recorded; return why some could not be."""
    problems = []
    for role, version in inputs.items():
        taken = run.inputs.get(check_name(role, "role")) if run else None
        if taken is not None and taken.key == version.key:
            continue
        if taken is not None:
            problems.append(f"{version} was used in the role {role}, which {taken} had already")
        elif run and run.outputs:
            problems.append(f"{version} was used after the outputs were recorded, as {role}")
        else:
            writer.add_run_input(id, role, version.key)
    return problems


def _write_made(
    writer: CatalogWriter,
    graphs: Graphs,
    differences: Differences,
    id: RunId,
    *,
    stored: Stored,
    project: str,
) -> list[tuple[AssetName, Edge[VersionKey]]]:
    run = writer.find_run(id)
    assert run is not None, f"run {id} was just written"
    free = replace(stored, outputs=_in_free_roles(run, stored))
    made = output_assets(writer, free, project)
    used = dict(run.inputs)
    if not run.outputs:  # else the tuple of what it made stands already
        settings = add_settings(
            writer, graphs, differences, made, free, used=used, name=run.name, project=project
        )
        for role, version in settings.items():
            writer.add_run_input(id, role, version.key)
        used |= settings
    for asset in made.values():
        graphs.output(asset.name)
    return write_outputs(writer, graphs, id, made=made, stored=free, used=used)


def _in_free_roles(run: Run, stored: Stored) -> dict[str, Any]:
    """Give outputs of a run that went on a role beside that of its earlier ones."""
    free: dict[str, Any] = {}
    for role, output in stored.outputs.items():
        free[_free_name(role, {**run.outputs, **free})] = output
    return free


def _free_name(name: str, taken: Container[str]) -> str:
    """Return the name, with a number if it is taken."""
    number = 1
    free = name
    while free in taken:
        number += 1
        free = f"{name}.{number}"
    return free
