"""Edges as they are handed in: checked, turned into dense numbers, sorted into rows."""

from __future__ import annotations

from math import inf, isfinite
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from omprov.errors import InvalidInput

from ._id_tables import not_found

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from numpy.typing import NDArray

    from ._id_tables import IdTable

Id = TypeVar("Id", bound="Hashable")


def checked_weight(newer: object, older: object, weight: float) -> float:
    """Return `weight` as a float, or raise InvalidInput naming both ends."""
    try:
        value = float(weight)
    except (TypeError, ValueError):
        value = inf
    if not (isfinite(value) and value >= 0):
        raise InvalidInput(
            f"the weight of {newer!s} → {older!s} is {weight!r}: it takes a finite number of at "
            "least 0"
        )
    return value


def checked_weights(columns: Sequence[Sequence[Any]]) -> NDArray[np.float64]:
    """Return the weights of edges given as columns newer, older, weight; raise InvalidInput."""
    try:
        weights = np.array(columns[2], np.float64)
    except (TypeError, ValueError):
        weights = np.full(len(columns[2]), np.nan)
    for i in np.flatnonzero(~(np.isfinite(weights) & (weights >= 0))).tolist():
        weights[i] = checked_weight(columns[0][i], columns[1][i], columns[2][i])
    return weights


def numbers_of(ids: IdTable[Any], wanted: Sequence[Any] | NDArray[Any]) -> NDArray[np.int64]:
    numbers = ids.find_each(wanted)
    if len(numbers) and numbers.min() < 0:
        raise not_found(ids, wanted[int(np.argmin(numbers))])
    return numbers


def first_repeated(ids: Iterable[Id]) -> Id:
    """Return the first of `ids` that was there before; there is one."""
    seen: set[Id] = set()
    for one in ids:
        if one in seen:
            return one
        seen.add(one)
    raise AssertionError("the caller has made sure that one is repeated")


def sorted_rows(
    count: int,
    newer: NDArray[np.int64],
    older: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """Sort edges by their newer end, and join parallel ones.

    Returns:
        offsets (count + 1), parents, weights.
    """
    if len(newer) and (newer[1:] < newer[:-1]).any():
        order = np.argsort(newer, kind="stable")
        newer, older, weights = newer[order], older[order], weights[order]
    keys = newer * count + older
    distinct, first, group = np.unique(keys, return_index=True, return_inverse=True)
    if len(distinct) < len(keys):
        lightest = np.full(len(distinct), inf)
        np.minimum.at(lightest, group, weights)
        kept = np.argsort(first, kind="stable")
        newer, older, weights = newer[first[kept]], older[first[kept]], lightest[kept]
    offsets = np.zeros(count + 1, np.int32)
    np.cumsum(np.bincount(newer, minlength=count), out=offsets[1:])
    return offsets, older.astype(np.int32), weights
