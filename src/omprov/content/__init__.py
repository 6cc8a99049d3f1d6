"""The content store: all bytes of a repository, named by digest, each stored once.

A folder becomes a *tree*: a canonical list of its files with their BLAKE3 digests, so that equal
folders have equal digests. Files are cut into chunks, chunks go into packs; ``docs/format.md``
specifies every byte. The store knows nothing of assets and versions.

`_store` is the front; behind it are the rooms `_format`, `_adding`, `_checkout`, `_remotes`,
`_references`, `_care` and `_backups`, and beside it what they share.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._adding._ignore import may_hold
    from ._adding._looks import looks_as
    from ._adding._scan import TreeSummary
    from ._adding._tree_writer import TreeWriter
    from ._backups._backing_up import (
        Pruned,
        Sent,
        complete,
        fetch_catalog,
        prune,
        send_catalog,
        send_held,
        sending_to,
    )
    from ._backups._holding import HeldPacks
    from ._backups._manifests import Backup, StoredCatalog
    from ._backups._vault import Vault
    from ._care._collect import Collected
    from ._care._fsck import Damage
    from ._care._mending import Mended
    from ._care._rebuild import Rebuilt
    from ._care._usage import Share, Usage
    from ._checkout._materialize import Checkout
    from ._checkout._place import MaterializeMode
    from ._format._nodes import Entry, EntryKind
    from ._format._objects import Reference
    from ._parcels._parcel import PARCEL_LIMIT, parse_key, show_key
    from ._parcels._receiving import Reachable
    from ._progress import Done, Expected, Progress
    from ._references._record import Referenced
    from ._references._source_checks import SourceLosses
    from ._references._stored_files import StoredFile
    from ._remotes._block_cache import BlockCache, CachedPack
    from ._remotes._buckets import Blob, Bucket, open_bucket, split_url
    from ._remotes._movers import Moved
    from ._remotes._remote import Remote, RemoteSettings, RemoteSetup
    from ._remotes._remote_check import RemoteCheck
    from ._remotes._remote_mending import RemoteMended
    from ._store import ContentStore, rebuild_index
    from ._tree import StoredTree

__all__ = [
    "PARCEL_LIMIT",
    "Backup",
    "Blob",
    "BlockCache",
    "Bucket",
    "CachedPack",
    "Checkout",
    "Collected",
    "ContentStore",
    "Damage",
    "Done",
    "Entry",
    "EntryKind",
    "Expected",
    "HeldPacks",
    "MaterializeMode",
    "Mended",
    "Moved",
    "Progress",
    "Pruned",
    "Reachable",
    "Rebuilt",
    "Reference",
    "Referenced",
    "Remote",
    "RemoteCheck",
    "RemoteMended",
    "RemoteSettings",
    "RemoteSetup",
    "Sent",
    "Share",
    "SourceLosses",
    "StoredCatalog",
    "StoredFile",
    "StoredTree",
    "TreeSummary",
    "TreeWriter",
    "Usage",
    "Vault",
    "complete",
    "fetch_catalog",
    "looks_as",
    "may_hold",
    "open_bucket",
    "parse_key",
    "prune",
    "rebuild_index",
    "send_catalog",
    "send_held",
    "sending_to",
    "show_key",
    "split_url",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "Backup": "._backups._manifests",
        "Blob": "._remotes._buckets",
        "BlockCache": "._remotes._block_cache",
        "Bucket": "._remotes._buckets",
        "CachedPack": "._remotes._block_cache",
        "Checkout": "._checkout._materialize",
        "Collected": "._care._collect",
        "ContentStore": "._store",
        "Damage": "._care._fsck",
        "PARCEL_LIMIT": "._parcels._parcel",
        "parse_key": "._parcels._parcel",
        "show_key": "._parcels._parcel",
        "Reachable": "._parcels._receiving",
        "Done": "._progress",
        "Entry": "._format._nodes",
        "EntryKind": "._format._nodes",
        "Expected": "._progress",
        "HeldPacks": "._backups._holding",
        "MaterializeMode": "._checkout._place",
        "Mended": "._care._mending",
        "Moved": "._remotes._movers",
        "Progress": "._progress",
        "Pruned": "._backups._backing_up",
        "Rebuilt": "._care._rebuild",
        "Reference": "._format._objects",
        "Referenced": "._references._record",
        "Remote": "._remotes._remote",
        "RemoteCheck": "._remotes._remote_check",
        "RemoteMended": "._remotes._remote_mending",
        "RemoteSettings": "._remotes._remote",
        "RemoteSetup": "._remotes._remote",
        "Sent": "._backups._backing_up",
        "Share": "._care._usage",
        "SourceLosses": "._references._source_checks",
        "StoredCatalog": "._backups._manifests",
        "StoredFile": "._references._stored_files",
        "StoredTree": "._tree",
        "TreeSummary": "._adding._scan",
        "TreeWriter": "._adding._tree_writer",
        "Usage": "._care._usage",
        "Vault": "._backups._vault",
        "complete": "._backups._backing_up",
        "fetch_catalog": "._backups._backing_up",
        "looks_as": "._adding._looks",
        "may_hold": "._adding._ignore",
        "open_bucket": "._remotes._buckets",
        "prune": "._backups._backing_up",
        "rebuild_index": "._store",
        "send_catalog": "._backups._backing_up",
        "send_held": "._backups._backing_up",
        "sending_to": "._backups._backing_up",
        "split_url": "._remotes._buckets",
    },
)
