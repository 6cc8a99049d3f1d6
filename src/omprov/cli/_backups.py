"""The commands that copy a whole repository to a safe place and back: backup, restore."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from omprov.errors import InvalidInput

from . import _wording
from ._command import command
from ._session import display_path

if TYPE_CHECKING:
    from rich.console import Console

    from omprov.content import Backup, Pruned
    from omprov.repository import BackedUp, ListedBackup, Restored

    from ._session import Session

_BACKUP = "{id, time, release, schema, versions, packs, bytes, catalog_bytes, absent}"
_OPTION = click.option(
    "--option",
    "options",
    metavar="K=V",
    multiple=True,
    help="Of a bucket: endpoint, region, anonymous, allow_http …; may be repeated.",
)


@command(
    "backup",
    example="omprov backup /media/disk/backups\n"
    "omprov backup s3://team-data/backups --keep 7\n"
    "omprov backup /media/disk/backups --list",
    keys={
        "url": "where the backups are",
        "backup": f"{_BACKUP} of the backup that was made; null with --list",
        "sent": "{packs, bytes}: what was moved, the catalog not counted; null with --list",
        "present": "{packs, bytes}: what was there already; null with --list",
        "pruned": "{backups, packs, bytes, postponed}: list of ids that are gone, and what went "
        "with them; postponed is true where packs stay for now; null without --keep",
        "backups": "with --list: list of the same as backup, and problem (text, or null), newest "
        "first; else null",
    },
)
@click.argument("target", metavar="TARGET")
@click.option("--list", "listing", is_flag=True, help="List the backups there, and make none.")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    metavar="N",
    help="Remove all but the N newest afterwards.",
)
@_OPTION
def backup_command(
    session: Session, *, target: str, listing: bool, keep: int | None, options: tuple[str, ...]
) -> None:
    """Copy the whole repository to TARGET: s3://…, gs://…, az://…, or a folder.

    Catalog, content, settings and what the workspace holds, as of one moment, whoever writes
    meanwhile. Only what TARGET does not have is sent. Interrupted, the earlier backups are whole,
    and the next call goes on. TARGET is for the backups of one repository and nothing else.
    """
    url, chosen = _address(target), _options(options)
    if listing:
        if keep is not None:
            raise InvalidInput("--list changes nothing: leave out --keep")
        _list(session, url, chosen)
        return
    with session.repository() as repository, session.progress("backing up") as progress:
        done = repository.back_up(url, options=chosen, keep=keep, progress=progress)
    session.answer(_made_json(done), lambda out: _show_made(out, done))


@command(
    "restore",
    example="omprov restore /media/disk/backups recovered\n"
    "omprov restore s3://team-data/backups --at 2026-05-01",
    keys={
        "repository": "path of the `.omprov` folder",
        "backup": f"{_BACKUP} of the backup that was taken",
        "fetched": "{packs, bytes}: what was moved, the catalog not counted",
        "present": "packs that an interrupted call had fetched",
        "outdated": "true where `omprov migrate` has to be run before anything else",
    },
)
@click.argument("source", metavar="SOURCE")
@click.argument(
    "folder", default=".", metavar="[FOLDER]", type=click.Path(file_okay=False, path_type=Path)
)
@click.option(
    "--at",
    metavar="TIME|ID",
    help="The newest backup that is not later than this time (ISO 8601), or the one whose id "
    "begins so. Default: the newest.",
)
@_OPTION
def restore_command(
    session: Session, *, source: str, folder: Path, at: str | None, options: tuple[str, ...]
) -> None:
    """Make a repository in FOLDER, new or empty (default: the current one), from a backup.

    Every byte is verified. The repository appears once all is there; interrupted, the same command
    goes on. It has the ids, times and relations of the original; `omprov checkout` brings folders
    back.
    """
    from omprov.repository import Repository

    with session.progress("restoring") as progress:
        done = Repository.restore(
            _address(source),
            folder,
            options=_options(options),
            at=None if at is None else _moment(at),
            progress=progress,
        )
    session.answer(_restored_json(done), lambda out: _show_restored(out, done))


def _address(text: str) -> str:
    """Return a URL; a path is one as well."""
    return text if "://" in text else str(Path(text).expanduser().absolute())


def _options(pairs: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise InvalidInput(f"--option {pair!r}: write NAME=VALUE")
        found[name] = value
    return found


def _moment(text: str) -> str | datetime:
    """Read a time (a day means its end), else take it for an id."""
    if "T" in text and text[:8].isdecimal():
        return text  # ids begin so
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if len(text) <= len("2026-05-01"):
        moment = moment.replace(hour=23, minute=59, second=59, microsecond=999999)
    return moment.astimezone()


def _list(session: Session, url: str, options: dict[str, str]) -> None:
    from omprov.repository import list_backups

    backups = list_backups(url, options=options)
    session.answer(
        {
            "url": url,
            "backup": None,
            "sent": None,
            "present": None,
            "pruned": None,
            "backups": [_listed_json(one) for one in backups],
        },
        lambda out: _show_list(out, url, backups),
    )


def _backup_json(backup: Backup) -> dict[str, Any]:
    return {
        "id": backup.id,
        "time": backup.time.isoformat(),
        "release": backup.release,
        "schema": backup.schema,
        "versions": backup.versions,
        "packs": len(backup.packs),
        "bytes": backup.size,
        "catalog_bytes": backup.catalog.size,
        "absent": backup.absent,
    }


def _listed_json(one: ListedBackup) -> dict[str, Any]:
    facts = {"id": one.id} if one.backup is None else _backup_json(one.backup)
    return {**facts, "problem": one.problem or None}


def _made_json(done: BackedUp) -> dict[str, Any]:
    sent, pruned = done.sent, done.pruned
    return {
        "url": done.url,
        "backup": _backup_json(done.backup),
        "sent": {"packs": sent.packs, "bytes": sent.bytes},
        "present": {"packs": sent.present, "bytes": sent.present_bytes},
        "pruned": None
        if pruned is None
        else {
            "backups": list(pruned.backups),
            "packs": pruned.packs,
            "bytes": pruned.bytes,
            "postponed": pruned.postponed,
        },
        "backups": None,
    }


def _restored_json(done: Restored) -> dict[str, Any]:
    return {
        "repository": str(done.path.absolute()),
        "backup": _backup_json(done.backup),
        "fetched": {"packs": done.packs, "bytes": done.bytes},
        "present": done.present,
        "outdated": done.outdated,
    }


def _show_made(out: Console, done: BackedUp) -> None:
    sent, backup = done.sent, done.backup
    out.print(f"Made backup {backup.id} in {done.url}", soft_wrap=True)
    out.print(
        f"{_wording.plural(backup.versions, 'version')}; sent "
        f"{_wording.plural(sent.packs, 'pack')}, {_wording.size(sent.bytes)}, and the catalog, "
        f"{_wording.size(backup.catalog.size)}; {sent.present:,} there already, "
        f"{_wording.size(sent.present_bytes)}",
        soft_wrap=True,
    )
    if backup.absent:
        out.print(
            f"{_wording.plural(backup.absent, 'content')} not stored here, so not in the backup "
            "(omprov pull)",
            style="yellow",
            soft_wrap=True,
        )
    if done.pruned is not None:
        _show_pruned(out, done.pruned)


def _show_pruned(out: Console, pruned: Pruned) -> None:
    if pruned.backups or pruned.packs:
        out.print(
            f"Removed {_wording.plural(len(pruned.backups), 'older backup')}, and "
            f"{_wording.plural(pruned.packs, 'pack')} that no backup needs, "
            f"{_wording.size(pruned.bytes)}",
            soft_wrap=True,
        )
    if pruned.postponed:
        out.print(
            "What only removed backups need stays for now: another backup is being made there.",
            style="dim",
            soft_wrap=True,
        )


def _show_list(out: Console, url: str, backups: list[ListedBackup]) -> None:
    from rich.table import Table

    if not backups:
        out.print(f"No backup in {url}", soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False)
    for name in ("BACKUP", "TIME"):
        table.add_column(name, no_wrap=True)
    for name in ("VERSIONS", "PACKS", "SIZE"):
        table.add_column(name, justify="right", no_wrap=True)
    for one in backups:
        backup = one.backup
        if backup is None:
            table.add_row(one.id, "damaged", style="red")
            continue
        size = backup.size + backup.catalog.size
        table.add_row(
            one.id,
            _wording.moment(backup.time),
            f"{backup.versions:,}",
            f"{len(backup.packs):,}",
            _wording.size(size),
        )
    out.print(table)


def _show_restored(out: Console, done: Restored) -> None:
    backup = done.backup
    out.print(f"Restored {display_path(done.path)} from backup {backup.id}", soft_wrap=True)
    out.print(
        f"{_wording.plural(backup.versions, 'version')}; fetched "
        f"{_wording.plural(done.packs, 'pack')}, {_wording.size(done.bytes)}; "
        f"{done.present:,} were here already",
        soft_wrap=True,
    )
    if done.outdated:
        out.print(
            f"Its catalog has the layout of omprov {backup.release}: run `omprov migrate` there.",
            style="yellow",
            soft_wrap=True,
        )
