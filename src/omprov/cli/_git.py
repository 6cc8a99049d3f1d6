"""The commands about git repositories: git sync, git hook install and remove."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import _wording
from ._command import group, subcommand
from ._completion import complete_assets

if TYPE_CHECKING:
    from rich.console import Console

    from omprov.capture import Synced

    from ._session import Session


@group(
    "git",
    example="omprov git sync\nomprov git hook install",
    keys={},
    no_args_is_help=True,
)
def git_command(session: Session) -> None:
    """Import the history of a git repository as a version graph."""


@subcommand(
    git_command,
    "sync",
    example="omprov git sync\n"
    "omprov git sync ../trainer --as algorithm/trainer --path src --branch main\n"
    "omprov git sync --all",
    keys={
        "asset": "whose versions the commits are",
        "commits": "how many were not known",
        "versions": "how many of these made a version",
        "vanished": "versions whose commits no branch or tag leads to any more; they are kept",
        "tips": "reference → commit at which the import began",
    },
)
@click.argument("path", metavar="[FOLDER]", default=".", type=click.Path(path_type=Path))
@click.option(
    "--as",
    "asset",
    metavar="ASSET",
    shell_complete=complete_assets,
    help="Whose versions; else an algorithm named after the repository.",
)
@click.option("--path", "subfolder", metavar="SUBDIR", default="", help="What of it is tracked.")
@click.option(
    "--branch",
    "branches",
    metavar="NAME",
    multiple=True,
    help="Where to begin, else at what is checked out; may be repeated.",
)
@click.option("--all", "every", is_flag=True, help="Begin at all branches and tags.")
def git_sync_command(
    session: Session,
    *,
    path: Path,
    asset: str | None,
    subfolder: str,
    branches: tuple[str, ...],
    every: bool,
) -> None:
    """Make a version of each commit that changes what is tracked.

    Merges inherit all their parents. Weights are by how much the code differs, in words. Only new
    commits are looked at; a commit that vanished from its branch stays, and is marked.
    """
    from omprov._front import find_repository  # start-up
    from omprov.capture._git._unchanged import Asked, find_unchanged

    asked = Asked(str(path), asset, subfolder, branches, every)
    synced = find_unchanged(find_repository(session.url), asked)
    if synced is None:
        from omprov.capture import sync_git  # draws in much, and most often nothing is new

        with (
            session.repository() as repository,
            session.progress("importing", by_items=True) as progress,
        ):
            synced = sync_git(
                repository,
                path,
                asset=asset,
                subfolder=subfolder,
                branches=branches,
                every=every,
                progress=progress,
            )
    elif not session.as_json:
        click.echo(f"{synced.asset}  nothing new")
        return
    session.answer(
        {
            "asset": synced.asset,
            "commits": synced.commits,
            "versions": synced.versions,
            "vanished": synced.vanished,
            "tips": dict(synced.tips),
        },
        lambda out: _show(out, synced),
    )


def _show(out: Console, synced: Synced) -> None:
    if synced.commits:
        out.print(
            f"{synced.asset}  {_wording.plural(synced.versions, 'version')} of "
            f"{_wording.plural(synced.commits, 'new commit')}",
            soft_wrap=True,
        )
    else:
        out.print(f"{synced.asset}  nothing new", soft_wrap=True)
    if synced.vanished:
        out.print(
            f"  {_wording.plural(synced.vanished, 'version')} of commits that are on no branch "
            "any more",
            soft_wrap=True,
        )


@subcommand(
    git_command,
    "hook",
    example="omprov git hook install\nomprov git hook remove",
    keys={"hooks": "the hooks that were written or changed"},
)
@click.argument("action", type=click.Choice(["install", "remove"]))
@click.argument("path", metavar="[FOLDER]", default=".", type=click.Path(path_type=Path))
@click.option(
    "--as", "asset", metavar="ASSET", shell_complete=complete_assets, help="As for git sync."
)
@click.option("--path", "subfolder", metavar="SUBDIR", help="As for git sync.")
def git_hook_command(
    session: Session, *, action: str, path: Path, asset: str | None, subfolder: str | None
) -> None:
    """Let git itself run `omprov git sync` after a commit, a merge and a fetch, or no longer.

    It runs in the background and never stands in git's way. Hooks that are there stay.
    """
    from omprov.capture import install_hooks, remove_hooks  # start-up

    if action == "remove":
        hooks = remove_hooks(path)
    else:
        from omprov._front import address_of

        home = address_of(session.url)
        code = "from omprov.cli import main; main()"
        command = [sys.executable, "-c", code, "git", "sync", "--repo", home, "--all"]
        command += [] if asset is None else ["--as", asset]
        command += [] if subfolder is None else ["--path", subfolder]
        hooks = install_hooks(path, command)
    session.answer(
        {"hooks": [str(hook) for hook in hooks]},
        lambda out: _show_hooks(out, action, hooks),
    )


def _show_hooks(out: Console, action: str, hooks: list[Path]) -> None:
    done = "Installed" if action == "install" else "Removed"
    for hook in hooks:
        out.print(f"{done} {hook}", soft_wrap=True)
    if not hooks:
        out.print("There is no hook of ours", soft_wrap=True)
