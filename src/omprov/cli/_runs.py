"""The commands about runs that were recorded: runs, runs show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from omprov.records import Kind, RunStatus

from . import _wording
from ._command import group, subcommand
from ._completion import complete_versions
from ._json_shapes import run_json
from ._run_details import short_id, show_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from omprov.records import Run, Version

    from ._session import Session

_COLOURS = {"succeeded": "green", "running": "cyan", "failed": "red", "killed": "red"}


@group(
    "runs",
    example="omprov runs -n 10\nomprov runs --using dataset/digits:v4\nomprov runs show 3f2a91",
    keys={"runs": "list of *run*, newest first"},
    invoke_without_command=True,
)
@click.option(
    "-n",
    "limit",
    metavar="N",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="How many.",
)
@click.option("--status", type=click.Choice([str(s) for s in RunStatus]), help="Only such.")
@click.option("--name", help="Only runs of this name.")
@click.option(
    "--using",
    metavar="REF",
    shell_complete=complete_versions,
    help="Only runs that used this version.",
)
@click.option(
    "--making",
    metavar="REF",
    shell_complete=complete_versions,
    help="Only the run that made this version.",
)
@click.pass_context
def runs_command(
    ctx: click.Context,
    session: Session,
    *,
    limit: int,
    status: str | None,
    name: str | None,
    using: str | None,
    making: str | None,
) -> None:
    """List runs, newest first."""
    if ctx.invoked_subcommand is not None:
        return
    with session.repository() as repository:
        runs = repository.list_runs(
            status=None if status is None else RunStatus(status),
            name=name,
            using=using,
            making=making,
            limit=limit,
        )
    session.answer(
        {"runs": [run_json(run) for run in runs]}, lambda out: _show_runs(out, runs, session)
    )


def _show_runs(out: Console, runs: list[Run], session: Session) -> None:
    if not runs:
        out.print("No such run.")
        return
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for title in ("run", "status", "age", "name"):
        table.add_column(title, no_wrap=title != "name", overflow="fold")
    for title in ("inputs", "outputs", "metrics"):
        table.add_column(title, overflow="fold")
    for run in runs:
        table.add_row(
            Text(short_id(run.id), style="bold"),
            Text(str(run.status), style=_COLOURS[str(run.status)]),
            Text(_wording.short_age(run.started, session.now), style="dim"),
            Text(_wording.printable(run.name)),
            Text(_versions(run.inputs)),
            Text(_versions(run.outputs)),
            Text(_metrics(run.metrics)),
        )
    out.print(table)


def _versions(versions: Mapping[str, Version]) -> str:
    """List versions; the settings of a run are left to `runs show`."""
    shown = [v for v in versions.values() if v.asset.kind not in (Kind.PARAMS, Kind.ENVIRONMENT)]
    return "\n".join(str(version) for version in shown)


def _metrics(metrics: Mapping[str, float]) -> str:
    return "\n".join(
        f"{_wording.printable(name)} {_wording.number(value)}"
        for name, value in _wording.told_metrics(metrics).items()
    )


@subcommand(
    runs_command,
    "show",
    example="omprov runs show 3f2a91",
    keys={"run": "the *run*"},
)
@click.argument("id")
def runs_show_command(session: Session, *, id: str) -> None:
    """Show everything about a run; the beginning of its id, or of the last part, is enough."""
    with session.repository() as repository:
        run = repository.get_run(id)
    session.answer({"run": run_json(run)}, lambda out: show_run(out, run))
