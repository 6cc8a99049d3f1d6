"""Which removed and added files are one file under a new name."""

from __future__ import annotations

from collections import defaultdict, deque
from posixpath import basename
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from ._trees import Delta, Leaf


class Rename(NamedTuple):
    """One file that left `old.path` and appeared at `new.path`."""

    old: Leaf
    new: Leaf


def find_renames(deltas: Iterable[Delta]) -> tuple[list[Rename], list[Delta]]:
    """Pair removed with added files of equal content, each used once.

    Among several candidates, one with the same last part of its name comes first, then the first in
    order. Empty files are not paired: they tell nothing.

    Returns:
        The pairs, and the deltas that are part of none, in order.
    """
    everything = list(deltas)
    removed = [d.old for d in everything if d.new is None and d.old is not None and d.old.size]
    added = [d.new for d in everything if d.old is None and d.new is not None and d.new.size]
    if not removed or not added:  # so it is most often
        return [], everything
    pairs = _pair(removed, added, lambda leaf: (_content(leaf), basename(leaf.path)))
    used = {leaf.path for pair in pairs for leaf in pair}
    removed = [leaf for leaf in removed if leaf.path not in used]
    added = [leaf for leaf in added if leaf.path not in used]
    pairs += _pair(removed, added, _content)
    used = {leaf.path for pair in pairs for leaf in pair}
    return pairs, [delta for delta in everything if delta.path not in used]


def _pair(removed: list[Leaf], added: list[Leaf], key: Callable[[Leaf], Hashable]) -> list[Rename]:
    candidates: defaultdict[Hashable, deque[Leaf]] = defaultdict(deque)
    for leaf in removed:
        candidates[key(leaf)].append(leaf)
    return [Rename(queue.popleft(), leaf) for leaf in added if (queue := candidates.get(key(leaf)))]


def _content(leaf: Leaf) -> tuple[str, bool]:
    return leaf.digest, leaf.mode == "symlink"
