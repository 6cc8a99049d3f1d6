"""The command that compares folders with the versions that they hold: status."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omprov.errors import NotFound, OmprovError
from omprov.records import Reference

from . import _wording
from ._command import command
from ._folders import asset_of
from ._session import display_path

if TYPE_CHECKING:
    from rich.console import Console

    from omprov.repository import Held, Repository

    from ._session import Session

_FILES_LISTED = 20


@dataclass(frozen=True, slots=True)
class FolderState:
    """How a known folder stands.

    Attributes:
        missing: there is no such folder any more.
        newer: versions of the asset above the one that it holds.
        problem: why it cannot be compared, a sentence; the other lists are empty then.
    """

    held: Held
    path: Path
    missing: bool
    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()
    problem: str | None = None

    @property
    def is_clean(self) -> bool:
        """Whether it is as its version says."""
        return not (self.missing or self.problem or self.added or self.modified or self.removed)

    def to_json(self) -> dict[str, Any]:
        """Give JSON data."""
        return {
            "path": self.held.path,
            "version": self.held.reference,
            "missing": self.missing,
            "added": list(self.added),
            "modified": list(self.modified),
            "removed": list(self.removed),
            "newer": list(self.newer),
            "problem": self.problem,
        }


@command(
    "status",
    example="omprov status\nomprov status data/digits",
    keys={
        "folders": "list of {path, version, missing, added, modified, removed, newer, problem}: "
        "whether it is gone; lists of files; references of newer versions; why it cannot be "
        "compared, else null",
    },
)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
def status_command(session: Session, *, paths: tuple[Path, ...]) -> None:
    """Compare folders with the versions that they hold; without PATH, all that are known."""
    with session.repository() as repository:
        held = [_held(repository, path) for path in paths] or repository.workspace.list()
        states = [_state(repository, one) for one in held]
    session.answer(
        {"folders": [state.to_json() for state in states]},
        lambda out: _show_status(out, states),
    )


def _held(repository: Repository, path: Path) -> Held:
    held = repository.workspace.find(path)
    if held is None:
        raise NotFound("recorded folder", path, hint="`omprov add` records it.")
    return held


def _state(repository: Repository, held: Held) -> FolderState:
    path = repository.workspace.path_of(held)
    newer = _newer_versions(repository, held)
    if not path.exists():
        return FolderState(held, path, missing=True, newer=newer)
    try:
        deltas = repository.changes_on_disk(path)
    except OmprovError as error:  # the other folders can be compared all the same
        return FolderState(held, path, missing=False, newer=newer, problem=str(error))
    return FolderState(
        held,
        path,
        missing=False,
        added=tuple(d.path for d in deltas if d.old is None),
        modified=tuple(d.path for d in deltas if d.old is not None and d.new is not None),
        removed=tuple(d.path for d in deltas if d.new is None),
        newer=newer,
    )


def _newer_versions(repository: Repository, held: Held) -> tuple[str, ...]:
    """Return the versions of the asset above the held one, newest first; none of a removed one."""
    wanted = Reference.parse(held.reference)
    try:
        found = repository.list_versions(asset_of(held.reference), limit=_FILES_LISTED)
    except NotFound:
        return ()
    return tuple(v.reference for v in found if v.number > (wanted.number or 0))


def _show_status(out: Console, states: list[FolderState]) -> None:
    if not states:
        out.print("No folder is known yet: `omprov add PATH --as kind/name` records one.")
    for state in states:
        out.print(display_path(state.path), style="bold", end="", soft_wrap=True)
        out.print(f"  {state.held.reference}", end="", soft_wrap=True)
        if state.missing:
            out.print("  the folder is gone", style="red")
        elif state.problem is not None:
            out.print(f"  cannot be compared: {_wording.printable(state.problem)}", style="red")
        elif state.is_clean:
            out.print("  unchanged", style="green")
        else:
            out.print()
        for word, style, names in (
            ("modified", "yellow", state.modified),
            ("added", "green", state.added),
            ("removed", "red", state.removed),
        ):
            _list_files(out, word, style, names)
        if state.newer:
            out.print(f"  newer: {', '.join(state.newer)}", style="cyan", soft_wrap=True)


def _list_files(out: Console, word: str, style: str, names: tuple[str, ...]) -> None:
    for name in names[:_FILES_LISTED]:
        out.print(f"  {word:<9}{_wording.printable(name)}", style=style, soft_wrap=True)
    if len(names) > _FILES_LISTED:
        out.print(f"  {word:<9}and {len(names) - _FILES_LISTED:,} more files", style=style)
