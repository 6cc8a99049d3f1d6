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
    from ._copying import Contents, Copied, CopySource, CopyTarget, CopyView, copy_repository
    from ._door import AnyAsset, AnyVersion, Repository
    from ._door._adding import Adding
    from ._door._care import GRACE
    from ._door._changes import Happened
    from ._door._commits import CommitVersion
    from ._door._local import Local
    from ._door._on_disk import OnDisk
    from ._door._remotes import Exchange
    from ._durations import parse_duration
    from ._founding import alone_in, founding_errors_told
    from ._glance import glance_at_tags, setup_of
    from ._handles import VersionHandle
    from ._layout import CACHE, CONTENT, FOLDER, JOURNAL, SERVERS
    from ._memories import memory_name, write_memory
    from ._mending import RemoteReport, Repair
    from ._pins import pin_content, pinned_contents
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
    "GRACE",
    "JOURNAL",
    "SERVERS",
    "SETTINGS",
    "Added",
    "Adding",
    "AnyAsset",
    "AnyVersion",
    "AssetUsage",
    "BackedUp",
    "ByReference",
    "ClearedCopies",
    "CommitVersion",
    "Config",
    "Contents",
    "Copied",
    "CopySource",
    "CopyTarget",
    "CopyView",
    "Exchange",
    "Finding",
    "Freed",
    "Happened",
    "Held",
    "History",
    "Lineage",
    "Link",
    "ListedBackup",
    "Local",
    "MetricPoint",
    "OnDisk",
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
    "alone_in",
    "copy_repository",
    "find_held",
    "founding_errors_told",
    "glance_at_tags",
    "list_backups",
    "looks_unchanged",
    "memory_name",
    "parse_duration",
    "parse_size",
    "pin_content",
    "pinned_contents",
    "setup_of",
    "store_content",
    "store_known",
    "write_memory",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "AUTO": "._versions",
        "AnyAsset": "._door",
        "AnyVersion": "._door",
        "Adding": "._door._adding",
        "GRACE": "._door._care",
        "Local": "._door._local",
        "OnDisk": "._door._on_disk",
        "alone_in": "._founding",
        "founding_errors_told": "._founding",
        "SERVERS": "._layout",
        "pinned_contents": "._pins",
        "Added": "._versions",
        "AssetUsage": "._collecting",
        "BackedUp": "._backups",
        "ByReference": "._contents",
        "CACHE": "._layout",
        "CONTENT": "._layout",
        "ClearedCopies": "._copies",
        "CommitVersion": "._door._commits",
        "Config": "._config",
        "Contents": "._copying",
        "Copied": "._copying",
        "CopySource": "._copying",
        "CopyTarget": "._copying",
        "CopyView": "._copying",
        "copy_repository": "._copying",
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
