"""The commands about a repository as a whole: init, demo, config, completion, migrate."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import get_completion_class

from omprov.errors import AlreadyExists, InvalidInput, NotFound

from ._command import command
from ._session import Session, display_path

if TYPE_CHECKING:
    from rich.console import Console

    from omprov.repository import Repository

SHELLS = ("bash", "zsh", "fish")


@command(
    "init",
    example="omprov init\nomprov init ~/experiments",
    keys={"repository": "path of the `.omprov` folder"},
)
@click.argument("path", default=".", type=click.Path(file_okay=False, path_type=Path))
def init_command(session: Session, *, path: Path) -> None:
    """Make a repository in PATH (the current folder where left out)."""
    from omprov._front import connect

    if (path / ".omprov" / "catalog.db").exists():
        raise AlreadyExists("repository", path / ".omprov", "Nothing was changed.")
    with connect(path, create=True) as repository:
        session.answer(
            {"repository": str(repository.path.absolute())},
            lambda out: out.print(f"Made {display_path(repository.path)}", soft_wrap=True),
        )


@command(
    "demo",
    example="omprov demo\nomprov demo ~/digits-demo",
    keys={"folder": "where it lies", "commands": "list of commands to try there"},
)
@click.argument("folder", default="omprov-demo", type=click.Path(file_okay=False, path_type=Path))
def demo_command(session: Session, *, folder: Path) -> None:
    """Train a dozen small models on real digits, and show what OMProv infers about them.

    Makes FOLDER, with a repository that every other command can be tried on. Needs no network.
    """
    from datetime import UTC, datetime

    from omprov.builtin.demo import run_demo

    from ._graph_picture import draw_history

    result = run_demo(
        folder,
        session.err if session.as_json else session.out,
        draw_graph=partial(draw_history, glyphs=session.glyphs),
        clock=lambda: datetime.now(UTC),
    )
    if session.as_json:
        session.answer({"folder": str(result.folder), "commands": result.commands}, lambda _: None)


@command(
    "config",
    example="omprov config\nomprov config user.name ada\nomprov config user.name --unset",
    keys={"settings": "name → value of what is set (of one setting where NAME is given)"},
)
@click.argument("name", required=False)
@click.argument("value", required=False)
@click.option("--unset", is_flag=True, help="Take the setting away.")
def config_command(session: Session, *, name: str | None, value: str | None, unset: bool) -> None:
    """Show settings, show one, or set it."""
    if unset and (name is None or value is not None):
        raise InvalidInput("--unset takes the name of one setting and no value")
    with session.repository() as repository:
        if name == "project" and value is not None:
            _check_project(repository, value)
        if name is not None and (unset or value is not None):
            repository.config.set(name, None if unset else value)
        if name is None:
            settings = repository.config.items()
            session.answer({"settings": settings}, lambda out: _show_settings(out, settings))
            return
        current = repository.config.get(name)
        session.answer(
            {"settings": {} if current is None else {name: current}},
            lambda out: out.print(current, soft_wrap=True) if current is not None else None,
        )
        if current is None and not unset:
            raise click.exceptions.Exit(1)


def _check_project(repository: Repository, name: str) -> None:
    names = [project.name for project in repository.list_projects()]
    if name not in names:
        raise NotFound("project", name, names)


def _show_settings(out: Console, settings: dict[str, str]) -> None:
    from omprov.repository import SETTINGS

    for name, about in SETTINGS.items():
        value = settings.get(name)
        out.print(f"{name} = {value}" if value is not None else f"{name} is not set", end="")
        out.print(f"  ({about})", style="dim")


@command(
    "completion",
    example="omprov completion bash >> ~/.bashrc",
    keys={"shell": "its name", "script": "what the shell is to run"},
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion_command(ctx: click.Context, session: Session, *, shell: str) -> None:
    """Print the script that makes SHELL complete commands, assets and versions."""
    completion = get_completion_class(shell)
    assert completion is not None, shell
    script = completion(ctx.find_root().command, {}, "omprov", "_OMPROV_COMPLETE").source()
    session.answer({"shell": shell, "script": script}, lambda _: click.echo(script))


@command(
    "migrate",
    example="omprov migrate",
    keys={"copy": "path of the copy that was made first; null where the layout is this release's"},
)
def migrate_command(session: Session) -> None:
    """Bring the catalog of an older release to this release's layout, keeping a copy of it first.

    Does nothing where the layout is this release's already.
    """
    from omprov._front import find_repository
    from omprov.catalog import migrate_catalog

    done = migrate_catalog(find_repository(session.url) / "catalog.db")
    copy = None if done is None else done.copy
    session.answer(
        {"copy": None if copy is None else str(copy)},
        lambda out: out.print(
            "The layout is this release's already."
            if copy is None
            else f"Brought to this release's layout. {display_path(copy)} is a copy of what it was",
            soft_wrap=True,
        ),
    )
