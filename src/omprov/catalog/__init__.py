"""All metadata of a repository, in SQL.

Projects, assets, versions, edges, runs, metrics, aliases, tags; the change feed by which other
processes keep up, and the audit of who did what. `Catalog` is the contract, with a read side and a
write side joined by a transaction; `create_catalog` and `open_catalog` give one in an SQLite file.

The catalog stores what it is told. It infers nothing and holds no content.
"""

from ._interface import (
    AuditRow,
    Catalog,
    CatalogReader,
    CatalogWriter,
    ChangeKind,
    FeedRow,
    StoredEdge,
)
from ._open import create_catalog, migrate_catalog, open_catalog

__all__ = [
    "AuditRow",
    "Catalog",
    "CatalogReader",
    "CatalogWriter",
    "ChangeKind",
    "FeedRow",
    "StoredEdge",
    "create_catalog",
    "migrate_catalog",
    "open_catalog",
]
