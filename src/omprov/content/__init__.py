"""The content store: all bytes of a repository, named by digest, each stored once.

A folder becomes a *tree*: a canonical list of its files with their BLAKE3 digests, so that equal
folders have equal digests. Files are cut into chunks, chunks go into packs; ``docs/format.md``
specifies every byte. The store knows nothing of assets and versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._backing_up import (
        Pruned,
        Sent,
        complete,
        fetch_catalog,
        prune,
        send_catalog,
        send_held,
        sending_to,
    )
    from ._block_cache import BlockCache, CachedPack
    from ._buckets import Blob, Bucket, open_bucket, split_url
    from ._checkout import Checkout
    from ._collect import Collected
    from ._fsck import Damage
    from ._holding import HeldPacks
    from ._manifests import Backup, StoredCatalog
    from ._mending import Mended
    from ._movers import Moved
    from ._objects import Reference
    from ._place import MaterializeMode
    from ._progress import Done, Expected, Progress
    from ._rebuild import Rebuilt
    from ._references import Referenced
    from ._remote import Remote, RemoteSettings, RemoteSetup
    from ._remote_check import RemoteCheck
    from ._remote_mending import RemoteMended
    from ._scan import TreeSummary
    from ._source_checks import SourceLosses
    from ._store import ContentStore, rebuild_index
    from ._stored_files import StoredFile
    from ._tree import StoredTree
    from ._usage import Share, Usage
    from ._vault import Vault

__all__ = [
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
    "Expected",
    "HeldPacks",
    "MaterializeMode",
    "Mended",
    "Moved",
    "Progress",
    "Pruned",
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
    "Usage",
    "Vault",
    "complete",
    "fetch_catalog",
    "open_bucket",
    "prune",
    "rebuild_index",
    "send_catalog",
    "send_held",
    "sending_to",
    "split_url",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "Backup": "._manifests",
        "Blob": "._buckets",
        "BlockCache": "._block_cache",
        "Bucket": "._buckets",
        "CachedPack": "._block_cache",
        "Checkout": "._checkout",
        "Collected": "._collect",
        "ContentStore": "._store",
        "Damage": "._fsck",
        "Done": "._progress",
        "Expected": "._progress",
        "HeldPacks": "._holding",
        "MaterializeMode": "._place",
        "Mended": "._mending",
        "Moved": "._movers",
        "Progress": "._progress",
        "Pruned": "._backing_up",
        "Rebuilt": "._rebuild",
        "Reference": "._objects",
        "Referenced": "._references",
        "Remote": "._remote",
        "RemoteCheck": "._remote_check",
        "RemoteMended": "._remote_mending",
        "RemoteSettings": "._remote",
        "RemoteSetup": "._remote",
        "Sent": "._backing_up",
        "Share": "._usage",
        "SourceLosses": "._source_checks",
        "StoredCatalog": "._manifests",
        "StoredFile": "._stored_files",
        "StoredTree": "._tree",
        "TreeSummary": "._scan",
        "Usage": "._usage",
        "Vault": "._vault",
        "complete": "._backing_up",
        "fetch_catalog": "._backing_up",
        "open_bucket": "._buckets",
        "prune": "._backing_up",
        "rebuild_index": "._store",
        "send_catalog": "._backing_up",
        "send_held": "._backing_up",
        "sending_to": "._backing_up",
        "split_url": "._buckets",
    },
)
