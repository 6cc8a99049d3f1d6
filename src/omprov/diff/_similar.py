"""Files that were renamed and edited: pairs that share half of their words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ._renames import Rename
from ._texts import split_words

if TYPE_CHECKING:
    from ._trees import Delta, Leaf, Tree

_ALIKE = 0.5  # of the words of the longer file, at least: git's threshold
_MOST_PAIRS = 2_500  # beyond these the search is left out: 50 removed and 50 added files
_MOST_BYTES = 1 << 20  # files beyond are not looked at


def find_similar(old: Tree, new: Tree, deltas: list[Delta]) -> tuple[list[Rename], list[Delta]]:
    """Pair removed with added text files that share at least half of their words, best first.

    Order does not count, so this is cheap; each file is used once, and exchanging the sides gives
    the same pairs. With more than 2,500 pairs to look at there is no search.

    Returns:
        The pairs, and the deltas that are part of none.
    """
    removed = [d.old for d in deltas if d.new is None and d.old is not None and _eligible(d.old)]
    added = [d.new for d in deltas if d.old is None and d.new is not None and _eligible(d.new)]
    if not 0 < len(removed) * len(added) <= _MOST_PAIRS:
        return [], deltas
    old_bags = [_bag(old, leaf) for leaf in removed]
    new_bags = [_bag(new, leaf) for leaf in added]
    alike = [
        (likeness, Rename(before, after))
        for before, old_bag in zip(removed, old_bags, strict=True)
        for after, new_bag in zip(added, new_bags, strict=True)
        if (likeness := _likeness(old_bag, new_bag)) >= _ALIKE
    ]
    pairs: list[Rename] = []
    used: set[str] = set()
    for _, pair in sorted(alike, key=_rank):
        paths = {leaf.path for leaf in pair}
        if used.isdisjoint(paths):
            used |= paths
            pairs.append(pair)
    return pairs, [delta for delta in deltas if delta.path not in used]


def _rank(candidate: tuple[float, Rename]) -> tuple[float, list[str]]:
    likeness, pair = candidate
    return -likeness, sorted(leaf.path for leaf in pair)


def _eligible(leaf: Leaf) -> bool:
    return leaf.mode != "symlink" and 0 < leaf.size <= _MOST_BYTES


def _bag(tree: Tree, leaf: Leaf) -> Counter[bytes]:
    with tree.open(leaf.path) as file:
        return Counter(split_words(file.read()))


def _likeness(old: Counter[bytes], new: Counter[bytes]) -> float:
    longer = max(old.total(), new.total())
    if not longer or min(old.total(), new.total()) < _ALIKE * longer:
        return 0.0
    return (old & new).total() / longer
