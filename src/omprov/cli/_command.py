"""How a command is declared: its options, its example, and the keys that ``--json`` gives."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from ._session import Session

if TYPE_CHECKING:
    from collections.abc import Callable


class OmprovCommand(click.Command):
    """A command with the options of every command.

    Attributes:
        example: one or more command lines.
        keys: the top-level keys of its JSON answer, each with what it holds.
    """

    def __init__(self, *args: Any, example: str, keys: dict[str, str], **extra: Any) -> None:
        super().__init__(*args, **extra)
        self.example = example
        self.keys = keys
        self.params += _common_options()
        self.epilog = "\b\nExample:\n" + "\n".join(f"  {line}" for line in example.splitlines())

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command with a `Session` of the options given before and after its name."""
        before = ctx.find_object(Session) or Session()
        ctx.obj = replace(
            before,
            url=ctx.params.pop("repo", None) or before.url,
            as_json=ctx.params.pop("as_json", False) or before.as_json,
            debug=ctx.params.pop("debug", False) or before.debug,
        )
        return super().invoke(ctx)


class OmprovGroup(OmprovCommand, click.Group):
    """A command that has commands; without one of them it does something itself."""

    command_class = OmprovCommand


def _common_options() -> list[click.Parameter]:
    return [
        click.Option(["--repo"], metavar="PATH", help="The repository; else the nearest."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON only."),
        click.Option(["--debug"], is_flag=True, hidden=True),
    ]


def command(
    name: str, *, example: str, keys: dict[str, str], **extra: Any
) -> Callable[[Callable[..., Any]], OmprovCommand]:
    """Declare a command; the function gets the `Session` first.

    Args:
        name: how it is called.
        example: one or more command lines.
        keys: the top-level keys of its JSON answer, each with what it holds.
        extra: more for `click.command`.
    """

    def declare(function: Callable[..., Any]) -> OmprovCommand:
        make = click.command(name, cls=OmprovCommand, example=example, keys=keys, **extra)
        return make(click.pass_obj(function))

    return declare


def group(
    name: str, *, example: str, keys: dict[str, str], **extra: Any
) -> Callable[[Callable[..., Any]], OmprovGroup]:
    """Declare a command that has commands; the function gets the `Session` first."""

    def declare(function: Callable[..., Any]) -> OmprovGroup:
        make = click.command(name, cls=OmprovGroup, example=example, keys=keys, **extra)
        return make(click.pass_obj(function))

    return declare


def subcommand(
    parent: OmprovGroup, name: str, *, example: str, keys: dict[str, str], **extra: Any
) -> Callable[[Callable[..., Any]], OmprovCommand]:
    """Declare a command of a group; the function gets the `Session` first."""

    def declare(function: Callable[..., Any]) -> OmprovCommand:
        made = command(name, example=example, keys=keys, **extra)(function)
        parent.add_command(made)
        return made

    return declare
