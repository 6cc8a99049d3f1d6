"""What is shown of a run, and the table without lines that it is shown in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from omprov.records import show_digest

from . import _wording

if TYPE_CHECKING:
    from rich.console import Console

    from omprov.records import Run


def short_id(run: str) -> str:
    """Return the end of a run's id: the part that differs between neighbours."""
    return run.rpartition("-")[2]


def field_table() -> Table:
    """Make a table of names and values without lines."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True, min_width=10)
    table.add_column(overflow="fold")
    return table


def show_run(out: Console, run: Run) -> None:
    """Print everything about a run."""
    colour = {"succeeded": "green", "running": "cyan"}.get(str(run.status), "red")
    out.print(f"run {run.id}", style="bold", end="", soft_wrap=True)
    out.print(f"  {run.status}", style=colour)
    table = field_table()
    table.add_row("name", _wording.printable(run.name))
    took = "" if run.ended is None else f", took {_wording.duration(run.ended - run.started)}"
    table.add_row("started", f"{_wording.moment(run.started)}{took}")
    table.add_row("by", _wording.printable(run.creator))
    if run.command:
        table.add_row("command", _wording.printable(" ".join(run.command)))
    if run.exit_status is not None:
        table.add_row("exit status", str(run.exit_status))
    for title, versions in (("inputs", run.inputs), ("outputs", run.outputs)):
        for role, version in versions.items():
            table.add_row(title, f"{role} = {version}")
            title = ""  # noqa: PLW2901  the title stands on the first line only
    for title, values in (("params", run.params), ("metrics", run.metrics), ("tags", run.tags)):
        if values:
            table.add_row(title, _wording.printable(_wording.pairs(values)))
    for name, value in run.source.items():
        table.add_row(_wording.printable(name), _wording.printable(_wording.plain(value)))
    if run.parent is not None:
        table.add_row("within", f"run {run.parent}")
    for name, digest in run.files.items():
        table.add_row(_wording.printable(name), show_digest(digest, 12))
    if run.message:
        table.add_row("message", _wording.paragraph(run.message))
    out.print(table)
