"""The command that runs and records another one: run."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from omprov.capture import (
    DeclaredOutput,
    Wanted,
    name_of_command,
    record_command,
    version_on_disk,
)
from omprov.errors import AlreadyExists, InvalidInput, NotFound
from omprov.records import Reference

from . import _wording
from ._child import run_child
from ._command import command
from ._job_words import InputWords, parse_input, parse_outputs, parse_params, read_metrics
from ._json_shapes import run_json
from ._session import display_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from omprov.capture import Reason
    from omprov.records import Run, Version
    from omprov.repository import Repository

    from ._session import Session


@command(
    "run",
    example="omprov run -- python train.py --lr 0.1\n"
    "omprov run --input algorithm=./code --input dataset/digits:v3 \\\n"
    "  --output model/digits=out --param lr=0.1 --metrics out/metrics.json \\\n"
    "  -- python code/train.py --lr 0.1",
    keys={
        "run": "the *run*",
        "files": "a list: path, what (read, written), taken, rule; why each file counts or not",
    },
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
@click.option("--name", help="What to call the run; else the name of the script or program.")
@click.option("-m", "--message", default="", help="What to say of the versions that it makes.")
@click.option(
    "--watch",
    type=click.Choice(["auto", "python", "strace", "none"]),
    default="auto",
    show_default=True,
    help="How to find the files that it reads and writes.",
)
@click.option("--explain", is_flag=True, help="Print the rule behind each file taken or left.")
@click.option(
    "--capture/--no-capture",
    "captures",
    default=True,
    help="Capture all that can be, or record only what is named here.",
)
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
    watch: str,
    explain: bool,
    captures: bool,
    words: tuple[str, ...],
) -> None:
    """Run COMMAND, in any language, and record it with its inputs and outputs.

    Nothing has to be named: its code comes from git (changes included), its parameters from its
    options and the files that they name, its data and models from what it reads and writes. What
    is named here wins over what is captured. Its output goes through, and its exit status is ours.
    A run that fails or is stopped is recorded as such, without outputs. Named inputs are recorded
    before it starts: a folder that changed, or that was never recorded, gets its version then.
    """
    wanted = [parse_input(text) for text in inputs]
    made = parse_outputs(outputs)
    given = parse_params(params)
    called = name or name_of_command(words)
    for text in (called, message, json.dumps(given, ensure_ascii=False)):
        _check_text(text)
    with session.repository() as repository:
        for output in made.values():
            _check_output(repository, output.asset)
        asked = Wanted(
            words,
            Path.cwd(),
            called,
            inputs=_resolve_inputs(session, repository, wanted),
            outputs={role: DeclaredOutput(one.asset, one.path) for role, one in made.items()},
            params=given,
            metrics=metrics,
            read_metrics=None if metrics is None else partial(read_metrics, metrics),
            message=message,
            captures=captures,
            watch=watch,
        )
        outcome = record_command(repository, asked, partial(run_child, to_stderr=session.as_json))
    run = outcome.run
    session.answer(
        {"run": run_json(run), "files": [_reason_json(one) for one in outcome.reasons]},
        lambda _: _show_recorded(session.err, run),
    )
    if explain and not session.as_json:
        _show_reasons(session.err, outcome.reasons)
    for note in outcome.notes:
        session.err.print(f"omprov: {note}", style="dim", soft_wrap=True)
    for problem in outcome.problems:
        session.warn(problem)
    raise click.exceptions.Exit(outcome.exit_status or (1 if outcome.problems else 0))


def _reason_json(reason: Reason) -> dict[str, Any]:
    return {
        "path": reason.path,
        "what": reason.what,
        "taken": reason.taken,
        "rule": reason.rule,
    }


_MOST_LEFT = 10
"""Files left by one rule that are listed; of more their number is told."""


def _show_reasons(err: Console, reasons: Sequence[Reason]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(style="dim", overflow="fold")
    groups: dict[tuple[bool, str, str], list[str]] = {}
    for one in reasons:
        groups.setdefault((not one.taken, one.what, one.rule), []).append(one.path)
    for (is_left, what, rule), paths in sorted(groups.items()):
        word = Text("left" if is_left else "taken", style="dim" if is_left else "green")
        shown = [_wording.printable(display_path(Path(path))) for path in sorted(paths)]
        if is_left and len(shown) > _MOST_LEFT:
            shown = [f"{len(shown):,} files"]
        for name in shown:
            table.add_row(word, name, f"{what}: {rule}")
    err.print(table)


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


def _show_recorded(err: Console, run: Run) -> None:
    err.print(f"omprov: recorded run {run.id}", style="dim", end="", soft_wrap=True)
    took = _wording.duration((run.ended or run.started) - run.started)
    err.print(f"  {run.status}, {took}", style="dim", end="")
    for version in run.outputs.values():
        err.print(f"  {version}", style="bold", end="")
    err.print()
