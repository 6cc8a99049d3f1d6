"""Amounts of difference between two states of an asset, with their evidence.

A *measure* compares two trees of files and gives a `Difference`: an amount out of a total, and what
it is made of. ``docs/design/measures.md`` says what each measure means and how exact it is.
"""

from ._folders import FolderTree, MemoryTree
from ._measures import Measure
from ._trees import Delta, Leaf, Mode, Tree, changes_between, merge_walks, path_order

__all__ = [
    "Delta",
    "FolderTree",
    "Leaf",
    "Measure",
    "MemoryTree",
    "Mode",
    "Tree",
    "changes_between",
    "merge_walks",
    "path_order",
]
