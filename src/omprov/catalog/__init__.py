"""All metadata of a repository, in SQL.

Projects, assets, versions, edges, runs, metrics, aliases, tags; the change feed by which other
processes keep up, and the audit of who did what. `Catalog` is the contract, with a read side and a
write side joined by a transaction; `create_catalog` and `open_catalog` give one in an SQLite file.

The catalog stores what it is told. It infers nothing and holds no content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from omprov.records import AuditRow

    from ._copied_rows import CopiedRows, CopyState, read_line
    from ._copying import FINISHED, CopyMark
    from ._glance import tags_at_a_glance
    from ._interface import (
        Catalog,
        CatalogReader,
        CatalogWriter,
        ChangeKind,
        FeedRow,
        KeptRequest,
        NewVersion,
        StoredEdge,
    )
    from ._layout import SCHEMA
    from ._open import Migrated, create_catalog, migrate_catalog, open_catalog
    from ._people_interface import PeopleReader, PeopleWriter, StoredSignIn, Tries

__all__ = [
    "FINISHED",
    "SCHEMA",
    "AuditRow",
    "Catalog",
    "CatalogReader",
    "CatalogWriter",
    "ChangeKind",
    "CopiedRows",
    "CopyMark",
    "CopyState",
    "FeedRow",
    "KeptRequest",
    "Migrated",
    "NewVersion",
    "PeopleReader",
    "PeopleWriter",
    "StoredEdge",
    "StoredSignIn",
    "Tries",
    "create_catalog",
    "migrate_catalog",
    "open_catalog",
    "read_line",
    "tags_at_a_glance",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "AuditRow": "omprov.records",
        "Catalog": "._interface",
        "CatalogReader": "._interface",
        "CatalogWriter": "._interface",
        "ChangeKind": "._interface",
        "CopiedRows": "._copied_rows",
        "CopyMark": "._copying",
        "CopyState": "._copied_rows",
        "FINISHED": "._copying",
        "FeedRow": "._interface",
        "KeptRequest": "._interface",
        "Migrated": "._open",
        "NewVersion": "._interface",
        "PeopleReader": "._people_interface",
        "PeopleWriter": "._people_interface",
        "SCHEMA": "._layout",
        "StoredEdge": "._interface",
        "StoredSignIn": "._people_interface",
        "Tries": "._people_interface",
        "create_catalog": "._open",
        "migrate_catalog": "._open",
        "open_catalog": "._open",
        "read_line": "._copied_rows",
        "tags_at_a_glance": "._glance",
    },
)
