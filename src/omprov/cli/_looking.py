"""The commands that look at versions: log, show."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table
from rich.text import Text

from omprov.records import Origin, show_digest

from . import _wording
from ._command import command
from ._completion import complete_assets, complete_versions
from ._graph_picture import INFERRED
from ._json_shapes import edge_json, run_json, version_json
from ._run_details import field_table, short_id, show_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from omprov.records import Inherits, Run, Version
    from omprov.repository import Repository

    from ._session import Session

_FILES_AT_ONCE = 500


@command(
    "log",
    example="omprov log dataset/digits\nomprov log -n 5",
    keys={
        "assets": "list of {asset, versions}; each *version* also has `inherits`, a list of *edge*"
    },
)
@click.argument("asset", required=False, shell_complete=complete_assets)
@click.option(
    "-n",
    "limit",
    metavar="N",
    type=click.IntRange(1),
    default=20,
    show_default=True,
    help="How many versions of an asset.",
)
def log_command(session: Session, *, asset: str | None, limit: int) -> None:
    """List the versions of ASSET, newest first; without ASSET, of all assets."""
    with session.repository() as repository:
        wanted = [repository.get_asset(asset)] if asset else repository.list_assets()
        logs = [
            (
                one.name,
                [
                    (version, repository.inherits(version))
                    for version in repository.list_versions(one.name, limit=limit)
                ],
            )
            for one in wanted
        ]
    data = [
        {
            "asset": str(name),
            "versions": [
                version_json(version) | {"inherits": [edge_json(edge) for edge in edges]}
                for version, edges in entries
            ],
        }
        for name, entries in logs
    ]

    def show(out: Console) -> None:
        for name, entries in logs:
            out.print(str(name), style="bold", soft_wrap=True)
            out.print(_log_table(entries, session))

    session.answer({"assets": data}, show)


def _log_table(entries: list[tuple[Version, list[Inherits]]], session: Session) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    table.add_column(overflow="fold", ratio=1)
    for version, edges in entries:
        about = Text()
        for alias in version.aliases:
            about.append(f"{session.glyphs.flag} {alias}  ", "bold yellow")
        about.append(_wording.first_line(version.message))
        if "reference" in version.source:
            about.append("  by reference", "dim")
        if version.run is not None:
            about.append(f"  run {short_id(version.run)}", "dim")
        table.add_row(
            Text(f"  v{version.number}", style="bold"),
            Text(_wording.age(version.created, session.now), style="dim"),
            _wording.printable(version.creator),
            _parents(version, edges),
            about,
        )
    return table


def _parents(version: Version, edges: list[Inherits]) -> Text:
    parts = []
    for edge in edges:
        same = edge.older.asset == version.asset
        name = f"v{edge.older.number}" if same else edge.older.reference
        style = INFERRED if edge.origin is Origin.INFERRED else ""
        parts.append(Text(f"{name} {_wording.weight(edge.weight)}", style))
    return Text(", ").join(parts)


@dataclass(frozen=True, slots=True)
class _Facts:
    version: Version
    run: Run | None
    inherits: list[Inherits]
    inherited_by: list[Inherits]
    by_reference: bool
    files: Iterator[dict[str, Any]] | None


@command(
    "show",
    example="omprov show model/digits:v5\nomprov show dataset/digits --files",
    keys={
        "version": "the *version*",
        "run": "the *run* that produced it, or null",
        "inherits": "list of *edge*",
        "inherited_by": "list of *edge*",
        "by_reference": "whether bytes are kept elsewhere, and not stored since",
        "files": "with --files: list of {path, size, digest, reference, etag}; digest is null "
        "where nobody read the file, reference where its bytes are stored; else null",
    },
)
@click.argument("reference", metavar="REF", shell_complete=complete_versions)
@click.option("--files", is_flag=True, help="List the files.")
def show_command(session: Session, *, reference: str, files: bool) -> None:
    """Show everything about a version: content, run, what it inherits and why."""
    with session.repository() as repository:
        version = repository.get_version(reference, removed=True)
        facts = _Facts(
            version,
            repository.get_run(version.run) if version.run is not None else None,
            repository.inherits(version),
            repository.inherited_by(version),
            repository.is_by_reference(version),
            _files(repository, version) if files else None,
        )
        session.answer(
            {
                "version": version_json(version),
                "run": None if facts.run is None else run_json(facts.run),
                "inherits": [edge_json(edge) for edge in facts.inherits],
                "inherited_by": [edge_json(edge) for edge in facts.inherited_by],
                "by_reference": facts.by_reference,
                "files": facts.files,
            },
            lambda out: _show(out, facts, session),
        )


def _files(repository: Repository, version: Version) -> Iterator[dict[str, Any]]:
    """Give the files one by one: there may be millions."""
    if version.digest is None:
        return
    for file in repository.iter_files(version):
        yield {
            "path": file.path,
            "size": file.size,
            "digest": None if file.digest is None else show_digest(file.digest),
            "reference": None if file.reference is None else file.reference.uri,
            "etag": None if file.reference is None else file.reference.etag,
        }


def _show(out: Console, facts: _Facts, session: Session) -> None:
    version, dot = facts.version, session.glyphs.dot
    out.print(version.reference, style="bold", end="", soft_wrap=True)
    for alias in version.aliases:
        out.print(f"  {session.glyphs.flag} {alias}", style="bold yellow", end="")
    if version.removed is not None:
        out.print(f"  removed on {version.removed:%Y-%m-%d}", style="red", end="")
    out.print()
    if version.message:
        out.print(_wording.paragraph(version.message, "  "), soft_wrap=True)
    out.print()
    table = field_table()
    where = f" {dot} by reference" if facts.by_reference else ""
    table.add_row("content", _content(version, dot) + where)
    table.add_row(
        "created", f"{_wording.moment(version.created)} by {_wording.printable(version.creator)}"
    )
    for name, value in version.source.items():
        table.add_row(_wording.printable(name), _wording.printable(_wording.plain(value)))
    if version.tags:
        table.add_row("tags", _wording.printable(_wording.pairs(version.tags)))
    out.print(table)
    if facts.run is not None:
        out.print()
        show_run(out, facts.run)
    _show_edges(out, "inherits", facts.inherits, "older", session)
    _show_edges(out, "inherited by", facts.inherited_by, "newer", session)
    if facts.files is not None:
        out.print("\nfiles", style="bold")
        while lines := [_file_line(file) for file in islice(facts.files, _FILES_AT_ONCE)]:
            out.print(Text("\n").join(lines), soft_wrap=True)


def _file_line(file: dict[str, Any]) -> Text:
    line = Text(f"  {_wording.size(file['size']):>10}  {_wording.printable(file['path'])}")
    if file["reference"] is not None:
        line.append(f"  {file['reference']}", style="dim")
    return line


def _content(version: Version, dot: str) -> str:
    if version.digest is None:
        return "none: only the fact was recorded"
    return (
        f"{_wording.plural(version.files, 'file')} {dot} {_wording.size(version.size)} {dot} "
        f"{show_digest(version.digest, 16)}"
    )


def _show_edges(
    out: Console, title: str, edges: list[Inherits], end: str, session: Session
) -> None:
    if not edges:
        return
    out.print(f"\n{title}", style="bold")
    for edge in edges:
        out.print(f"  {getattr(edge, end)}", end="", soft_wrap=True)
        style = INFERRED if edge.origin is Origin.INFERRED else "default"
        out.print(f"  {_wording.weight(edge.weight)}", style=style, end="")
        out.print(f"  {reasons(edge, session)}", style="dim", soft_wrap=True)


def reasons(edge: Inherits, session: Session) -> str:
    """Say what an edge rests on."""
    if edge.because:
        parts = [
            f"{reason.role} {_wording.weight(reason.distance)}"
            + (
                f" ({reason.newer} {session.glyphs.arrow} {reason.older})"
                if reason.distance
                else ""
            )
            for reason in edge.because
        ]
        return "because " + f" {session.glyphs.dot} ".join(parts)
    if edge.difference is not None:
        return f"{edge.origin}; {_wording.evidence(edge.difference)}"
    return str(edge.origin)
