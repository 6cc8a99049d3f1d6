"""The one door to a catalog and a content store: use cases and transactions.

`Repository` is what the command line, the Python front door and every later room call. It owns the
transactions, keeps the version graphs in step with the catalog, and never prints.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._backups import BackedUp, ListedBackup, list_backups
    from ._checking import Finding
    from ._collecting import AssetUsage, Freed, RepositoryUsage
    from ._config import SETTINGS, Config, parse_size
    from ._contents import ByReference, store_content
    from ._copies import ClearedCopies
    from ._door import Repository
    from ._door._changes import Happened
    from ._door._commits import CommitVersion
    from ._door._remotes import Exchange
    from ._durations import parse_duration
    from ._glance import glance_at_tags, setup_of
    from ._handles import VersionHandle
    from ._layout import CACHE, CONTENT, FOLDER, JOURNAL
    from ._memories import memory_name, write_memory
    from ._mending import RemoteReport, Repair
    from ._pins import pin_content
    from ._reading import History, Lineage, Link, Route
    from ._recording import MetricPoint, Output
    from ._restoring import Restored
    from ._run_updates import RunBegin, RunEnd, RunUpdate
    from ._unchanged import find_held, looks_unchanged, store_known
    from ._versions import AUTO, Added
    from ._workspace import Held, Workspace

__all__ = [
    "AUTO",
    "CACHE",
    "CONTENT",
    "FOLDER",
    "JOURNAL",
    "SETTINGS",
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
    "Happened",
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
    "RunBegin",
    "RunEnd",
    "RunUpdate",
    "VersionHandle",
    "Workspace",
    "find_held",
    "glance_at_tags",
    "list_backups",
    "looks_unchanged",
    "memory_name",
    "parse_duration",
    "parse_size",
    "pin_content",
    "setup_of",
    "store_content",
    "store_known",
    "write_memory",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "AUTO": "._versions",
        "Added": "._versions",
        "AssetUsage": "._collecting",
        "BackedUp": "._backups",
        "ByReference": "._contents",
        "CACHE": "._layout",
        "CONTENT": "._layout",
        "ClearedCopies": "._copies",
        "CommitVersion": "._door._commits",
        "Config": "._config",
        "Exchange": "._door._remotes",
        "FOLDER": "._layout",
        "Finding": "._checking",
        "Freed": "._collecting",
        "Happened": "._door._changes",
        "Held": "._workspace",
        "History": "._reading",
        "JOURNAL": "._layout",
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
        "RunBegin": "._run_updates",
        "RunEnd": "._run_updates",
        "RunUpdate": "._run_updates",
        "SETTINGS": "._config",
        "VersionHandle": "._handles",
        "Workspace": "._workspace",
        "find_held": "._unchanged",
        "glance_at_tags": "._glance",
        "list_backups": "._backups",
        "looks_unchanged": "._unchanged",
        "memory_name": "._memories",
        "parse_duration": "._durations",
        "parse_size": "._config",
        "pin_content": "._pins",
        "store_content": "._contents",
        "setup_of": "._glance",
        "store_known": "._unchanged",
        "write_memory": "._memories",
    },
)
