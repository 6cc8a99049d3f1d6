"""The command that reads single files of versions: cat."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import click

from omprov.records import show_digest

from ._command import command
from ._completion import complete_versions

if TYPE_CHECKING:
    from ._session import Session

_BLOCK = 1 << 20


@command(
    "cat",
    example="omprov cat dataset/digits:v3:sub/labels.csv | head\n"
    "omprov cat dataset/digits labels.csv",
    keys={
        "version": "the reference of the version",
        "path": "of the file in it, symlinks followed",
        "size": "bytes",
        "digest": "of the content",
    },
)
@click.argument("reference", metavar="REF:PATH", shell_complete=complete_versions)
@click.argument("path", required=False)
def cat_command(session: Session, *, reference: str, path: str | None) -> None:
    """Write a file of a version to standard output, byte for byte; --json says what it is instead.

    Without a selector the latest version is meant: dataset/digits::a.csv, or dataset/digits:a.csv
    where no alias has that name. REF and PATH may be two words.
    """
    with session.repository() as repository:
        if path is None:
            version, path = repository.find_file(reference)
        else:
            version = repository.get_version(reference)
        tree = repository.tree(version)
        leaf = tree.get(tree.follow(path))
        if session.as_json:
            session.answer(
                {
                    "version": version.reference,
                    "path": leaf.path,
                    "size": leaf.size,
                    "digest": show_digest(leaf.digest),
                },
                lambda _: None,
            )
            return
        with tree.open(leaf.path) as file:
            shutil.copyfileobj(file, sys.stdout.buffer, _BLOCK)
