"""The command that verifies and heals: fsck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import click

from omprov.errors import Damaged, InvalidInput

from . import _wording
from ._command import command
from ._json_shapes import finding_json
from ._session import display_path

if TYPE_CHECKING:
    from rich.console import Console

    from omprov.content import Mended, Rebuilt, RemoteMended
    from omprov.repository import Finding, RemoteReport, Repair, Repository

    from ._session import Session


@command(
    "fsck",
    example="omprov fsck\nomprov fsck --quick\nomprov fsck --rebuild-index\n"
    "omprov fsck --sources\nomprov fsck --remote office\nomprov fsck --repair",
    keys={
        "findings": "list of *finding*, of what is (still) wrong; empty when all is well",
        "by_reference": "how many files lie elsewhere",
        "index": "{packs, objects, unreadable} of the new index; null without --rebuild-index",
        "repair": "{packs, fetched, bytes, problems}: packs is a list of {pack, reason, saved, "
        "lost, moved}, in objects, and where the pack lies now; null without --repair",
        "remote": "{name, url, packs, bytes, absent, mended}: absent counts versions that are not "
        "there; mended is {sent, built, aside}, or null; null without --remote",
    },
)
@click.option("--quick", is_flag=True, help="Do not read the bytes of all files.")
@click.option(
    "--rebuild-index", is_flag=True, help="Make the index of the packs again from them, first."
)
@click.option(
    "--remote",
    metavar="[NAME|URL]",
    is_flag=False,
    flag_value="",
    default=None,
    help="Verify this remote, or backup, instead; the default remote where none is named.",
)
@click.option(
    "--repair",
    is_flag=True,
    help="Heal what can be healed, from what is whole here and from remotes; with --remote, from "
    "that one, and then that one from here.",
)
@click.option(
    "--sources", is_flag=True, help="Look whether files kept by reference are still what they were."
)
@click.option("--read-sources", is_flag=True, help="Read them, too, where their digest is known.")
def fsck_command(
    session: Session,
    *,
    quick: bool,
    rebuild_index: bool,
    remote: str | None,
    repair: bool,
    sources: bool,
    read_sources: bool,
) -> None:
    """Verify the database, every stored byte, and every inferred edge.

    Exits with 1 when something is wrong, or still is after --repair. Damaged packs are moved aside,
    never deleted. With --remote every byte there is read; --quick looks at the list of packs and at
    their ends only.
    """
    if rebuild_index and remote is not None and not repair:
        raise InvalidInput("--rebuild-index is about this repository: leave out --remote")
    rebuilt = _rebuild(session) if rebuild_index else None
    findings: list[Finding] = []
    repaired = report = None
    wanted: Literal["look", "read"] | None = "read" if read_sources else None
    wanted = wanted or ("look" if sources else None)
    with session.repository() as repository:
        if repair:
            with session.progress("repairing") as progress:
                repaired = repository.repair(remote=remote, every_byte=not quick, progress=progress)
        if repair or remote is None:
            with session.progress("verifying") as progress:
                every_byte = not (quick or repair)  # they were read just now
                findings += repository.check(content=every_byte, sources=wanted, progress=progress)
        if remote is not None:
            with session.progress("verifying the remote") as progress:
                report = repository.check_remote(
                    remote, every_byte=not quick, mend=repair, progress=progress
                )
            findings += report.findings
        elsewhere = _count_elsewhere(repository)

    def show(out: Console) -> None:
        if elsewhere and wanted is None:
            out.print(
                f"{_wording.plural(elsewhere, 'file')} by reference, not verified: --sources does."
            )
        _show(out, findings, rebuilt, repaired, report)

    session.answer(
        {
            "findings": [finding_json(finding) for finding in findings],
            "by_reference": elsewhere,
            "index": None if rebuilt is None else _rebuilt_json(rebuilt),
            "repair": None if repaired is None else _repair_json(repaired),
            "remote": None if report is None else _remote_json(report),
        },
        show,
    )
    if findings:
        raise click.exceptions.Exit(1)


def _count_elsewhere(repository: Repository) -> int:
    try:
        return repository.count_by_reference()
    except Damaged:  # the findings tell of it
        return 0


def _rebuild(session: Session) -> Rebuilt:
    from omprov._front import find_repository
    from omprov.repository import Repository

    with session.progress("reading packs") as progress:
        return Repository.rebuild_index(find_repository(session.url), progress)


def _rebuilt_json(rebuilt: Rebuilt) -> dict[str, Any]:
    return {
        "packs": rebuilt.packs,
        "objects": rebuilt.objects,
        "unreadable": list(rebuilt.unreadable),
    }


def _repair_json(repaired: Repair) -> dict[str, Any]:
    return {
        "packs": [
            {
                "pack": one.pack,
                "reason": one.reason,
                "saved": one.saved,
                "lost": one.lost,
                "moved": None if one.moved is None else str(one.moved.absolute()),
            }
            for one in repaired.packs
        ],
        "fetched": repaired.fetched,
        "bytes": repaired.bytes,
        "problems": list(repaired.problems),
    }


def _remote_json(report: RemoteReport) -> dict[str, Any]:
    mended = report.mended
    return {
        "name": report.remote.name,
        "url": report.remote.url,
        "packs": report.packs,
        "bytes": report.bytes,
        "absent": report.absent,
        "mended": None
        if mended is None
        else {"sent": list(mended.sent), "built": mended.built, "aside": list(mended.aside)},
    }


def _show(
    out: Console,
    findings: list[Finding],
    rebuilt: Rebuilt | None,
    repaired: Repair | None,
    report: RemoteReport | None,
) -> None:
    if rebuilt is not None:
        objects, packs = (
            _wording.plural(rebuilt.objects, "object"),
            _wording.plural(rebuilt.packs, "pack"),
        )
        out.print(f"The index was made again: {objects} in {packs}.")
    if repaired is not None:
        _show_repair(out, repaired)
    if report is not None:
        _show_remote(out, report)
    for finding in findings:
        out.print(f"{finding.room}: {_wording.printable(finding.what)}", soft_wrap=True)
        if finding.versions:
            out.print(f"  hits {', '.join(finding.versions)}", soft_wrap=True)
    if findings:
        out.print(f"{_wording.plural(len(findings), 'finding')}.", style="bold red")
        if repaired is not None and any(finding.room == "content" for finding in findings):
            out.print(
                "What is lost counts as missing now: `omprov add` of the original data, or "
                "`omprov fsck --repair --remote URL`, brings it back.",
                soft_wrap=True,
            )
    else:
        out.print("All is well.", style="green")


def _show_repair(out: Console, repaired: Repair) -> None:
    for one in repaired.packs:
        _show_mended(out, one)
    if repaired.fetched:
        out.print(
            f"Fetched {_wording.plural(repaired.fetched, 'pack')}, {_wording.size(repaired.bytes)}",
            soft_wrap=True,
        )
    for problem in repaired.problems:
        out.print(_wording.printable(problem), style="yellow", soft_wrap=True)


def _show_mended(out: Console, one: Mended) -> None:
    out.print(f"pack {one.pack}: {_wording.printable(one.reason)}", soft_wrap=True)
    lost = f", {one.lost:,} are not whole here" if one.lost else ""
    out.print(f"  {_wording.plural(one.saved, 'object')} saved{lost}", soft_wrap=True)
    if one.moved is not None:
        out.print(f"  the pack lies in {display_path(one.moved)} now", soft_wrap=True)


def _show_remote(out: Console, report: RemoteReport) -> None:
    out.print(
        f"{report.remote.url}: {_wording.plural(report.packs, 'pack')}, "
        f"{_wording.size(report.bytes)}",
        soft_wrap=True,
    )
    if report.absent:
        out.print(
            f"{_wording.plural(report.absent, 'version')} not there (omprov push).",
            style="dim",
            soft_wrap=True,
        )
    if report.mended is not None:
        _show_sent(out, report.mended)


def _show_sent(out: Console, mended: RemoteMended) -> None:
    if mended.sent or mended.built:
        out.print(
            f"Sent {_wording.plural(len(mended.sent), 'pack')} again, and "
            f"{_wording.plural(mended.built, 'pack')} made of what is whole",
            soft_wrap=True,
        )
    for place in mended.aside:
        out.print(f"  a damaged pack lies in {place} now", soft_wrap=True)
