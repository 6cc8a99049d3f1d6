"""The commands about what is kept of files that were read from remotes: cache ls, clear, limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from . import _wording
from ._command import group, subcommand

if TYPE_CHECKING:
    from rich.console import Console

    from omprov.content import CachedPack

    from ._session import Session


@group("cache", example="omprov cache ls\nomprov cache limit 50G", keys={}, no_args_is_help=True)
def cache_command(session: Session) -> None:
    """See, empty or limit what is kept of files that were read from remotes."""


@subcommand(
    cache_command,
    "ls",
    example="omprov cache ls",
    keys={
        "folder": "where it is",
        "limit": "bytes it may take",
        "bytes": "bytes it takes",
        "packs": "list of pack, blocks and bytes; the one used last first",
    },
)
def cache_ls_command(session: Session) -> None:
    """Show what is kept, pack by pack."""
    with session.repository() as repository:
        cache = repository.content.cache
        packs, limit, folder = cache.list(), cache.limit, cache.folder
    session.answer(
        {
            "folder": str(folder),
            "limit": limit,
            "bytes": sum(pack.size for pack in packs),
            "packs": [{"pack": p.pack, "blocks": p.blocks, "bytes": p.size} for p in packs],
        },
        lambda out: _show(out, packs, limit),
    )


@subcommand(
    cache_command, "clear", example="omprov cache clear", keys={"bytes": "bytes that were freed"}
)
def cache_clear_command(session: Session) -> None:
    """Let go of everything that is kept; it is fetched again when it is needed."""
    with session.repository() as repository:
        freed = repository.content.cache.size()
        repository.content.cache.clear()
    session.answer(
        {"bytes": freed}, lambda out: out.print(f"Freed {_wording.size(freed)}", soft_wrap=True)
    )


@subcommand(
    cache_command,
    "limit",
    example="omprov cache limit\nomprov cache limit 50G",
    keys={"limit": "bytes it may take", "bytes": "bytes it takes"},
)
@click.argument("size", required=False)
def cache_limit_command(session: Session, *, size: str | None) -> None:
    """Show or set how much may be kept: 500M, 10G, 0. What is above it goes at once."""
    from omprov.repository import parse_size

    with session.repository() as repository:
        cache = repository.content.cache
        if size is not None:
            repository.config.set("cache.limit", size)
            cache.limit = parse_size(size)
            cache.shrink()
        limit, used = cache.limit, cache.size()
    session.answer(
        {"limit": limit, "bytes": used},
        lambda out: out.print(
            f"{_wording.size(used)} of at most {_wording.size(limit)}", soft_wrap=True
        ),
    )


def _show(out: Console, packs: list[CachedPack], limit: int) -> None:
    for pack in packs:
        blocks = _wording.plural(pack.blocks, "block")
        out.print(f"{pack.pack[:12]}  {blocks}, {_wording.size(pack.size)}", soft_wrap=True)
    total = sum(pack.size for pack in packs)
    out.print(f"{_wording.size(total)} of at most {_wording.size(limit)}", soft_wrap=True)
