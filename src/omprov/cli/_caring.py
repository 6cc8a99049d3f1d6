"""The commands that look after space: du, gc."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from . import _wording
from ._command import command
from ._completion import complete_assets

if TYPE_CHECKING:
    from datetime import timedelta

    from rich.console import Console

    from omprov.repository import AssetUsage, Freed, RepositoryUsage

    from ._session import Session


class _Duration(click.ParamType):  # type: ignore[type-arg]
    """A length of time."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        from omprov.repository import parse_duration

        del param, ctx
        return parse_duration(value)


@command(
    "gc",
    example="omprov gc --dry-run\nomprov gc\nomprov gc --grace 2d",
    keys={
        "dry_run": "whether nothing was changed",
        "freed": "bytes: {packs, files, copies, leftovers, total}",
        "packs": "{before, removed, made, young}: how many there were, went, came, and were too "
        "young to be touched",
        "damaged": "names of packs that had to stay because the only copy of something is damaged",
        "copies": "{removed, changed}: local copies that went, or stay because they were changed",
        "absent": "how many contents of versions are not stored here",
    },
)
@click.option("--dry-run", is_flag=True, help="Only say what would be freed.")
@click.option(
    "--grace",
    type=_Duration(),
    metavar="DURATION",
    help="How long content stays without a version that names it: 90s, 30m, 24h, 2d. "
    "Default: the setting gc.grace, else 24h.",
)
def gc_command(session: Session, *, dry_run: bool, grace: timedelta | None) -> None:
    """Free the space of what no version needs any more, and merge small packs.

    Removed versions (`omprov rm`) lose their content, unless a folder that was checked out still
    holds it, or the weights of edges rest on it. Safe while others read and record: what was stored
    or relied upon within the grace period stays. Local copies that no run uses go as well: those of
    removed versions after the grace period, others after 30 days.
    """
    with session.repository() as repository, session.progress("collecting") as progress:
        freed = repository.collect(grace=grace, dry_run=dry_run, progress=progress)
    session.answer(
        _freed_json(freed, dry_run=dry_run), lambda out: _show_freed(out, freed, dry_run)
    )


def _freed_json(freed: Freed, *, dry_run: bool) -> dict[str, Any]:
    content, copies = freed.content, freed.copies
    return {
        "dry_run": dry_run,
        "freed": {
            "packs": content.freed,
            "files": content.files,
            "copies": copies.bytes,
            "leftovers": content.leftovers,
            "total": freed.bytes,
        },
        "packs": {
            "before": content.packs,
            "removed": content.removed,
            "made": content.made,
            "young": content.young,
        },
        "damaged": list(content.damaged),
        "copies": {"removed": copies.removed, "changed": copies.changed},
        "absent": content.absent,
    }


def _show_freed(out: Console, freed: Freed, dry_run: bool) -> None:  # noqa: FBT001 - passed on
    content, copies = freed.content, freed.copies
    for count, what in (
        (
            content.freed,
            f"packs: {content.removed:,} of {content.packs:,} go, {content.made:,} new",
        ),
        (content.files, "whole files that no checkout links to"),
        (copies.bytes, f"local copies: {copies.removed:,} go"),
        (content.leftovers, "leftovers of interrupted writers"),
    ):
        if count or (content.removed and what.startswith("packs")):
            out.print(f"{_wording.size(max(count, 0)):>12}  {what}", soft_wrap=True)
    if content.young:
        packs = _wording.plural(content.young, "pack")
        out.print(f"{packs} too young to be touched (--grace).", style="dim", soft_wrap=True)
    if copies.changed:
        kept = _wording.plural(copies.changed, "local copy").replace("copys", "copies")
        out.print(f"{kept} stay: somebody changed what is in them.", style="yellow")
    for name in content.damaged:
        out.print(f"pack {name} is damaged and stays: run `omprov fsck`", style="red")
    if content.absent:
        out.print(f"{_wording.plural(content.absent, 'content')} not stored here.", style="dim")
    verb = "would be freed" if dry_run else "freed"
    out.print(f"{_wording.size(max(freed.bytes, 0))} {verb}.", style="bold")


@command(
    "du",
    example="omprov du\nomprov du dataset/digits --json",
    keys={
        "assets": "list of {asset, versions, logical, distinct, stored, shared}, in bytes",
        "total": "{versions, logical, stored, shared, ratio}: each byte once, of all assets",
        "packs": "{count, bytes, dead}: dead is what no version needs",
        "caches": "{index, files, copies}: bytes that can be made again",
    },
)
@click.argument("assets", nargs=-1, metavar="[ASSET]…", shell_complete=complete_assets)
def du_command(session: Session, *, assets: tuple[str, ...]) -> None:
    """Say what the versions of each asset take up, and what lies on the disk.

    LOGICAL counts every version as if it lay on its own, DISTINCT each content once, STORED the
    compressed bytes in packs; SHARED is the part of STORED that other assets need, too.
    """
    with session.repository() as repository:
        wanted = {repository.get_asset(asset).name for asset in assets}
        usage = repository.usage()
    shown = [one for one in usage.assets if not wanted or one.asset in wanted]
    session.answer(_usage_json(shown, usage), lambda out: _show_usage(out, shown, usage))


def _usage_json(shown: list[AssetUsage], usage: RepositoryUsage) -> dict[str, Any]:
    content = usage.content
    return {
        "assets": [
            {
                "asset": str(one.asset),
                "versions": one.versions,
                "logical": one.logical,
                "distinct": one.distinct,
                "stored": one.stored,
                "shared": one.shared,
            }
            for one in shown
        ],
        "total": {
            "versions": sum(one.versions for one in usage.assets),
            "logical": usage.logical,
            "stored": content.stored,
            "shared": content.shared,
            "ratio": usage.ratio,
        },
        "packs": {"count": content.packs, "bytes": content.pack_bytes, "dead": content.dead},
        "caches": {"index": content.caches, "files": content.files, "copies": usage.copies},
    }


def _show_usage(out: Console, shown: list[AssetUsage], usage: RepositoryUsage) -> None:
    from rich.table import Table

    content = usage.content
    table = Table(box=None, pad_edge=False)
    table.add_column("ASSET")
    for name in ("VERSIONS", "LOGICAL", "DISTINCT", "STORED", "SHARED"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in shown:
        sizes = (one.logical, one.distinct, one.stored, one.shared)
        table.add_row(str(one.asset), f"{one.versions:,}", *map(_wording.size, sizes))
    versions = sum(one.versions for one in usage.assets)
    table.add_row(
        "all assets",
        f"{versions:,}",
        _wording.size(usage.logical),
        "",
        _wording.size(content.stored),
        _wording.size(content.shared),
        style="bold",
    )
    out.print(table)
    if usage.ratio is not None:
        out.print(f"LOGICAL is {usage.ratio:.3g} times STORED.")
    packs = _wording.plural(content.packs, "pack")
    dead = f"{_wording.size(content.dead)} that no version needs"
    caches = content.caches + content.files + usage.copies
    out.print(f"On disk: {packs}, {_wording.size(content.pack_bytes)}, with {dead} (omprov gc);")
    out.print(f"caches {_wording.size(caches)}.")
