"""The command that says what is captured here: doctor."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from omprov.errors import NotFound

from . import _wording
from ._command import command

if TYPE_CHECKING:
    from rich.console import Console

    from omprov.capture import Diagnosis

    from ._session import Session

_COLOURS = {"yes": "green", "partly": "yellow", "no": "red"}


@command(
    "doctor",
    example="omprov doctor",
    keys={"captured": "a list: topic, captured (yes, partly, no), what, advice"},
)
@click.argument(
    "folder", default=".", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
def doctor_command(session: Session, *, folder: Path) -> None:
    """Say what is captured of a run in FOLDER, what is not, and why. Changes nothing."""
    from omprov.capture import diagnose  # start-up

    with contextlib.ExitStack() as stack:
        repository = None
        with contextlib.suppress(NotFound):
            repository = stack.enter_context(session.repository(deliver=False))
        found = diagnose(repository, folder.absolute(), os.environ)
    session.answer(
        {
            "captured": [
                {
                    "topic": one.topic,
                    "captured": str(one.captured),
                    "what": one.what,
                    "advice": one.advice,
                }
                for one in found
            ]
        },
        lambda out: _show(out, found),
    )


def _show(out: Console, found: list[Diagnosis]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(style="dim", overflow="fold")
    topic = ""
    for one in found:
        table.add_row(
            "" if one.topic == topic else one.topic,
            Text(str(one.captured), style=_COLOURS[str(one.captured)]),
            _wording.printable(one.what),
            one.advice,
        )
        topic = one.topic
    out.print(table)
