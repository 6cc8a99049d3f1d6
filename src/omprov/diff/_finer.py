"""Further evidence: what the finer measures say of the files that changed, and of those only."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO

from omprov.errors import OmprovError
from omprov.records import Difference

from ._folders import ListedTree
from ._notebooks import is_notebook
from ._records import is_annotations
from ._registry import get_measure
from ._renames import find_renames
from ._tables import is_table
from ._tensors import is_weights
from ._trees import changes_between

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._trees import Delta, Leaf, Tree

_FITS: dict[str, Callable[[str], bool]] = {
    "rows": is_table,
    "records": is_annotations,
    "cells": is_notebook,
    "tensors": is_weights,
}
_MOST_BYTES = {  # of both sides, in files that changed: a few seconds of work
    "rows": 256 << 20,
    "records": 64 << 20,
    "cells": 64 << 20,
    "tensors": 1 << 30,
}
_TOLD_BY = {"keys": {"records"}, "packages": {"records"}}


def finer_measures(old: Tree | None, new: Tree | None) -> tuple[str, ...]:
    """Return the names of the finer measures that fit what differs between two trees.

    The names of files decide, and only of those that changed, came or went; none is read.
    """
    return tuple(_fitting(_differing(old, new)))


def finer_differences(
    old: Tree | None, new: Tree | None, *, besides: str = "", sample: int = 100
) -> tuple[Difference, ...]:
    """Compare the files that changed by every finer measure that fits them.

    Files that stayed as they are count for nothing here, not even in `Difference.total`: the cost
    grows with the change. Nothing is raised for what a measure cannot do, and nothing takes long:
    where the files that changed are too large, or cannot be compared, a note says so in place of
    an amount, and `Difference.exact` is false.

    Args:
        old: the older tree; ``None`` is the empty one.
        new: the newer tree; ``None`` is the empty one.
        besides: the measure whose difference is known already.
        sample: see `Measure.compare`.
    """
    told = {besides, *_TOLD_BY.get(besides, ())}
    found = (
        _compare(name, deltas, old, new, sample)
        for name, deltas in _fitting(_differing(old, new)).items()
        if name not in told
    )
    return tuple(difference for difference in found if _tells(difference))


class _Excerpt(ListedTree):
    """Some files of a tree."""

    def __init__(self, tree: Tree, leaves: list[Leaf]) -> None:
        self._tree, self._chosen = tree, leaves

    @cached_property
    def _leaves(self) -> dict[str, Leaf]:
        return {leaf.path: leaf for leaf in self._chosen}

    def open(self, path: str) -> BinaryIO:
        return self._tree.open(self.get(path).path)


def _differing(old: Tree | None, new: Tree | None) -> list[Delta]:
    _, deltas = find_renames(changes_between(old, new))
    return [
        delta
        for delta in deltas
        if delta.old is None or delta.new is None or not delta.old.same_content(delta.new)
    ]


def _fitting(deltas: list[Delta]) -> dict[str, list[Delta]]:
    fitting = {
        name: [delta for delta in deltas if fits(delta.path)] for name, fits in _FITS.items()
    }
    return {name: chosen for name, chosen in fitting.items() if chosen}


def _compare(
    name: str, deltas: list[Delta], old: Tree | None, new: Tree | None, sample: int
) -> Difference:
    olds = [delta.old for delta in deltas if delta.old is not None]
    news = [delta.new for delta in deltas if delta.new is not None]
    size = sum(leaf.size for leaf in olds + news)
    if size > _MOST_BYTES[name]:
        return _not_compared(
            name,
            f"{size >> 20:,} MiB in files that changed are more than the "
            f"{_MOST_BYTES[name] >> 20:,} MiB that are compared unasked; "
            f"ask for the measure {name}",
        )
    before = None if old is None else _Excerpt(old, olds)
    after = None if new is None else _Excerpt(new, news)
    try:
        return get_measure(name).compare(before, after, sample=sample)
    except OmprovError as error:
        return _not_compared(name, str(error))
    except Exception as error:  # noqa: BLE001  further evidence never costs the first
        return _not_compared(name, repr(error))


def _not_compared(name: str, reason: str) -> Difference:
    return Difference(name, 0, 0, exact=False, note=reason)


def _tells(difference: Difference) -> bool:
    """Tell whether a difference says more than that files differ."""
    if difference.measure == "tensors" and difference.exact:
        return difference.counts["tensors"] > 0
    return True
