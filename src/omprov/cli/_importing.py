"""The commands that bring in what other tools recorded: import tensorboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import _wording
from ._command import group, subcommand
from ._completion import complete_assets

if TYPE_CHECKING:
    from rich.console import Console

    from omprov.capture._tensorboard._importing import ImportedRun

    from ._session import Session


@group(
    "import",
    example="omprov import tensorboard logs",
    keys={},
    no_args_is_help=True,
)
def import_command(session: Session) -> None:
    """Bring in what other tools recorded."""


@subcommand(
    import_command,
    "tensorboard",
    example="omprov import tensorboard logs\n"
    "omprov import tensorboard old/runs --as summary/baselines",
    keys={
        "runs": "of each folder with event files: its path (folder), what became of it (state: "
        "new, grown, known or empty), the run's id, and how many points were added",
    },
)
@click.argument(
    "path", metavar="FOLDER", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option(
    "--as",
    "asset",
    metavar="ASSET",
    shell_complete=complete_assets,
    help="Whose versions the event files are; else summary/FOLDER for each.",
)
def import_tensorboard_command(session: Session, *, path: Path, asset: str | None) -> None:
    """Make a run of each folder with TensorBoard's event files, at and below FOLDER.

    Scalars become metrics, hyperparameters parameters, and the event files a version of a summary.
    Nothing is imported twice: what was logged since the last import is added to the run.
    """
    from omprov.capture._tensorboard._importing import import_tensorboard  # start-up

    with (
        session.repository() as repository,
        session.progress("importing", by_items=True) as progress,
    ):
        imported = import_tensorboard(repository, path, asset=asset, progress=progress)
    session.answer(
        {
            "runs": [
                {"folder": one.folder, "state": one.state, "run": one.run, "points": one.points}
                for one in imported
            ]
        },
        lambda out: _show(out, imported),
    )


def _show(out: Console, imported: list[ImportedRun]) -> None:
    for one in imported:
        added = f"  {_wording.plural(one.points, 'point')}" if one.state in ("new", "grown") else ""
        out.print(f"{one.folder}  {one.state}{added}", soft_wrap=True)
