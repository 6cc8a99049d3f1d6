"""Interval labels: for every version, the numbers of its ancestors.

Storage, making and reading of labels. When versions are numbered anew, and what to do where a label
was shortened, is the business of `IntervalIndex`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ._intervals import close_gaps, contains_each, union

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Limits:
    """The figures an index is run with; tests make them small.

    Attributes:
        tail: how many appended versions may wait before they are numbered anew.
        patched: a late edge that changes more lists than this numbers everything anew.
        allowance: boundaries per list, on average, up to which lists are kept whole.
        slack: boundaries that any index may have on top of that.
        shortened: boundaries left of a list that the allowance does not cover.
        sample: at least so many of the oldest versions are numbered to choose the parent order.
    """

    tail: int = 256
    patched: int = 100_000
    allowance: int = 64
    slack: int = 1 << 16
    shortened: int = 64
    sample: int = 8192


class Labels:
    """The labels of versions 0, 1, 2, ….

    The numbers of the ancestors of v, itself included, are ``low[v] … number[v]`` and the intervals
    of list ``list_of[v]``. Versions share lists. A list in `approximate` holds further numbers too:
    only a number that lies outside is certain.

    Attributes:
        number: version → number.
        low: version → start of the run of its ancestors that ends at its own number.
        first: version → end of the first interval where that starts at number 0, else 0.
        list_of: version → list; list 0 is empty.
        offsets: list e is ``flat[offsets[e]:offsets[e + 1]]``.
        approximate: one byte for each list: 1 where the list was shortened.
        exact: whether no list is approximate.
        ordered: whether no label reaches beyond the version's own number, so that numbers are a
            topological order; a late edge ends it.
    """

    __slots__ = (
        "approximate",
        "exact",
        "first",
        "flat",
        "limits",
        "list_of",
        "low",
        "number",
        "offsets",
        "ordered",
    )

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.number = array("i")
        self.low = array("i")
        self.first = array("i")
        self.list_of = array("i")
        self.offsets = array("i", (0, 0))
        self.flat = array("i")
        self.approximate = bytearray(1)
        self.exact = True
        self.ordered = True

    def cut(self, version: int, list_count: int) -> None:
        """Forget the versions from `version` on and the lists from `list_count` on."""
        for values in (self.number, self.low, self.first, self.list_of):
            del values[version:]
        del self.offsets[list_count + 1 :]
        del self.flat[self.offsets[-1] :]
        del self.approximate[list_count:]
        self.exact = 1 not in self.approximate
        self.ordered |= version == 0

    @property
    def list_count(self) -> int:
        """How many lists there are, the empty one included."""
        return len(self.offsets) - 1

    def extend(self, order: Sequence[int], offsets: list[int], parents: list[int]) -> None:
        """Number and label the next ``len(order)`` versions.

        Args:
            order: their numbering, parents first, as versions counted from the first of them.
            offsets: where each one's parents begin in `parents`.
            parents: parents, as versions counted from 0.
        """
        base = len(self.number)
        zeros = bytes(4 * len(order))
        for values in (self.number, self.low, self.first, self.list_of):
            values.frombytes(zeros)
        numbers = np.empty(len(order), np.int32)
        numbers[np.array(order, np.int64)] = np.arange(base, base + len(order), dtype=np.int32)
        self.number[base:] = array("i", numbers.tobytes())
        number, low, first, list_of = self.number, self.low, self.first, self.list_of
        for x, local in enumerate(order, base):
            start, end = offsets[local], offsets[local + 1]
            version = local + base
            if end - start == 1:
                parent = parents[start]
                if number[parent] == x - 1:  # the common case, spelled out: `label` would do it
                    low[version] = low[parent]
                    first[version] = first[parent]
                    list_of[version] = list_of[parent]
                    continue
            self.label(version, parents[start:end])

    def append(self, parents: Sequence[int]) -> None:
        """Number and label one more version, which gets the next number."""
        x = len(self.number)
        self.number.append(x)
        self.low.append(x)
        self.first.append(0)
        self.list_of.append(0)
        self.label(x, parents)

    def label(self, version: int, parents: Sequence[int]) -> None:
        """Label `version`, whose number and whose parents' labels are there."""
        x = self.number[version]
        self.low[version] = x
        if not parents:
            return
        top, *others = parents
        for parent in others:
            if self.number[parent] > self.number[top]:
                top = parent
        missing = [p for p in others if p != top and not self.surely_has(top, self.number[p])]
        if parents[0] != top and not self.surely_has(top, self.number[parents[0]]):
            missing.append(parents[0])
        follows = self.number[top] == x - 1
        if follows and not missing:
            self.low[version] = self.low[top]
            self.first[version] = self.first[top]
            self.list_of[version] = self.list_of[top]
            return
        full = self.superset(top)
        approximate = bool(self.approximate[self.list_of[top]])
        for parent in missing:
            full = union(full, self.superset(parent))
            approximate |= bool(self.approximate[self.list_of[parent]])
        if approximate:
            self.low[version] = self.low[top] if follows else x
        elif full[-1] == x:
            self.low[version] = full[-2]
            full = full[:-2]
        list_id = self.add_list(full, approximate=approximate)
        self.list_of[version] = list_id
        self.first[version] = self.first_of(list_id)

    def superset(self, version: int) -> array[int]:
        """Return a new list of the intervals of `version`; exact unless its list is approximate."""
        result = self.list(self.list_of[version])
        low, end = self.low[version], self.number[version] + 1
        if not result or result[-1] < low:
            result.append(low)
            result.append(end)
            return result
        return union(result, array("i", (low, end)))  # a late edge may reach beyond `low`

    def list(self, list_id: int) -> array[int]:
        """Return a new copy of one list."""
        return self.flat[self.offsets[list_id] : self.offsets[list_id + 1]]

    def add_list(self, intervals: array[int], *, approximate: bool) -> int:
        """Store a list, shortened where the allowance is used up, and return its id."""
        if not intervals:
            return 0
        limits = self.limits
        if len(intervals) > limits.shortened and (
            len(self.flat) > limits.slack + limits.allowance * len(self.offsets)
        ):
            intervals = close_gaps(intervals, limits.shortened)
            approximate = True
        self.flat.extend(intervals)
        self.offsets.append(len(self.flat))
        self.approximate.append(approximate)
        self.exact &= not approximate
        return len(self.offsets) - 2

    def first_of(self, list_id: int) -> int:
        """Return the end of the list's first interval if that is exact and starts at 0, else 0."""
        start = self.offsets[list_id]
        if self.approximate[list_id] or start == self.offsets[list_id + 1] or self.flat[start]:
            return 0
        return self.flat[start + 1]

    def repoint(self, versions: NDArray[np.int64], lists: NDArray[np.int32]) -> None:
        """Give each of `versions` another list."""
        starts = np.array([self.first_of(int(e)) for e in lists], np.int32)
        np.frombuffer(self.list_of, np.int32)[versions] = lists
        np.frombuffer(self.first, np.int32)[versions] = starts
        self.ordered = False

    def may_have(self, version: int, x: int) -> bool:
        """Tell whether number `x` lies in the label; False is certain."""
        if x < self.first[version] or self.low[version] <= x <= self.number[version]:
            return True
        list_id = self.list_of[version]
        start = self.offsets[list_id]
        return (bisect_right(self.flat, x, start, self.offsets[list_id + 1]) - start) & 1 == 1

    def surely_has(self, version: int, x: int) -> bool:
        """Tell whether number `x` is certain to be an ancestor's; True is certain."""
        if x < self.first[version] or self.low[version] <= x <= self.number[version]:
            return True
        return not self.approximate[self.list_of[version]] and self.may_have(version, x)

    def may_have_each(self, version: int, xs: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Tell for each number whether it lies in the label of `version`; False is certain."""
        flat = np.frombuffer(self.superset(version), np.int32)
        result: NDArray[np.bool_] = xs >= flat[-2]
        result &= xs < flat[-1]
        if len(flat) <= 8:
            for low, high in flat[:-2].reshape(-1, 2).tolist():
                result |= xs < high if low == 0 else (xs >= low) & (xs < high)
            return result
        if len(xs) * 8 > len(self.number):
            steps = np.zeros(len(self.number) + 1, np.int8)
            steps[flat[0::2]] = 1
            steps[flat[1::2]] = -1
            inside: NDArray[np.bool_] = np.cumsum(steps, dtype=np.int8).view(np.bool_)[xs]
            return inside
        odd: NDArray[np.bool_] = (np.searchsorted(flat, xs, "right") & 1).astype(np.bool_)
        return odd

    def each_may_have(
        self, versions: NDArray[np.int32] | NDArray[np.int64], xs: NDArray[np.int32] | int
    ) -> NDArray[np.bool_]:
        """Tell for each version whether its label holds ``xs[i]`` (or `xs`); False is certain."""
        first = np.frombuffer(self.first, np.int32)[versions]
        low = np.frombuffer(self.low, np.int32)[versions]
        result: NDArray[np.bool_] = low <= xs
        result &= xs <= np.frombuffer(self.number, np.int32)[versions]
        result |= xs < first
        rest = np.flatnonzero((first <= xs) & (xs < low) if self.ordered else ~result)
        lists = np.frombuffer(self.list_of, np.int32)[versions][rest]
        listed = lists > 0
        rest, lists = rest[listed], lists[listed]
        offsets = np.frombuffer(self.offsets, np.int32)
        starts, ends = offsets[lists], offsets[lists + 1]
        if len(rest) == 0:
            return result
        wanted = xs if isinstance(xs, int) else xs[rest]
        flat = np.frombuffer(self.flat, np.int32)
        near = flat[ends - 1] > wanted
        if not isinstance(wanted, int):
            wanted = wanted[near]
        rest, starts, ends = rest[near], starts[near], ends[near]
        result[rest] = contains_each(flat, starts, ends, wanted)
        return result


def exact_reach(labels: Labels) -> Callable[[int, int], bool]:
    """Return the fastest ``(u, w) → u reaches w`` for labels that are exact.

    It holds while they stay so and no existing version is labelled anew.
    """
    number, low, first = labels.number, labels.low, labels.first
    list_of, offsets, flat = labels.list_of, labels.offsets, labels.flat
    bisect = bisect_right  # a local name is found faster than a global one

    def reach(u: int, w: int) -> bool:
        x = number[w]
        if x < first[u]:
            return True
        if x > number[u]:
            return False
        if x >= low[u]:
            return True
        list_id = list_of[u]
        start = offsets[list_id]
        return (bisect(flat, x, start, offsets[list_id + 1]) - start) & 1 == 1

    def reach_unordered(u: int, w: int) -> bool:
        x = number[w]
        if x < first[u] or low[u] <= x <= number[u]:
            return True
        list_id = list_of[u]
        start = offsets[list_id]
        return (bisect(flat, x, start, offsets[list_id + 1]) - start) & 1 == 1

    return reach if labels.ordered else reach_unordered
