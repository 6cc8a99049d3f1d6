"""Writes docs/reference/cli.md from the commands: ``python tests/cli/reference_page.py``."""

from __future__ import annotations

from pathlib import Path

import click

from omprov.cli import application
from omprov.cli._application import SECTIONS
from omprov.cli._json_shapes import SHAPES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"

HEAD = """\
# Command line

`omprov` works on a repository: the folder `.omprov` that `omprov init` makes. It is found by
`--repo PATH`, else by the environment variable `OMPROV_URL`, else as the nearest `.omprov` upwards
from the current folder. References are written `[project/]kind/name[:selector]`; see
[the concepts](../concepts.md).

**Exit codes.** 0 ok · 1 the answer is no, or something went wrong that nobody foresaw · 2 the
command line is wrong · 3 not found · 4 what exists stands against it · 5 the store cannot serve it
now · 130 interrupted. `omprov run` exits with the status of its command.

**JSON.** With `--json` a command prints one JSON object on standard output and nothing else; an
error is `{"error": {"type": …, "message": …}}` on standard error. The keys below are stable: they
may be joined by new ones. Times are ISO 8601, digests `b3:` and 64 hex digits; NaN and infinities
are null.

**Output.** Colours and progress bars appear on a terminal only, and never when `NO_COLOR` is set.
Where the encoding lacks lines and dots, ASCII stands in. `OMPROV_DEBUG=1` or `--debug` shows the
traceback of an unexpected error.

**Completion.** `omprov completion bash >> ~/.bashrc` (or `zsh`, `fish`) completes commands, assets,
versions and aliases.
"""


def page() -> str:
    """Write the page."""
    parts = [HEAD]
    for section, names in SECTIONS.items():
        parts.append(f"\n## {section}\n")
        for name in names:
            command = application.get_command(click.Context(application), name)
            parts += described(command, f"omprov {name}")
    parts.append("\n## Shapes in JSON\n")
    for shape, keys in SHAPES.items():
        parts.append(f"\n### {shape}\n\n{table(keys)}\n")
    return "".join(parts)


def described(command: click.Command, path: str) -> list[str]:
    context = click.Context(command, info_name=path)
    usage = command.get_usage(context).removeprefix("Usage: ").replace("\n", " ")
    usage = " ".join(usage.split())
    parts = [f"\n### {path}\n\n{paragraphs(command.help)}\n\n```text\n{usage}\n```\n"]
    given = [p for p in command.params if isinstance(p, click.Option)]
    options = [record for option in given if (record := option.get_help_record(context))]
    own = {first: text for first, text in options if first.split()[0] not in ("--repo", "--json")}
    if own:
        parts.append("\n" + "\n".join(f"- `{name}`: {text}" for name, text in own.items()) + "\n")
    parts.append(f"\n```sh\n{command.example}\n```\n")
    if command.keys:
        keys = "; ".join(f"`{key}`: {text}" for key, text in command.keys.items())
        parts.append(f"\nJSON: {keys}.\n")
    for name in getattr(command, "commands", {}):
        parts += described(command.commands[name], f"{path} {name}")
    return parts


def paragraphs(text: str | None) -> str:
    return "\n\n".join(" ".join(part.split()) for part in (text or "").split("\n\n"))


def table(keys: dict[str, str]) -> str:
    rows = [f"| `{key}` | {text} |" for key, text in keys.items()]
    return "\n".join(["| key | value |", "|---|---|", *rows])


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
