"""The order of groups that have the same constraining roles, kept as its covers.

A *group* is a class of replicas: the versions made from equal tuples. Ids, weights and the
versions in a group are kept elsewhere. The algorithms are explained and proved in
``docs/design/inference.md``.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pyroaring import BitMap

from ._bitmaps import bitmap_of, numbers_in
from ._covers import Covers, extremes
from ._role_column import RoleColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from ._sources import Input, Source
    from ._tuning import Tuning

Point = tuple["Input | None", ...]
"""What a group used, role by role, in the order of the columns."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a new point belongs in the order.

    Attributes:
        down: the groups below it; the holder may change it.
        lower: the lower covers.
        upper: the upper covers.
    """

    down: BitMap
    lower: list[int]
    upper: list[int]


class _DownSet:
    """A cached down-set, and how many reverse insertions it has taken in."""

    __slots__ = ("bits", "seen")

    def __init__(self, bits: BitMap, seen: int) -> None:
        self.bits = bits
        self.seen = seen


class GroupOrder:
    """Groups of replicas under the product order of their inputs.

    Groups are dense integers in the order of creation. `find_place` only reads; `append` writes.

    Attributes:
        roles: the roles that constrain this order.
        columns: what every group used, role by role.
        covers: the stored cover relation.
        is_chained: whether any group used a version of an inferred graph.
    """

    def __init__(self, tuning: Tuning) -> None:
        self.roles: set[str] = set()
        self.columns: list[RoleColumn] = []
        self.covers = Covers()
        self.is_chained = False
        self._tuning = tuning
        self._groups: dict[bytes, int] = {}
        self._down: OrderedDict[int, _DownSet] = OrderedDict()
        self._reverse = array("i")
        self._pinned: dict[int, _DownSet] = {}

    def __len__(self) -> int:
        return len(self.covers.lower)

    # Points

    def add_role(self, role: str, sources: Sequence[Source]) -> None:
        """Let a role constrain the order; the groups so far lack it."""
        self.roles.add(role)
        self.columns.append(RoleColumn(role, sources, self._tuning, len(self)))
        keys = {self._key(self.point(group)): group for group in range(len(self))}
        self._groups = keys

    def point_of(self, used: Mapping[str, Input]) -> Point:
        """Give a tuple as a point; every role in it must have a column."""
        return tuple(used.get(column.role) for column in self.columns)

    def point(self, group: int) -> Point:
        """Return what a group used."""
        return tuple(column.used_by(group) for column in self.columns)

    def find_group(self, point: Point) -> int | None:
        """Return the group with this very point."""
        return self._groups.get(self._key(point))

    @staticmethod
    def _key(point: Point) -> bytes:
        key = array("i")
        for used in point:
            key.extend((-1, -1) if used is None else used)
        return key.tobytes()

    def refresh(self, point: Point) -> None:
        """Drop what was cached before relations among the inputs at `point` changed."""
        for column, used in zip(self.columns, point, strict=True):
            if used is not None and column.part(used.part).refresh():
                self._down.clear()

    def refresh_all(self) -> None:
        """Drop what was cached before relations among any inputs changed."""
        if sum(column.refresh() for column in self.columns):
            self._down.clear()

    def forget(self) -> None:
        """Drop all that was cached about the order."""
        self._down.clear()
        for column in self.columns:
            column.forget()

    # Growing

    def find_place(self, point: Point) -> Place:
        """Find where a point belongs that no group has."""
        down = self.down_set(point)
        lower = self.maximal(down)
        return Place(down, lower, self._upper_covers(point, lower))

    def append(self, point: Point, place: Place | None = None) -> int:
        """Add a group with this point.

        Args:
            point: no group may have it yet.
            place: from `find_place`, to keep what it found out. Covers are linked by the caller.
        """
        group = len(self)
        self._groups[self._key(point)] = group
        for column, used in zip(self.columns, point, strict=True):
            column.append(group, used)
            if used is not None and column.source(used.part).table is not None:
                self.is_chained = True
        self.covers.append()
        if place is None or place.upper:
            self._reverse.append(group)
        if place is not None:
            place.down.add(group)
            self._keep(group, place.down)
        return group

    # The order

    def is_below(self, point: Point, group: int) -> bool:
        """Tell whether `group` stands at or below `point`."""
        return all(test(group) for test in self._below_tests(point))

    def _below_tests(self, point: Point) -> list[Callable[[int], bool]]:
        pairs = zip(self.columns, point, strict=True)
        return [column.below_test(used) for column, used in pairs]

    def below(self, point: Point, groups: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which of `groups` stand at or below `point`."""
        result = np.ones(len(groups), np.bool_)
        for column, used in zip(self.columns, point, strict=True):
            result &= column.reached(used, groups)
        return result

    def above(self, point: Point, groups: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which of `groups` stand at or above `point`."""
        result = np.ones(len(groups), np.bool_)
        for column, used in zip(self.columns, point, strict=True):
            if used is not None:
                result &= column.reaching(groups, used)
        return result

    def down_set(self, point: Point) -> BitMap:
        """Return the groups at or below `point`; the caller may change it."""
        rows: list[BitMap] = []
        for column, used in zip(self.columns, point, strict=True):
            row = column.row(used)
            if not row:
                return BitMap()
            rows.append(row)
        rows.sort(key=len)
        down = rows[0].copy()
        for row in rows[1:]:
            down &= row
        return down

    def up_set(self, point: Point) -> BitMap:
        """Return the groups at or above `point`; the caller may change it."""
        constraints = [
            (column.part(used.part), used.version)
            for column, used in zip(self.columns, point, strict=True)
            if used is not None
        ]
        up = BitMap(range(len(self))) if not constraints else None
        for rows, version in constraints:
            row = rows.up_row(version)
            up = row.copy() if up is None else up & row
            if not up:
                break
        return up if up is not None else BitMap()

    # Cached down-sets

    def down_of(self, group: int) -> BitMap:
        """Return the groups at or below a group, itself included.

        The bitmap belongs to the cache: it must not be changed, and not be kept beyond the next
        call.
        """
        cached = self._pinned.get(group) or self._down.get(group)
        if cached is None:
            return self._keep(group, self.down_set(self.point(group)))
        if group in self._down:
            self._down.move_to_end(group)
        if cached.seen < len(self._reverse):
            self._catch_up(group, cached)
        return cached.bits

    def find_down(self, group: int) -> BitMap | None:
        """Return what `down_of` returns if it is at hand."""
        cached = self._pinned.get(group) or self._down.get(group)
        return cached.bits if cached and cached.seen == len(self._reverse) else None

    def pin(self, group: int) -> None:
        """Compute a down-set and hold it until `unpin`."""
        bits = self.down_of(group)
        self._pinned[group] = self._down.get(group) or _DownSet(bits, len(self._reverse))

    def unpin(self, group: int) -> None:
        """Let go of a down-set; one that is not held is no error."""
        self._pinned.pop(group, None)

    def _catch_up(self, group: int, cached: _DownSet) -> None:
        """Take in the insertions since: only those with an upper cover can lie below a group."""
        seen, cached.seen = cached.seen, len(self._reverse)
        point = self.point(group)
        if cached.seen - seen <= self._tuning.replayed:
            tests = self._below_tests(point)
            for other in self._reverse[seen:]:
                if all(test(other) for test in tests):
                    cached.bits.add(other)
        else:
            others = np.array(self._reverse[seen:], np.int64)
            cached.bits |= bitmap_of(others[self.below(point, others)])

    def _keep(self, group: int, bits: BitMap) -> BitMap:
        self._down[group] = _DownSet(bits, len(self._reverse))
        self._down.move_to_end(group)
        tuning = self._tuning
        capacity = max(1, tuning.least_rows, tuning.down_set_bytes // (64 + len(self) // 8))
        while len(self._down) > capacity:
            self._down.popitem(last=False)
        return bits

    # Extremes

    def maximal(self, groups: BitMap) -> list[int]:
        """Give the maximal groups of a down-closed set.

        More than those, where the covers stored among its members are not up to date.
        """
        few, peels = self._tuning.few, self._tuning.peels
        return extremes(
            groups, self.covers.upper, BitMap.max, self._without_below, few=few, peels=peels
        )

    def _without_below(self, groups: BitMap, group: int) -> BitMap:
        if len(groups) > self._tuning.listed or self.find_down(group) is not None:
            return groups - self.down_of(group)
        numbers = numbers_in(groups)
        return bitmap_of(numbers[~self.below(self.point(group), numbers)])

    def minimal(self, groups: BitMap) -> list[int]:
        """Give the minimal groups of an up-closed set."""
        few, peels = self._tuning.few, self._tuning.peels
        return extremes(
            groups, self.covers.lower, BitMap.min, self._without_above, few=few, peels=peels
        )

    def _without_above(self, groups: BitMap, group: int) -> BitMap:
        if len(groups) > self._tuning.listed:
            return groups - self.up_set(self.point(group))
        numbers = numbers_in(groups)
        return bitmap_of(numbers[~self.above(self.point(group), numbers)])

    # Upper covers

    def _upper_covers(self, point: Point, lower: Sequence[int]) -> list[int]:
        if self._is_top(point):
            return []
        found = self._search_up(point, lower) if lower else None
        return self.minimal(self.up_set(point)) if found is None else found

    def _is_top(self, point: Point) -> bool:
        """Tell whether an input is such that nothing can stand above: a leaf nobody used."""
        for column, used in zip(self.columns, point, strict=True):
            if used is not None:
                rows = column.part(used.part)
                if used.version not in rows.codes and rows.source.is_leaf(used.version):
                    return True
        return False

    def _search_up(self, point: Point, lower: Sequence[int]) -> list[int] | None:
        """Search upward from a lower cover for the upper covers; None if that takes too long.

        Whatever stands above the point stands above each of its lower covers, so the search from
        any one of them is complete. It stops at groups above the point, and of those only they
        are minimal that have no lower cover above the point.
        """
        is_above = _Verdicts(
            column.above_test(used)
            for column, used in zip(self.columns, point, strict=True)
            if used is not None
        )
        limit = self._tuning.first_search
        while limit <= self._tuning.last_search:
            for start in self._starts(lower):
                met = self._climb_to(is_above, start, limit)
                if met is not None:
                    covers = self.covers.lower
                    return [g for g in met if not any(is_above[low] for low in covers[g])]
            limit *= 4
        return None

    def _starts(self, lower: Sequence[int]) -> list[int]:
        """Choose where to search from: the newest, and the one with the fewest upper covers."""
        newest = sorted(lower, reverse=True)
        if len(newest) <= 3:
            return newest
        upper = self.covers.upper
        return [*newest[:2], min(newest[2:], key=lambda group: len(upper[group]))]

    def _climb_to(self, is_above: _Verdicts, start: int, limit: int) -> list[int] | None:
        """Collect the first groups above on every way up; None once `limit` groups were seen."""
        upper = self.covers.upper
        waiting = list(upper[start])
        if len(waiting) > limit:
            return None
        seen = set(waiting)
        met: list[int] = []
        while waiting:
            group = waiting.pop()
            if is_above[group]:
                met.append(group)
                continue
            for further in upper[group]:
                if further not in seen:
                    seen.add(further)
                    waiting.append(further)
            if len(seen) > limit:
                return None
        return met


class _Verdicts(dict[int, bool]):
    """Whether groups pass all of some tests; found out on demand, the most telling test first."""

    def __init__(self, tests: Iterable[Callable[[int], bool]]) -> None:
        super().__init__()
        self._tests = list(tests)

    def __missing__(self, group: int) -> bool:
        for place, test in enumerate(self._tests):
            if not test(group):
                if place:
                    self._tests.insert(0, self._tests.pop(place))
                self[group] = False
                return False
        self[group] = True
        return True
