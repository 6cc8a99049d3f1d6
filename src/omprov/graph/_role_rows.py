"""Bitmap rows: which groups used a version that a given version inherits, or that inherits it.

One `RoleRows` serves one role of one order and one graph of versions. How a row is made from a
neighbour is explained in ``docs/design/inference.md``.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
from pyroaring import BitMap

from ._bitmaps import bitmap_of, view
from ._number_table import NumberTable, symmetric_difference

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ._interval_index import IntervalIndex
    from ._sources import Source
    from ._tuning import Tuning


class Row:
    """A cached bitmap, and how many entries of its `RoleRows` it has taken in."""

    __slots__ = ("bits", "seen")

    def __init__(self, bits: BitMap, seen: int) -> None:
        self.bits = bits
        self.seen = seen


class RoleRows:
    """The groups that used versions of one graph in one role.

    Bitmaps that are handed out belong to the cache: they must not be changed, and not be kept
    beyond the next call.
    """

    def __init__(self, source: Source, tuning: Tuning) -> None:
        self.source = source
        self.codes: dict[int, int] = {}
        self._tuning = tuning
        self._versions = array("i")
        self._postings: list[array[int]] = []
        self._groups = array("i")
        self._group_codes = array("i")
        self._down: OrderedDict[int, Row] = OrderedDict()
        self._up: OrderedDict[int, Row] = OrderedDict()
        self._ranked = _Ranked()
        self._table = NumberTable(tuning)
        self._last: int | None = None
        self._stamp = source.stamp()

    def __len__(self) -> int:
        return len(self._groups)

    def append(self, group: int, version: int) -> None:
        """Note that a new group, with the greatest number so far, used `version`."""
        code = self.codes.get(version)
        if code is None:
            code = self.codes[version] = len(self._versions)
            self._versions.append(version)
            self._postings.append(array("I"))
        self._postings[code].append(group)
        self._groups.append(group)
        self._group_codes.append(code)

    def groups_using(self, version: int) -> array[int]:
        """Give the groups that used exactly this version, ascending."""
        code = self.codes.get(version)
        return array("I") if code is None else self._postings[code]

    def refresh(self) -> bool:
        """Drop every row if relations of the graph have changed; tell whether they had."""
        stamp = self.source.stamp()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        self.forget()
        return True

    def forget(self) -> None:
        """Drop every row."""
        self._down.clear()
        self._up.clear()
        self._ranked.clear()

    # Down: the groups at or below a version

    def row(self, version: int) -> BitMap:
        """Return the groups whose version is inherited by `version` (or is it)."""
        row = self._down.get(version)
        if row is None:
            row = self._make(version)
            self._keep(version, row)
        else:
            self._down.move_to_end(version)
            if row.seen < len(self):
                self._extend(version, row)
        return row.bits

    def _extend(self, version: int, row: Row) -> None:
        seen, row.seen = row.seen, len(self)
        if row.seen - seen == 1:
            older = self._versions[self._group_codes[seen]]
            if self.source.reach_function()(version, older):
                row.bits.add(self._groups[seen])
            return
        older_ones = view(self._versions)[view(self._group_codes)[seen:]]
        groups = view(self._groups)[seen:][self.source.reached(version, older_ones)]
        row.bits.update(array("I", groups.astype(np.uint32).tobytes()))

    def _make(self, version: int) -> Row:
        index = self.source.index
        near = None if index is None else self._from_neighbour(version, index)
        self._last = version
        return near or self._from_scratch(version)

    def _from_scratch(self, version: int) -> Row:
        if not len(self):
            return Row(BitMap(), 0)
        reached = self.source.reached(version, view(self._versions).copy())
        return Row(bitmap_of(view(self._groups)[reached[view(self._group_codes)]]), len(self))

    def _from_neighbour(self, version: int, index: IntervalIndex) -> Row | None:
        """Copy the cached row that differs least and flip what differs; None if that is much."""
        self._table.refresh(self._versions, index)
        nearest = self._nearest(version, index)
        if nearest is None:
            return None
        base, boundaries = nearest
        codes = self._differing(version, base, boundaries)
        if self._size(codes) > self._tuning.flips + self._tuning.flip_share * len(self):
            return None
        bits = self.row(base).copy()
        gained, lost = array("I"), array("I")
        if len(codes):
            reached = self.source.reached(version, view(self._versions)[codes])
            for code, is_reached in zip(codes.tolist(), reached.tolist(), strict=True):
                (gained if is_reached else lost).extend(self._postings[code])
        bits.update(gained)
        bits -= BitMap(lost)
        return Row(bits, len(self))

    def _nearest(self, version: int, index: IntervalIndex) -> tuple[int, NDArray[np.int32]] | None:
        candidates = [parent for parent in index.parents(version) if parent in self._down]
        if not candidates:
            candidates = self._ranked.around(version, index, self._down, self._tuning.neighbours)
            if self._last is not None and self._last in self._down:
                candidates.append(self._last)
        label = index.label(version)
        best: tuple[int, int, NDArray[np.int32]] | None = None
        for candidate in candidates:
            boundaries = symmetric_difference(label, index.label(candidate))
            differing = self._table.count(boundaries) if len(boundaries) else 0
            if best is None or differing < best[0]:
                best = differing, candidate, boundaries
            if differing <= 8:  # good enough: comparing labels costs as much as some flips
                break
        return None if best is None else best[1:]

    def _differing(
        self, version: int, base: int, boundaries: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """Give the codes that one of `version` and `base` inherits, but not the other."""
        codes = self._table.codes_in(boundaries) if len(boundaries) else np.zeros(0, np.int32)
        covered = self._table.covered
        if covered == len(self._versions):
            return codes
        fresh = view(self._versions)[covered:].copy()
        differ = self.source.reached(version, fresh) != self.source.reached(base, fresh)
        return np.concatenate((codes, np.flatnonzero(differ).astype(np.int32) + covered))

    def _size(self, codes: NDArray[np.int32]) -> int:
        limit = 4 * self._tuning.flips + int(self._tuning.flip_share * len(self))
        if len(codes) > limit:
            return len(codes)
        return sum(len(self._postings[code]) for code in codes.tolist())

    def _keep(self, version: int, row: Row) -> None:
        index = self.source.index
        self._down[version] = row
        if index is not None:
            self._ranked.add(version, index)
        while len(self._down) > self._capacity():
            dropped, _ = self._down.popitem(last=False)
            if index is not None:
                self._ranked.remove(dropped, index)

    def _capacity(self) -> int:
        tuning = self._tuning
        return max(1, tuning.least_rows, tuning.row_bytes // (256 + len(self) // 8))

    # Up: the groups at or above a version

    def up_row(self, version: int) -> BitMap:
        """Return the groups whose version inherits `version` (or is it)."""
        row = self._up.get(version)
        if row is None:
            if not len(self):
                return BitMap()
            reaching = self.source.reaching(view(self._versions).copy(), version)
            groups = view(self._groups)[reaching[view(self._group_codes)]]
            row = self._up[version] = Row(bitmap_of(groups), len(self))
            while len(self._up) > max(1, self._capacity() // 4):  # asked for less often
                self._up.popitem(last=False)
        elif row.seen < len(self):
            newer = view(self._versions)[view(self._group_codes)[row.seen :]]
            groups = view(self._groups)[row.seen :][self.source.reaching(newer, version)]
            row.bits.update(array("I", groups.astype(np.uint32).tobytes()))
            row.seen = len(self)
        return row.bits


class _Ranked:
    """The cached versions sorted by number, to find neighbours."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, int]] = []
        self._revision = -1

    def clear(self) -> None:
        self._entries.clear()

    def add(self, version: int, index: IntervalIndex) -> None:
        if self._revision == index.revision:
            insort(self._entries, (index.numbers[version], version))

    def remove(self, version: int, index: IntervalIndex) -> None:
        if self._revision == index.revision:
            del self._entries[bisect_left(self._entries, (index.numbers[version], version))]

    def around(
        self, version: int, index: IntervalIndex, cached: OrderedDict[int, Row], count: int
    ) -> list[int]:
        if self._revision != index.revision:
            self._entries = sorted((index.numbers[other], other) for other in cached)
            self._revision = index.revision
        place = bisect_left(self._entries, (index.numbers[version], version))
        first = max(0, place - count // 2)
        return [other for _, other in self._entries[first : first + max(1, count)]]
