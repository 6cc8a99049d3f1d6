"""The content store: all bytes of a repository, named by digest, each stored once.

A folder becomes a *tree*: a canonical list of its files with their BLAKE3 digests, so that equal
folders have equal digests. Files are cut into chunks, chunks go into packs; ``docs/format.md``
specifies every byte. The store knows nothing of assets and versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._checkout import Checkout
    from ._collect import Collected
    from ._fsck import Damage
    from ._objects import Reference
    from ._place import MaterializeMode
    from ._progress import Done, Expected, Progress
    from ._rebuild import Rebuilt
    from ._scan import TreeSummary
    from ._store import ContentStore, rebuild_index
    from ._tree import StoredTree
    from ._usage import Share, Usage

__all__ = [
    "Checkout",
    "Collected",
    "ContentStore",
    "Damage",
    "Done",
    "Expected",
    "MaterializeMode",
    "Progress",
    "Rebuilt",
    "Reference",
    "Share",
    "StoredTree",
    "TreeSummary",
    "Usage",
    "rebuild_index",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "Checkout": "._checkout",
        "Collected": "._collect",
        "ContentStore": "._store",
        "Damage": "._fsck",
        "Done": "._progress",
        "Expected": "._progress",
        "MaterializeMode": "._place",
        "Progress": "._progress",
        "Rebuilt": "._rebuild",
        "Reference": "._objects",
        "Share": "._usage",
        "StoredTree": "._tree",
        "TreeSummary": "._scan",
        "Usage": "._usage",
        "rebuild_index": "._store",
    },
)
