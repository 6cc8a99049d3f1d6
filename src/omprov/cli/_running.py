"""The command that runs and records another one: run."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omprov.capture import version_on_disk
from omprov.errors import AlreadyExists, InvalidInput, NotFound, OmprovError
from omprov.records import Reference, RunStatus
from omprov.repository import Output

from . import _wording
from ._child import Ended, run_child
from ._command import command
from ._job_words import (
    InputWords,
    OutputWords,
    parse_input,
    parse_outputs,
    parse_params,
    read_metrics,
)
from ._json_shapes import run_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from omprov.records import Run, Version
    from omprov.repository import Repository

    from ._session import Session


@command(
    "run",
    example="omprov run --input algorithm=./code --input dataset/digits:v3 \\\n"
    "  --output model/digits=out --param lr=0.1 --metrics out/metrics.json \\\n"
    "  -- python code/train.py --lr 0.1",
    keys={"run": "the *run*"},
    context_settings={"allow_interspersed_args": False},
)
@click.option(
    "-i",
    "--input",
    "inputs",
    metavar="[ROLE=]REF|PATH",
    multiple=True,
    help="A version that is used, or a folder or file: then what it holds now.",
)
@click.option(
    "-o",
    "--output",
    "outputs",
    metavar="[ROLE=]ASSET=PATH",
    multiple=True,
    help="A folder or file that the command makes: the next version of ASSET.",
)
@click.option("-p", "--param", "params", metavar="NAME=VALUE", multiple=True, help="A parameter.")
@click.option(
    "--metrics",
    type=click.Path(path_type=Path),
    help="A file that the command writes: a JSON object, name → number.",
)
@click.option("--name", help="What to call the run; else the name of the program.")
@click.option("-m", "--message", default="", help="What to say of the versions that it makes.")
@click.argument("words", metavar="-- COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
def run_command(
    session: Session,
    *,
    inputs: tuple[str, ...],
    outputs: tuple[str, ...],
    params: tuple[str, ...],
    metrics: Path | None,
    name: str | None,
    message: str,
    words: tuple[str, ...],
) -> None:
    """Run COMMAND, in any language, and record it with its inputs and outputs.

    Its output goes through, and its exit status is ours. A run that fails or is stopped is recorded
    as such, without outputs. Inputs are recorded before it starts: a folder that changed, or that
    was never recorded, gets its version then.
    """
    wanted = [parse_input(text) for text in inputs]
    made = parse_outputs(outputs)
    given = parse_params(params)
    called = name or Path(words[0]).name
    for text in (called, message, json.dumps(given, ensure_ascii=False)):
        _check_text(text)
    with session.repository() as repository:
        for output in made.values():
            _check_output(repository, output.asset)
        used = _resolve_inputs(session, repository, wanted)
        started = datetime.now(UTC)
        before = {role: _newest_change(output.path) for role, output in made.items()}
        ended = run_child(words, to_stderr=session.as_json)
        stopped = datetime.now(UTC)
        problems: list[str] = []
        kept = _outputs_made(made, before, ended, problems)
        measured = _metrics(metrics, ended, problems)
        facts = {
            "inputs": used,
            "name": called,
            "status": _status(ended, problems),
            "started": started,
            "ended": stopped,
            "params": given,
            "metrics": measured,
            "command": words,
            "exit_status": ended.exit_status,
            "source": {"host": socket.gethostname(), "folder": str(Path.cwd())},
        }
        run = _record(repository, facts, _contents(kept, message), problems)
        for role, version in run.outputs.items():
            if role in kept:
                repository.workspace.remember(kept[role].path, version)
    session.answer({"run": run_json(run)}, lambda _: _show_recorded(session.err, run))
    for problem in problems:
        session.warn(problem)
    raise click.exceptions.Exit(ended.exit_status or (1 if problems else 0))


def _contents(made: dict[str, OutputWords], message: str) -> dict[str, Output]:
    return {role: Output(output.asset, output.path, message) for role, output in made.items()}


def _record(
    repository: Repository,
    facts: Mapping[str, Any],
    outputs: dict[str, Output],
    problems: list[str],
) -> Run:
    """Record the run; as failed and without outputs where these cannot be recorded."""
    try:
        return repository.record_run(outputs=outputs, message=_said(problems), **facts)
    except (OmprovError, OSError) as error:
        if not outputs:
            raise
        problems.append(f"the outputs could not be recorded: {error}")
    failed = {**facts, "status": RunStatus.FAILED}
    return repository.record_run(outputs={}, message=_said(problems), **failed)


def _said(problems: list[str]) -> str:
    return "; ".join(problems).encode(errors="backslashreplace").decode()


def _check_text(text: str) -> None:
    """Refuse what could not be recorded once the command has run."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(f"{text!r} is no valid Unicode and cannot be recorded") from error


def _check_output(repository: Repository, asset: str) -> None:
    """Refuse an asset that no version could be added to once the command has run."""
    try:
        repository.get_asset(asset)
    except NotFound:  # that may be made, or not
        pass
    else:
        return
    wanted = Reference.parse(asset)
    project = wanted.project or repository.project
    if project not in {known.name for known in repository.list_projects()}:
        raise NotFound("project", project)
    for known in repository.list_assets(project=project, kind=wanted.kind, removed=True):
        if known.name.name == wanted.name and known.removed is not None:
            raise NotFound(
                "asset",
                known.name,
                hint=f"It was removed on {known.removed:%Y-%m-%d}; its name stays taken.",
            )


def _resolve_inputs(
    session: Session, repository: Repository, wanted: list[InputWords]
) -> dict[str, Version]:
    used: dict[str, Version] = {}
    for words in wanted:
        if words.reference is not None:
            version = repository.get_version(words.reference)
        else:
            assert words.path is not None
            version = _recorded(session, repository, words.role, words.path)
        role = words.role or str(version.asset.kind)
        if role in used:
            raise AlreadyExists(
                "input", role, f"Give one a role of its own, for example {role}.second={version}."
            )
        used[role] = version
    return used


def _recorded(session: Session, repository: Repository, role: str | None, path: Path) -> Version:
    held = repository.workspace.find(path)
    with session.progress("storing") as progress:
        added = version_on_disk(repository, path, role, progress=progress)
    if added.created:
        what = "was never recorded" if held is None else f"differs from {held.reference}"
        session.warn(f"{path} {what}: recorded as {added.version}")
    return added.version


def _newest_change(path: Path) -> int:
    """Return when a file, or anything in a folder, changed last; 0 where there is nothing."""
    newest = 0
    folders = [path]
    while folders:
        folder = folders.pop()
        try:
            newest = max(newest, folder.lstat().st_ctime_ns)
            if folder.is_dir() and not folder.is_symlink():
                folders += [Path(entry.path) for entry in os.scandir(folder)]
        except OSError:  # gone meanwhile, or nothing there
            continue
    return newest


def _outputs_made(
    wanted: dict[str, OutputWords], before: dict[str, int], ended: Ended, problems: list[str]
) -> dict[str, OutputWords]:
    """Return the outputs to record: none of a run that failed, none that it did not make."""
    if ended.exit_status:
        return {}
    kept = {}
    for role, output in wanted.items():
        if not output.path.exists():
            problems.append(f"output {output.path} is not there; {output.asset} got no version")
        elif before[role] == _newest_change(output.path):
            problems.append(
                f"output {output.path} was not written by the command; "
                f"{output.asset} got no version"
            )
        else:
            kept[role] = output
    return kept


def _status(ended: Ended, problems: list[str]) -> RunStatus:
    if ended.killed and ended.exit_status:
        return RunStatus.KILLED
    return RunStatus.FAILED if ended.exit_status or problems else RunStatus.SUCCEEDED


def _metrics(path: Path | None, ended: Ended, problems: list[str]) -> dict[str, float]:
    """Read the metrics; of a failed run those that it got to write."""
    if path is None or (ended.exit_status and not path.exists()):
        return {}
    try:
        return read_metrics(path)
    except OmprovError as error:
        problems.append(str(error))
        return {}


def _show_recorded(err: Console, run: Run) -> None:
    err.print(f"omprov: recorded run {run.id}", style="dim", end="", soft_wrap=True)
    took = _wording.duration((run.ended or run.started) - run.started)
    err.print(f"  {run.status}, {took}", style="dim", end="")
    for version in run.outputs.values():
        err.print(f"  {version}", style="bold", end="")
    err.print()
