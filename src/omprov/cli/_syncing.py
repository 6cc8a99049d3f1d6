"""The command that delivers what runs left in their journals: sync."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from . import _wording
from ._command import command
from ._json_shapes import run_json

if TYPE_CHECKING:
    from rich.console import Console

    from omprov.capture import SyncedRuns

    from ._session import Session


@command(
    "sync",
    example="omprov sync",
    keys={
        "runs": "the *run*s that were recorded to their end",
        "running": "how many runs go on",
        "problems": "why others could not be delivered; they are kept",
    },
)
def sync_command(session: Session) -> None:
    """Record what runs have said while the repository was locked, full or away.

    Everything is recorded once, however often this is called. Runs whose process is gone without a
    word are marked as killed. The other commands do so, too, before they answer. Exit status 1:
    some runs could not be delivered.

    With OMPROV_OPENLINEAGE_URL set, whoever listens there is told of all runs that it has missed.
    """
    from omprov._front import tell_of_runs  # start-up
    from omprov.capture import sync_runs

    with session.repository(deliver=False) as repository:
        synced = sync_runs(repository)
        untold = tell_of_runs(repository, insist=True)
    if untold:
        synced = replace(synced, problems=(*synced.problems, f"OpenLineage: {untold}"))
    session.answer(
        {
            "runs": [run_json(run) for run in synced.delivered],
            "running": synced.running,
            "problems": list(synced.problems),
        },
        lambda out: _show(out, synced),
    )
    for problem in synced.problems:
        session.warn(problem)
    raise click.exceptions.Exit(1 if synced.problems else 0)


def _show(out: Console, synced: SyncedRuns) -> None:
    for run in synced.delivered:
        out.print(f"run {run.id}  {run.status}", soft_wrap=True)
    if synced.running:
        out.print(f"{_wording.plural(synced.running, 'run')} still running", soft_wrap=True)
    if not (synced.delivered or synced.running or synced.problems):
        out.print("Nothing waits.")
