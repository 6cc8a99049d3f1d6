"""The commands for whoever keeps the shared server: server migrate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ._command import group, subcommand
from ._session import display_path

if TYPE_CHECKING:
    from ._session import Session


@group("server", example="omprov server migrate", keys={}, no_args_is_help=True)
def server_command(session: Session) -> None:
    """Care for what the shared server stands on."""


@subcommand(
    server_command,
    "migrate",
    example="omprov server migrate --catalog postgresql://omprov@db.example.org/omprov",
    keys={
        "before": "the layout that there was; null where it is this release's already",
        "after": "the layout that there is now",
        "copy": "path of the copy that was made first; null of PostgreSQL, or without a migration",
    },
)
@click.option(
    "--catalog",
    metavar="URL",
    envvar="OMPROV_CATALOG",
    show_envvar=True,
    required=True,
    help="postgresql://user@host/database, or the path of a file. A password is better kept in "
    "PGPASSWORD or ~/.pgpass.",
)
def server_migrate_command(session: Session, *, catalog: str) -> None:
    """Bring a catalog of an older release to this release's layout.

    Does nothing where the layout is this release's already. All or nothing: interrupted, the
    catalog is what it was. Of a file a copy is kept; of a database make one with `pg_dump` before.
    Servers of the older release refuse to work once this is done.
    """
    from omprov.catalog import SCHEMA, migrate_catalog

    done = migrate_catalog(catalog)
    copy = None if done is None else done.copy
    session.answer(
        {
            "before": None if done is None else done.before,
            "after": SCHEMA,
            "copy": None if copy is None else str(copy),
        },
        lambda out: out.print(
            "The layout is this release's already."
            if done is None
            else f"Brought from the layout {done.before or 'of no release'} to {SCHEMA}."
            + ("" if copy is None else f" {display_path(copy)} is a copy of what it was"),
            soft_wrap=True,
        ),
    )
