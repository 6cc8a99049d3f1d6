"""The command that compares two versions: diff."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
from rich.table import Table
from rich.text import Text

from omprov.errors import NotFound

from . import _wording
from ._command import command
from ._completion import complete_versions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from omprov.records import Change, Difference, Version
    from omprov.repository import Repository

    from ._session import Session


@command(
    "diff",
    example="omprov diff dataset/digits:v3 dataset/digits:v4\n"
    "omprov diff algorithm/train:v2\n"
    "omprov diff algorithm/train:v1 algorithm/train:v2 --measure files",
    keys={
        "older": "reference",
        "newer": "reference",
        "difference": "the *difference*",
        "evidence": "further ones by the finer measures that fit the files that changed, "
        "over those files only: list of *difference*; empty with `--measure`",
    },
)
@click.argument("older", metavar="OLD", shell_complete=complete_versions)
@click.argument("newer", metavar="[NEW]", required=False, shell_complete=complete_versions)
@click.option("--measure", help="words, files, keys, packages, rows, …; else the asset's own.")
def diff_command(session: Session, *, older: str, newer: str | None, measure: str | None) -> None:
    """Measure by how much NEW differs from OLD, with evidence.

    With one reference: by how much that version differs from its lightest parent. What finer
    measures say of the files that changed follows: rows of tables, records of annotations, cells of
    notebooks, tensors of models.
    """
    with session.repository() as repository:
        if newer is None:
            new = repository.get_version(older)
            old = _lightest_parent(repository, new)
        else:
            old, new = repository.get_version(older), repository.get_version(newer)
        difference = repository.diff(old, new, measure=measure)
        finer = () if measure else repository.finer_diff(old, new, besides=difference.measure)
    session.answer(
        {
            "older": old.reference,
            "newer": new.reference,
            "difference": difference.to_json(),
            "evidence": [further.to_json() for further in finer],
        },
        lambda out: _show_differences(out, old, new, (difference, *finer), session),
    )


def _lightest_parent(repository: Repository, version: Version) -> Version:
    edges = repository.inherits(version)
    if not edges:
        raise NotFound(
            "parent of", version, hint="It inherits nothing: name two versions to compare."
        )
    return edges[0].older


def _show_differences(
    out: Console, old: Version, new: Version, found: tuple[Difference, ...], session: Session
) -> None:
    difference, *finer = found
    out.print(f"{old} {session.glyphs.arrow} {new}", style="bold", soft_wrap=True)
    out.print(
        f"  weight {_wording.weight(difference.weight)}  {_wording.evidence(difference)}",
        soft_wrap=True,
    )
    _show_details(out, difference, len(difference.changes), session)
    for further in finer:
        out.print()
        where = ", in files that changed" if further.total else ""
        out.print(f"  {_wording.evidence(further)}{where}", soft_wrap=True)
        _show_details(out, further, _FURTHER, session)


def _show_details(out: Console, difference: Difference, most: int, session: Session) -> None:
    if not difference.exact and difference.total:
        out.print("  not exact", style="yellow", end="" if difference.note else "\n")
    if difference.note:
        out.print(f"  {_wording.printable(difference.note)}", style="yellow", soft_wrap=True)
    changes = difference.changes[:most]
    if changes:
        out.print()
        out.print(_changes_table(changes, session))
    left = difference.changed - len(changes)
    if left > 0:
        out.print(f"  and {_wording.plural(left, 'more change')}", style="dim")


_FURTHER = 10  # changes of a finer measure that are shown
_COLOURS = {"added": "green", "removed": "red", "changed": "yellow", "renamed": "cyan"}


def _changes_table(changes: Iterable[Change], session: Session) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold", style="dim")
    for change in changes:
        name = _wording.printable(change.name)
        if change.old_name is not None:
            name = f"{_wording.printable(change.old_name)} {session.glyphs.arrow} {name}"
        facts = [_wording.counted(change.counts)]
        if change.old is not None or change.new is not None:
            values = (_wording.plain(change.old), _wording.plain(change.new))
            facts.append(_wording.printable(f" {session.glyphs.arrow} ".join(values)))
        table.add_row(
            Text(f"  {change.change}", style=_COLOURS[change.change]),
            Text(name),
            Text("  ".join(fact for fact in facts if fact)),
        )
    return table
