"""The content store: all bytes of a repository, named by digest, each stored once.

A folder becomes a *tree*: a canonical list of its files with their BLAKE3 digests, so that equal
folders have equal digests. Files are cut into chunks, chunks go into packs; ``docs/format.md``
specifies every byte. The store knows nothing of assets and versions.
"""

from ._checkout import Checkout
from ._collect import Collected
from ._fsck import Damage
from ._objects import Reference
from ._place import MaterializeMode
from ._rebuild import Rebuilt
from ._scan import Done, Progress, TreeSummary
from ._store import ContentStore, rebuild_index
from ._tree import StoredTree
from ._usage import Share, Usage

__all__ = [
    "Checkout",
    "Collected",
    "ContentStore",
    "Damage",
    "Done",
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
