"""Alembic's part: bring the tables to this release's layout. Only those who create or migrate load
this module, since Alembic takes a while to import.
"""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import insert, select, update

from ._tables import repository

if TYPE_CHECKING:
    from sqlalchemy import Connection


def bring_to_head(connection: Connection) -> None:
    """Run the migrations that are missing, within the connection's transaction."""
    with as_file(files("omprov.catalog") / "migrations") as scripts:
        config = Config()
        config.set_main_option("script_location", str(scripts).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    _sign(connection)


def _sign(connection: Connection) -> None:
    release = version("omprov")
    if connection.execute(select(repository.c.key)).first() is None:
        row = {"key": 1, "feed_position": 0, "release": release}
        connection.execute(insert(repository), row)
    else:
        connection.execute(update(repository).values(release=release))
