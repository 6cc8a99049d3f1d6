"""Two trees file by file, for measures that look into files: what stayed, moved and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ._renames import Rename, find_renames
from ._trees import changes_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._trees import Leaf, Tree

    Place = tuple[Tree, Leaf]
    """A file and the tree it is in."""


class Pairs(NamedTuple):
    """The files of two trees.

    Attributes:
        same: those with equal content at the same path, of the newer tree.
        renames: those with equal content at another path.
        renamed: the same, as they are in the newer tree.
        changed: those with other content at the same path.
        removed: those only in the older tree.
        added: those only in the newer tree.
    """

    same: list[Place]
    renames: list[Rename]
    renamed: list[Place]
    changed: list[tuple[Place, Place]]
    removed: list[Place]
    added: list[Place]


def pair_files(old: Tree | None, new: Tree | None) -> Pairs:
    """Pair the files of two trees; the executable bit does not count."""
    renames, deltas = find_renames(changes_between(old, new))
    renamed = [] if new is None else [(new, rename.new) for rename in renames]
    pairs = Pairs([], renames, renamed, [], [], [])
    for delta in deltas:
        before = None if delta.old is None or old is None else (old, delta.old)
        after = None if delta.new is None or new is None else (new, delta.new)
        if before is None and after is not None:
            pairs.added.append(after)
        elif before is not None and after is None:
            pairs.removed.append(before)
        elif before is not None and after is not None:
            if before[1].same_content(after[1]):
                pairs.same.append(after)
            else:
                pairs.changed.append((before, after))
    touched = {delta.path for delta in deltas} | {rename.new.path for rename in renames}
    pairs.same.extend(_walk(new, touched))
    return pairs


def _walk(tree: Tree | None, passed_over: set[str]) -> Iterator[Place]:
    if tree is not None:
        for leaf in tree.walk():
            if leaf.path not in passed_over:
                yield tree, leaf
