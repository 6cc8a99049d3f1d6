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
    from ._fsck import Damage
    from ._objects import Reference
    from ._place import MaterializeMode
    from ._progress import Done, Expected, Progress
    from ._scan import TreeSummary
    from ._store import ContentStore
    from ._tree import StoredTree

__all__ = [
    "Checkout",
    "ContentStore",
    "Damage",
    "Done",
    "Expected",
    "MaterializeMode",
    "Progress",
    "Reference",
    "StoredTree",
    "TreeSummary",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "Checkout": "._checkout",
        "ContentStore": "._store",
        "Damage": "._fsck",
        "Done": "._progress",
        "Expected": "._progress",
        "MaterializeMode": "._place",
        "Progress": "._progress",
        "Reference": "._objects",
        "StoredTree": "._tree",
        "TreeSummary": "._scan",
    },
)
