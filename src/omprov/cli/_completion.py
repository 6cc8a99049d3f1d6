"""Completion of references in shells.

Bash cuts words at ``:``, which stands in every reference; `ColonBash` puts them together again.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    split_arg_string,
)

from ._session import Session

if TYPE_CHECKING:
    import click

    from omprov.repository import Repository

_MOST = 200


def complete_assets(ctx: click.Context, param: click.Parameter, start: str) -> list[CompletionItem]:
    """Offer the assets of the nearest repository."""
    del param
    return _offered(ctx, start, _assets)


def complete_versions(
    ctx: click.Context, param: click.Parameter, start: str
) -> list[CompletionItem]:
    """Offer assets, and after a ``:`` the versions and aliases of one."""
    del param
    return _offered(ctx, start, _versions if ":" in start else _assets)


def _offered(ctx: click.Context, start: str, names: Any) -> list[CompletionItem]:
    parent = ctx.find_root()
    url = ctx.params.get("repo") or parent.params.get("repo")
    with contextlib.suppress(Exception), Session(url=url).repository() as repository:
        return [
            CompletionItem(n, help=h) for n, h in names(repository, start) if n.startswith(start)
        ]
    return []  # no repository, no offers: a shell is no place for an error


def _assets(repository: Repository, start: str) -> list[tuple[str, str]]:
    assets = [asset.name for asset in repository.list_assets(project=repository.project)]
    full = [(str(name), str(name.kind)) for name in assets]
    if "/" in start:
        return full
    names = [name.name for name in assets]
    return full + [(name, "") for name in names if names.count(name) == 1]


def _versions(repository: Repository, start: str) -> list[tuple[str, str]]:
    asset = start.partition(":")[0]
    versions = repository.list_versions(asset, limit=_MOST)
    named = [(alias, v.message) for v in versions for alias in v.aliases]
    numbered = [(f"v{v.number}", v.message) for v in versions]
    return [(f"{asset}:{name}", about) for name, about in [("latest", ""), *named, *numbered]]


class ColonBash(BashComplete):
    """Completion for bash, of words that hold colons."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Read the command line as it was typed."""
        words = split_arg_string(os.environ["COMP_WORDS"])
        current = int(os.environ["COMP_CWORD"])
        typed = words[: current + 1] + [""] * (current + 1 - len(words))
        joined: list[str] = []
        for word in typed:
            after_colon = bool(joined) and joined[-1].endswith(":")
            if joined and (word.startswith(":") or after_colon):
                joined[-1] += word
            else:
                joined.append(word)
        return joined[1:-1], joined[-1] if len(joined) > 1 else ""

    def format_completion(self, item: CompletionItem) -> str:
        """Give only what follows the last colon: bash keeps the rest."""
        return f"{item.type},{item.value.rpartition(':')[2]}"
