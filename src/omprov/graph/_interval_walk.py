"""Exact answers where labels were shortened: walks over the parents, pruned by the labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._intervals import fill_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._labels import Labels
    from ._parent_lists import ParentLists


def walk(labels: Labels, parents: ParentLists, u: int, x: int, known: dict[int, bool]) -> bool:
    """Tell whether `u` reaches the version with number `x`.

    Only versions whose label says *perhaps* are entered, each at most once.

    Args:
        labels: of all versions.
        parents: of all versions.
        u: where to start.
        x: the number looked for.
        known: answers for the same `x`, from earlier walks; new ones are added.
    """
    path = [u]
    ahead = [iter((u,))]
    while ahead:
        for version in ahead[-1]:
            answer = known.get(version)
            if answer is None:
                answer = _read(labels, version, x)
            if answer:
                known.update(dict.fromkeys(path, True))
                return True
            if answer is None:
                known[version] = False  # until a parent says otherwise; it is on the path meanwhile
                path.append(version)
                ahead.append(iter(parents.of(version)))
                break
        else:
            ahead.pop()
            path.pop()
    return False


def _read(labels: Labels, version: int, x: int) -> bool | None:
    if not labels.may_have(version, x):
        return False
    return True if labels.surely_has(version, x) else None


def ancestor_mask(labels: Labels, parents: ParentLists, u: int) -> NDArray[np.bool_]:
    """Return for every number whether it is that of an ancestor of `u` or of `u` itself."""
    mask = np.zeros(len(labels.number), np.bool_)
    entered = {u}
    ahead = [u]
    while ahead:
        version = ahead.pop()
        if not labels.approximate[labels.list_of[version]]:
            fill_mask(mask, labels.superset(version))
            continue
        mask[labels.low[version] : labels.number[version] + 1] = True
        for parent in parents.of(version):
            if parent not in entered:
                entered.add(parent)
                ahead.append(parent)
    return mask
