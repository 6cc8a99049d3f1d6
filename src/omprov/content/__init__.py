"""The content store: all bytes of a repository, named by digest, each stored once.

A folder becomes a *tree*: a canonical list of its files with their BLAKE3 digests, so that equal
folders have equal digests. Files are cut into chunks, chunks go into packs; ``docs/format.md``
specifies every byte. The store knows nothing of assets and versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._block_cache import BlockCache, CachedPack
    from ._buckets import Blob, Bucket, open_bucket, split_url
    from ._checkout import Checkout
    from ._collect import Collected
    from ._fsck import Damage
    from ._movers import Moved
    from ._objects import Reference
    from ._place import MaterializeMode
    from ._progress import Done, Expected, Progress
    from ._rebuild import Rebuilt
    from ._references import Referenced
    from ._remote import Remote, RemoteSettings, RemoteSetup
    from ._scan import TreeSummary
    from ._source_checks import SourceLosses
    from ._store import ContentStore, rebuild_index
    from ._stored_files import StoredFile
    from ._tree import StoredTree
    from ._usage import Share, Usage

__all__ = [
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
    "MaterializeMode",
    "Moved",
    "Progress",
    "Rebuilt",
    "Reference",
    "Referenced",
    "Remote",
    "RemoteSettings",
    "RemoteSetup",
    "Share",
    "SourceLosses",
    "StoredFile",
    "StoredTree",
    "TreeSummary",
    "Usage",
    "open_bucket",
    "rebuild_index",
    "split_url",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
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
        "MaterializeMode": "._place",
        "Moved": "._movers",
        "Progress": "._progress",
        "Rebuilt": "._rebuild",
        "Reference": "._objects",
        "Referenced": "._references",
        "Remote": "._remote",
        "RemoteSettings": "._remote",
        "RemoteSetup": "._remote",
        "Share": "._usage",
        "SourceLosses": "._source_checks",
        "StoredFile": "._stored_files",
        "StoredTree": "._tree",
        "TreeSummary": "._scan",
        "Usage": "._usage",
        "open_bucket": "._buckets",
        "rebuild_index": "._store",
        "split_url": "._buckets",
    },
)
