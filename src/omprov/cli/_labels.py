"""The commands about names and removal: tag, alias, rm."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from omprov.errors import InvalidInput
from omprov.records import Reference

from . import _wording
from ._command import command
from ._completion import complete_versions
from ._json_shapes import version_json

if TYPE_CHECKING:
    from rich.console import Console

    from omprov.records import Version

    from ._session import Session


@command(
    "tag",
    example="omprov tag model/digits:v5 reviewed=yes stage=production\n"
    "omprov tag model/digits:v5 -d stage",
    keys={"version": "the *version*, as it is now"},
)
@click.argument("reference", metavar="REF", shell_complete=complete_versions)
@click.argument("tags", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("-d", "--delete", metavar="NAME", multiple=True, help="Take a tag away.")
def tag_command(
    session: Session, *, reference: str, tags: tuple[str, ...], delete: tuple[str, ...]
) -> None:
    """Show the tags of a version, set them, or take them away."""
    changes: dict[str, str | None] = dict.fromkeys(delete)
    for tag in tags:
        name, equals, value = tag.partition("=")
        if not equals or not name:
            raise InvalidInput(f"{tag!r} is no tag: write NAME=VALUE")
        changes[name] = value
    with session.repository() as repository:
        version = repository.get_version(reference)
        if changes:
            version = repository.set_tags(version, changes)
    session.answer({"version": version_json(version)}, lambda out: _show_tags(out, version))


def _show_tags(out: Console, version: Version) -> None:
    out.print(version.reference, style="bold", soft_wrap=True)
    for name, value in sorted(version.tags.items()):
        out.print(f"  {_wording.printable(name)}={_wording.printable(value)}", soft_wrap=True)


@command(
    "alias",
    example="omprov alias model/digits:v5 champion\nomprov alias --rm model/digits champion",
    keys={
        "alias": "its name",
        "version": "reference that it points at now, or null",
        "before": "reference that it pointed at before, or null",
    },
)
@click.argument("reference", metavar="REF", shell_complete=complete_versions)
@click.argument("name")
@click.option("--rm", "remove", is_flag=True, help="Take the alias away; REF is the asset.")
def alias_command(session: Session, *, reference: str, name: str, remove: bool) -> None:
    """Point the alias NAME at a version, so that kind/asset:NAME is that version."""
    with session.repository() as repository:
        version: Version | None = None
        if remove:
            before: str | None = _aliased(reference, name)
            before = repository.get_version(before).reference if before else None
            repository.remove_alias(reference, name)
        else:
            version = repository.get_version(reference)
            earlier = repository.set_alias(version, name)
            before = None if earlier is None else earlier.reference
    words = f"{name} is gone" if version is None else f"{name} is {version}"
    if before is not None:
        words += f", it was {before}"
    session.answer(
        {
            "alias": name,
            "version": None if version is None else version.reference,
            "before": before,
        },
        lambda out: out.print(words, soft_wrap=True),
    )


def _aliased(reference: str, name: str) -> str:
    wanted = Reference.parse(reference)
    return str(Reference(wanted.name, wanted.kind, wanted.project, name))


@command(
    "rm",
    example="omprov rm dataset/digits:v4\nomprov rm dataset/digits --all --yes",
    keys={"removed": "reference of the version, or name of the asset"},
)
@click.argument("reference", metavar="REF", shell_complete=complete_versions)
@click.option("--all", "whole", is_flag=True, help="Remove the asset with all its versions.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def rm_command(session: Session, *, reference: str, whole: bool, yes: bool) -> None:
    """Remove a version. Nothing can use it any more, but its place in every lineage stays.

    Its tombstone still answers: `show`, `lineage` and `runs --using` take it by number.
    """
    wanted = Reference.parse(reference)
    if whole == (wanted.selector is not None):
        raise InvalidInput(
            f"{reference} names one version: leave out --all"
            if whole
            else f"say which version of {reference} (for instance {reference}:v1), or pass --all"
        )
    with session.repository() as repository:
        name = str(repository.get_asset(wanted).name if whole else repository.get_version(wanted))
        if not yes:
            _ask(session, f"Remove {name}" + (" with all its versions" if whole else "") + "?")
        if whole:
            repository.remove_asset(wanted)
        else:
            repository.remove_version(wanted)
    session.answer(
        {"removed": name},
        lambda out: out.print(f"Removed {name}; every lineage still knows it.", soft_wrap=True),
    )


def _ask(session: Session, question: str) -> None:
    if not session.is_interactive:
        raise InvalidInput("nobody is here to ask: pass --yes to remove it")
    if not click.confirm(question, err=True):
        raise click.exceptions.Exit(1)
