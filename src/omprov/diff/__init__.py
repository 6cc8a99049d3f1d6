"""Amounts of difference between two states of an asset, with their evidence.

A *measure* compares two trees of files and gives a `Difference`: an amount out of a total, and what
it is made of::

    from omprov.diff import MemoryTree, compare

    old = MemoryTree({"train.py": b"lr = 0.1"})
    new = MemoryTree({"train.py": b"lr = 0.2"})
    compare(old, new, "words").weight  # 2 of 6 words do not match

``docs/design/measures.md`` says what each measure means and how exact it is.
"""

from ._alignment import WordCounts
from ._finer import finer_differences, finer_measures
from ._folders import FolderTree, MemoryTree
from ._keys import compare_keys
from ._measures import Measure
from ._packages import compare_packages
from ._registry import compare, get_measure, measure_for, measures
from ._texts import compare_words
from ._trees import Delta, Leaf, Mode, Tree, changes_between, merge_walks, path_order

__all__ = [
    "Delta",
    "FolderTree",
    "Leaf",
    "Measure",
    "MemoryTree",
    "Mode",
    "Tree",
    "WordCounts",
    "changes_between",
    "compare",
    "compare_keys",
    "compare_packages",
    "compare_words",
    "finer_differences",
    "finer_measures",
    "get_measure",
    "measure_for",
    "measures",
    "merge_walks",
    "path_order",
]
