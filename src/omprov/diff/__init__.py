"""Amounts of difference between two states of an asset, with their evidence.

A *measure* compares two trees of files and gives a `Difference`: an amount out of a total, and what
it is made of::

    from omprov.diff import MemoryTree, compare

    old = MemoryTree({"train.py": b"lr = 0.1"})
    new = MemoryTree({"train.py": b"lr = 0.2"})
    compare(old, new, "words").weight  # 2 of 6 words do not match

``docs/design/measures.md`` says what each measure means and how exact it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._alignment import WordCounts
    from ._finer import finer_differences, finer_measures
    from ._folders import FolderTree, MemoryTree
    from ._keys import KeysRead, compare_keys, compare_keys_read, read_keys
    from ._measures import Measure
    from ._packages import compare_packages
    from ._registry import compare, get_measure, measure_for, measures
    from ._texts import compare_words
    from ._trees import Delta, Leaf, Mode, Tree, changes_between, merge_walks, path_order
    from ._words import WordMemory

__all__ = [
    "Delta",
    "FolderTree",
    "KeysRead",
    "Leaf",
    "Measure",
    "MemoryTree",
    "Mode",
    "Tree",
    "WordCounts",
    "WordMemory",
    "changes_between",
    "compare",
    "compare_keys",
    "compare_keys_read",
    "compare_packages",
    "compare_words",
    "finer_differences",
    "finer_measures",
    "get_measure",
    "measure_for",
    "measures",
    "merge_walks",
    "path_order",
    "read_keys",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "Delta": "._trees",
        "FolderTree": "._folders",
        "KeysRead": "._keys",
        "Leaf": "._trees",
        "Measure": "._measures",
        "MemoryTree": "._folders",
        "Mode": "._trees",
        "Tree": "._trees",
        "WordCounts": "._alignment",
        "WordMemory": "._words",
        "changes_between": "._trees",
        "compare": "._registry",
        "compare_keys": "._keys",
        "compare_keys_read": "._keys",
        "compare_packages": "._packages",
        "compare_words": "._texts",
        "finer_differences": "._finer",
        "finer_measures": "._finer",
        "get_measure": "._registry",
        "measure_for": "._registry",
        "measures": "._registry",
        "merge_walks": "._trees",
        "path_order": "._trees",
        "read_keys": "._keys",
    },
)
