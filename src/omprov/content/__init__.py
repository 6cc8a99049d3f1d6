"""The content store: all bytes of a repository, named by digest, each stored once.

A folder becomes a *tree*: a canonical list of its files with their BLAKE3 digests, so that equal
folders have equal digests. Files are cut into chunks, chunks go into packs; ``docs/format.md``
specifies every byte. The store knows nothing of assets and versions.
"""

from ._block_cache import BlockCache, CachedPack
from ._buckets import Blob, Bucket, open_bucket
from ._checkout import Checkout
from ._fsck import Damage
from ._movers import Moved
from ._objects import Reference
from ._place import MaterializeMode
from ._progress import Done, Expected, Progress
from ._remote import Remote, RemoteSettings, RemoteSetup
from ._scan import TreeSummary
from ._store import ContentStore
from ._tree import StoredTree

__all__ = [
    "Blob",
    "BlockCache",
    "Bucket",
    "CachedPack",
    "Checkout",
    "ContentStore",
    "Damage",
    "Done",
    "Expected",
    "MaterializeMode",
    "Moved",
    "Progress",
    "Reference",
    "Remote",
    "RemoteSettings",
    "RemoteSetup",
    "StoredTree",
    "TreeSummary",
    "open_bucket",
]
