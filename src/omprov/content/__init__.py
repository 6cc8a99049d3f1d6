"""The content store: all bytes of a repository, named by digest, each stored once.

A folder becomes a *tree*: a canonical list of its files with their BLAKE3 digests, so that equal
folders have equal digests. Files are cut into chunks, chunks go into packs; ``docs/format.md``
specifies every byte. The store knows nothing of assets and versions.
"""

from ._buckets import split_url
from ._checkout import Checkout
from ._fsck import Damage
from ._objects import Reference
from ._place import MaterializeMode
from ._progress import Done, Expected, Progress
from ._references import Referenced
from ._scan import TreeSummary
from ._source_checks import SourceLosses
from ._store import ContentStore
from ._stored_files import StoredFile
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
    "Referenced",
    "SourceLosses",
    "StoredFile",
    "StoredTree",
    "TreeSummary",
    "split_url",
]
