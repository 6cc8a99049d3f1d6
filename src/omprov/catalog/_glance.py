"""Looks something up in a catalog without loading SQLAlchemy, in a tenth of the time."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes

from ._layout import SCHEMA

if TYPE_CHECKING:
    from pathlib import Path

_TAGS = """
SELECT tag.name, tag.value FROM asset
    JOIN project ON project.key = asset.project_key
    JOIN tag ON tag.target = asset.id
    WHERE project.name = ? AND asset.kind = ? AND asset.name = ? AND asset.removed IS NULL
"""


def tags_at_a_glance(path: Path, project: str, kind: str, name: str) -> dict[str, str] | None:
    """Return the tags of an asset.

    Returns:
        ``None`` where anything is in the way, be it another layout, damage, or that the file is
        not there: `open_catalog` says what.
    """
    uri = f"file:{quote_from_bytes(bytes(path.absolute()))}?mode=rw"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=0)) as database:
            layout = database.execute("SELECT version_num FROM alembic_version").fetchone()
            if layout != (SCHEMA,):
                return None
            return dict(database.execute(_TAGS, (project, kind, name)))
    except sqlite3.Error:
        return None
