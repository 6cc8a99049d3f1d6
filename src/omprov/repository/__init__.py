"""The one door to a catalog and a content store: use cases and transactions.

`Repository` is what the command line, the Python front door and every later room call. It owns the
transactions, keeps the version graphs in step with the catalog, and never prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._active_runs import ActiveRun, Used
    from ._backups import BackedUp, ListedBackup, list_backups
    from ._checking import Finding
    from ._collecting import AssetUsage, Freed, RepositoryUsage
    from ._config import SETTINGS, Config, parse_size
    from ._contents import ByReference, store_content
    from ._copies import ClearedCopies
    from ._door import Repository
    from ._door._commits import CommitVersion
    from ._door._remotes import Exchange
    from ._durations import parse_duration
    from ._handles import VersionHandle
    from ._layout import FOLDER
    from ._mending import RemoteReport, Repair
    from ._reading import History, Lineage, Link, Route
    from ._recording import MetricPoint, Output
    from ._restoring import Restored
    from ._unchanged import find_held, store_known
    from ._versions import AUTO, Added
    from ._workspace import Held, Workspace

__all__ = [
    "AUTO",
    "FOLDER",
    "SETTINGS",
    "ActiveRun",
    "Added",
    "AssetUsage",
    "BackedUp",
    "ByReference",
    "ClearedCopies",
    "CommitVersion",
    "Config",
    "Exchange",
    "Finding",
    "Freed",
    "Held",
    "History",
    "Lineage",
    "Link",
    "ListedBackup",
    "MetricPoint",
    "Output",
    "RemoteReport",
    "Repair",
    "Repository",
    "RepositoryUsage",
    "Restored",
    "Route",
    "Used",
    "VersionHandle",
    "Workspace",
    "find_held",
    "list_backups",
    "parse_duration",
    "parse_size",
    "store_content",
    "store_known",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "AUTO": "._versions",
        "ActiveRun": "._active_runs",
        "Added": "._versions",
        "AssetUsage": "._collecting",
        "BackedUp": "._backups",
        "ByReference": "._contents",
        "ClearedCopies": "._copies",
        "CommitVersion": "._door._commits",
        "Config": "._config",
        "Exchange": "._door._remotes",
        "FOLDER": "._layout",
        "Finding": "._checking",
        "Freed": "._collecting",
        "Held": "._workspace",
        "History": "._reading",
        "Lineage": "._reading",
        "Link": "._reading",
        "ListedBackup": "._backups",
        "MetricPoint": "._recording",
        "Output": "._recording",
        "RemoteReport": "._mending",
        "Repair": "._mending",
        "Repository": "._door",
        "RepositoryUsage": "._collecting",
        "Restored": "._restoring",
        "Route": "._reading",
        "SETTINGS": "._config",
        "Used": "._active_runs",
        "VersionHandle": "._handles",
        "Workspace": "._workspace",
        "find_held": "._unchanged",
        "list_backups": "._backups",
        "parse_duration": "._durations",
        "parse_size": "._config",
        "store_content": "._contents",
        "store_known": "._unchanged",
    },
)
