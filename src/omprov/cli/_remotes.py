"""The commands that share content: remote, push, pull."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from omprov.errors import InvalidInput

from . import _wording
from ._command import command, group, subcommand
from ._completion import complete_versions

if TYPE_CHECKING:
    from typing import Any

    from rich.console import Console

    from omprov.content import RemoteSettings
    from omprov.records import Version
    from omprov.repository import Exchange

    from ._session import Session

_REMOTE = {
    "name": "remote",
    "url": "its address",
    "options": "name → value",
    "exists": "true where a store is there already",
}
_MOVED = {
    "remote": "name (or URL) of the remote",
    "packs": "how many packs were moved",
    "objects": "how many objects were in them",
    "bytes": "how many bytes they have",
    "moved": "list of references: versions of which something was moved",
    "complete": "list of references: versions that were there already",
}


@group(
    "remote",
    example="omprov remote add office s3://team-data/omprov",
    keys={},
    no_args_is_help=True,
)
def remote_command(session: Session) -> None:
    """Name the buckets and folders that content is pushed to and pulled from.

    The first that was added is the default. A remote holds content (files, named by digest), not
    the catalog of versions and runs.
    """


@subcommand(
    remote_command,
    "add",
    example="omprov remote add office s3://team-data/omprov\n"
    "omprov remote add minio s3://data --option endpoint=https://minio.example.org\n"
    "omprov remote add disk file:///media/disk/omprov",
    keys=_REMOTE,
)
@click.argument("name")
@click.argument("url")
@click.option(
    "--option",
    "options",
    metavar="K=V",
    multiple=True,
    help="endpoint, region, anonymous, allow_http …; may be repeated. Never a secret.",
)
def remote_add_command(session: Session, *, name: str, url: str, options: tuple[str, ...]) -> None:
    """Add a remote: s3://bucket/prefix, gs://…, az://container/prefix, or a folder.

    Credentials come from the environment (AWS_…, GOOGLE_…, AZURE_…) and are never written down.
    """
    chosen = dict(_pair(option) for option in options)
    with session.repository() as repository:
        exists = repository.add_remote(name, url, options=chosen)
    session.answer(
        {"name": name, "url": url, "options": chosen, "exists": exists},
        lambda out: out.print(
            f"Added {name}: {url}  "
            + ("a store is there" if exists else "nothing is there yet; push makes a store"),
            soft_wrap=True,
        ),
    )


@subcommand(
    remote_command,
    "ls",
    example="omprov remote ls",
    keys={"remotes": "list of name, url, options and default (true for one)"},
)
def remote_ls_command(session: Session) -> None:
    """List the remotes."""
    with session.repository() as repository:
        remotes = repository.list_remotes()
    session.answer(
        {"remotes": [_remote_json(remote, default=remote is remotes[0]) for remote in remotes]},
        lambda out: _show_remotes(out, remotes),
    )


@subcommand(
    remote_command, "rm", example="omprov remote rm office", keys={"name": "the remote taken away"}
)
@click.argument("name")
def remote_rm_command(session: Session, *, name: str) -> None:
    """Forget a remote; what it holds stays."""
    with session.repository() as repository:
        repository.remove_remote(name)
    session.answer({"name": name}, lambda out: out.print(f"Forgot {name}", soft_wrap=True))


@command(
    "push",
    example="omprov push\nomprov push model/digits:v3 --remote office",
    keys={**_MOVED, "absent": "list of references: versions whose content is not stored here"},
)
@click.argument("references", metavar="[REF]…", nargs=-1, shell_complete=complete_versions)
@click.option("--remote", metavar="NAME|URL", help="Where to; else the first remote.")
def push_command(session: Session, *, references: tuple[str, ...], remote: str | None) -> None:
    """Bring the content of versions (of all where none is named) to a remote.

    Only what the remote lacks is sent. An interrupted push goes on where it was.
    """
    with session.repository() as repository, session.progress("pushing") as progress:
        exchange = repository.push(references, remote=remote, progress=progress)
    session.answer(_exchange_json(exchange), lambda out: _show(out, exchange, "sent"))


@command(
    "pull",
    example="omprov pull\nomprov pull dataset/digits:latest --remote file:///media/disk/omprov",
    keys={**_MOVED, "absent": "list of references: versions that the remote does not have"},
)
@click.argument("references", metavar="[REF]…", nargs=-1, shell_complete=complete_versions)
@click.option("--remote", metavar="NAME|URL", help="Where from; else the first remote.")
def pull_command(session: Session, *, references: tuple[str, ...], remote: str | None) -> None:
    """Bring the content of versions (of all where none is named) here from a remote.

    Only what is missing is fetched, and verified. An interrupted pull goes on where it was. Files
    of versions can be read without it: what is asked for is fetched then.
    """
    with session.repository() as repository, session.progress("pulling") as progress:
        exchange = repository.pull(references, remote=remote, progress=progress)
    session.answer(_exchange_json(exchange), lambda out: _show(out, exchange, "fetched"))


def _pair(option: str) -> tuple[str, str]:
    name, equals, value = option.partition("=")
    if not (name and equals):
        raise InvalidInput(f"--option {option!r}: write NAME=VALUE")
    return name, value


def _remote_json(remote: RemoteSettings, *, default: bool) -> dict[str, Any]:
    return {
        "name": remote.name,
        "url": remote.url,
        "options": dict(remote.options),
        "default": default,
    }


def _show_remotes(out: Console, remotes: list[RemoteSettings]) -> None:
    if not remotes:
        out.print("There is no remote; `omprov remote add NAME URL` adds one.", soft_wrap=True)
    for remote in remotes:
        options = "".join(f"  {name}={value}" for name, value in remote.options.items())
        mark = "  (default)" if remote is remotes[0] else ""
        out.print(f"{remote.name}  {remote.url}{options}{mark}", soft_wrap=True)


def _exchange_json(exchange: Exchange) -> dict[str, Any]:
    return {
        "remote": exchange.remote.name,
        "packs": exchange.packs,
        "objects": exchange.objects,
        "bytes": exchange.bytes,
        "moved": _references(exchange.moved),
        "complete": _references(exchange.complete),
        "absent": _references(exchange.absent),
    }


def _references(versions: tuple[Version, ...]) -> list[str]:
    return [version.reference for version in versions]


def _show(out: Console, exchange: Exchange, verb: str) -> None:
    out.print(
        f"{exchange.remote.name}: {verb} {_wording.plural(exchange.packs, 'pack')} with "
        f"{_wording.plural(exchange.objects, 'object')}, {_wording.size(exchange.bytes)}",
        soft_wrap=True,
    )
    out.print(
        f"{_wording.plural(len(exchange.moved), 'version')} {verb}, "
        f"{len(exchange.complete)} there already"
        + (f", {len(exchange.absent)} without content to move" if exchange.absent else ""),
        soft_wrap=True,
    )
