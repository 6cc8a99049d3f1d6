"""Exact reachability of a growing version DAG by interval labels.

The explanation stands in ``docs/design/graph-index.md``. Versions are dense integers in arrival
order; ids, weights and routes are kept by `VersionGraph`.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from ._interval_walk import ancestor_mask, walk
from ._intervals import from_mask, union
from ._labels import Labels, Limits, exact_reach
from ._numbering import ParentOrder, ParentTable
from ._parent_lists import ParentLists
from ._parent_order import best_order
from ._snapshots import pack, unpack

if TYPE_CHECKING:
    from array import array
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

_KIND = "interval index"
_LAYOUT = 1

_CHUNK = 1 << 16
"""Pairs answered at once: the intermediate arrays stay in the processor's cache."""


class Tier(NamedTuple):
    """A run of versions that were numbered together.

    Attributes:
        version: its first version.
        list_count: how many lists there were before it.
    """

    version: int
    list_count: int


class IntervalIndex:
    """Which version inherits which, exactly, in well under a microsecond.

    Versions get the next integer as they are appended. Every version has a *number*; its label is
    the set of its ancestors' numbers as a few intervals. Numbers and labels of existing versions
    change only when `revision` rises; relations between existing versions only when `epoch` does.

    Any number of threads may read at the same time; `append` and `add_edge` need the index for
    themselves. Arrays that are handed out must not be changed, and no NumPy view of `numbers` may
    be alive during a write.

    Attributes:
        revision: rises whenever the number or label of an existing version has changed.
        epoch: rises whenever a relation among existing versions has changed.
    """

    def __init__(
        self, parents: Iterable[Sequence[int]] = (), *, limits: Limits | None = None
    ) -> None:
        """Build the index of all versions at once.

        Args:
            parents: for each version its parents; here a parent may come after its child.
            limits: figures to run with.

        Raises:
            CycleError: the parents form a cycle.
        """
        self.limits = limits or Limits()
        self.revision = 0
        self.epoch = 0
        self.lists = ParentLists()
        self.labels = Labels(self.limits)
        self._order = ParentOrder.FIRST
        self._tiers: list[Tier] = []
        self._tail = Tier(0, 1)
        self._frozen = 0
        self._built = 0
        self._built_size = 0
        self.lists.extend(parents)
        if len(self):
            self._number_from(Tier(0, 1))

    @classmethod
    def from_rows(cls, offsets: NDArray[np.int32], parents: NDArray[np.int32]) -> Self:
        """Build the index of all versions at once, from arrays.

        Args:
            offsets: the parents of v are ``parents[offsets[v]:offsets[v + 1]]``.
            parents: they may come after their children.

        Raises:
            CycleError: the parents form a cycle.
        """
        index = cls()
        index.lists.fill(offsets, parents)
        if len(index):
            index._number_from(Tier(0, 1))
        return index

    def __len__(self) -> int:
        return len(self.lists)

    @property
    def numbers(self) -> array[int]:
        """Version → number, an ``array('i')``."""
        return self.labels.number

    def parents(self, u: int) -> Sequence[int]:
        """Return what `u` inherits directly, in the order given, late edges last."""
        return self.lists.of(u)

    def children(self, u: int) -> list[int]:
        """Return what inherits `u` directly, in arrival order; looks at all edges."""
        return self.lists.children(u)

    def is_leaf(self, u: int) -> bool:
        """Tell whether nothing inherits `u`."""
        return not self.lists.has_child[u]

    def append(self, parents: Sequence[int]) -> int:
        """Add a version that inherits `parents` and return its integer.

        Amortised logarithmic: now and then a suffix of the versions is numbered anew.

        Raises:
            ValueError: a parent is not there; nothing has changed then.
        """
        version = self.lists.append(parents)
        exact = self.labels.exact
        self.labels.append(parents)
        self.revision += self.labels.exact != exact  # `reach_function` is another one from now on
        if version + 1 - self._tail.version >= self.limits.tail:
            self._compact()
        return version

    def add_edge(self, newer: int, older: int) -> None:
        """Let an existing version inherit another existing one.

        The caller has made sure that `older` does not reach `newer`. An edge that is there already
        changes nothing.
        """
        if older in self.lists.of(newer):
            return
        known = self.reach(newer, older)
        descendants = None if known else self._descendants(newer)
        self.lists.add_late(newer, older)
        if descendants is None:
            return
        self.epoch += 1
        self.revision += 1
        lists, place = np.unique(
            np.frombuffer(self.labels.list_of, np.int32)[descendants], return_inverse=True
        )
        if len(lists) > self.limits.patched:
            self._number_from(Tier(0, 1))
            return
        self.labels.repoint(descendants, self._patch(lists, older)[place])
        self._freeze()

    def _descendants(self, version: int) -> NDArray[np.int64]:
        start = 0 if self.lists.upward else version
        above = np.arange(start, len(self), dtype=np.int64)
        return above[self.reaching(above, version)]

    def _patch(self, lists: NDArray[np.int32], older: int) -> NDArray[np.int32]:
        """Store the union of each of `lists` with the label of `older`; return the new lists."""
        labels = self.labels
        more = labels.superset(older)
        shortened = bool(labels.approximate[labels.list_of[older]])
        return np.array(
            [
                labels.add_list(
                    union(labels.list(e), more),
                    approximate=shortened or bool(labels.approximate[e]),
                )
                for e in lists.tolist()
            ],
            np.int32,
        )

    def _freeze(self) -> None:
        """Keep everything so far as it is numbered, until everything is numbered anew.

        The patched lists stand at the end of the pool, where a suffix that is numbered anew would
        cut them off.
        """
        count = len(self)
        if self._tail.version < count:
            self._tiers.append(self._tail)
        self._tail = Tier(count, self.labels.list_count)
        self._frozen = count
        if self._is_overdue():
            self._number_from(Tier(0, 1))

    def _is_overdue(self) -> bool:
        """Tell whether what late edges left behind makes up for numbering everything anew."""
        grown = len(self) - self._built
        wasted = len(self.labels.flat) - self._built_size
        return grown > max(self._built // 4, 4 * self.limits.tail) or wasted > max(
            self._built_size, self._built, self.limits.slack
        )

    def _compact(self) -> None:
        """Number the tail anew, together with the tiers before it that are not much larger."""
        count = len(self)
        if self._frozen and self._is_overdue():
            self._number_from(Tier(0, 1))
            return
        start = self._tail
        while self._tiers and self._tiers[-1].version >= self._frozen:
            before = self._tiers[-1]
            size = count - start.version
            is_base = before.version == 0 and count > 4 * self.limits.tail
            if start.version - before.version > (4 if is_base else 2) * size:
                break
            start = self._tiers.pop()
        self._number_from(start)

    def _number_from(self, start: Tier) -> None:
        """Number and label all versions from `start` on anew."""
        base, count = start.version, len(self)
        offsets, flat = self.lists.rows(base, count)
        table = ParentTable(offsets, flat, base)
        if base == 0:
            self._order = best_order(self.lists, self.limits) or self._order
        self.labels.cut(base, start.list_count)
        self.labels.extend(table.finishing_order(self._order), offsets.tolist(), flat.tolist())
        self.revision += 1
        if base == 0:
            self._tiers = []
            self._frozen = 0
            self._built = count
            self._built_size = len(self.labels.flat)
        self._tiers.append(start)
        self._tail = Tier(count, self.labels.list_count)

    def reach(self, u: int, w: int) -> bool:
        """Tell whether `u` inherits `w`, directly or not; every version inherits itself."""
        labels = self.labels
        x = labels.number[w]
        if not labels.may_have(u, x):
            return False
        return labels.surely_has(u, x) or walk(labels, self.lists, u, x, {})

    def reach_function(self) -> Callable[[int, int], bool]:
        """Return the fastest form of `reach`; it holds until `revision` rises."""
        return exact_reach(self.labels) if self.labels.exact else self.reach

    def label(self, u: int) -> array[int]:
        """Return the numbers of the ancestors of `u`, itself included, as ascending intervals.

        Returns:
            a new flat array ``lo, hi, lo, hi, …`` of half-open intervals that do not touch.
        """
        if self.labels.approximate[self.labels.list_of[u]]:
            return from_mask(ancestor_mask(self.labels, self.lists, u))
        return self.labels.superset(u)

    def reached(self, u: int, ws: NDArray[np.int32] | NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell for each of `ws` whether `u` reaches it."""
        xs = np.frombuffer(self.labels.number, np.int32)[ws]
        if self.labels.approximate[self.labels.list_of[u]]:
            return ancestor_mask(self.labels, self.lists, u)[xs]
        return self.labels.may_have_each(u, xs)

    def reaching(self, us: NDArray[np.int32] | NDArray[np.int64], w: int) -> NDArray[np.bool_]:
        """Tell for each of `us` whether it reaches `w`."""
        x = self.labels.number[w]
        result = self.labels.each_may_have(us, x)
        if not self.labels.exact:
            known: dict[int, bool] = {}
            for i in self._doubtful(us, result):
                result[i] = walk(self.labels, self.lists, int(us[i]), x, known)
        return result

    def reach_pairs(
        self,
        us: NDArray[np.int32] | NDArray[np.int64],
        ws: NDArray[np.int32] | NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Tell for each i whether ``us[i]`` reaches ``ws[i]``."""
        result = np.empty(len(us), np.bool_)
        number = np.frombuffer(self.labels.number, np.int32)
        for start in range(0, len(us), _CHUNK):
            part = slice(start, start + _CHUNK)
            result[part] = self.labels.each_may_have(us[part], number[ws[part]])
        if not self.labels.exact:
            known: dict[int, dict[int, bool]] = {}
            for i in self._doubtful(us, result):
                x = int(number[ws[i]])
                found = known.setdefault(x, {})
                result[i] = walk(self.labels, self.lists, int(us[i]), x, found)
        return result

    def _doubtful(
        self, us: NDArray[np.int32] | NDArray[np.int64], result: NDArray[np.bool_]
    ) -> list[int]:
        """List the places where `result` says yes on the word of an approximate list."""
        lists = np.frombuffer(self.labels.list_of, np.int32)[us]
        approximate = np.frombuffer(self.labels.approximate, np.bool_)
        places: list[int] = np.flatnonzero(result & approximate[lists]).tolist()
        return places

    def state(self) -> bytes:
        """Return the whole index as bytes that `from_state` reads back."""
        late = [(v, p) for v, parents in self.lists.late.items() for p in parents]
        facts = {
            "limits": asdict(self.limits),
            "order": self._order,
            "tiers": self._tiers,
            "tail": self._tail,
            "frozen": self._frozen,
            "built": self._built,
            "built_size": self._built_size,
            "revision": self.revision,
            "epoch": self.epoch,
            "upward": self.lists.upward,
            "ordered": self.labels.ordered,
            "late": late,
        }
        return pack(_KIND, _LAYOUT, facts, self._arrays())

    @classmethod
    def from_state(cls, state: bytes | memoryview) -> Self:
        """Read what `state` gave; every later call has the same effect on both.

        Raises:
            Damaged: the bytes have changed.
            SchemaMismatch: another release or machine wrote them in another layout.
        """
        facts, sections = unpack(_KIND, _LAYOUT, state)
        index = cls(limits=Limits(**facts["limits"]))
        for name, values in index._arrays().items():
            del values[:]
            if isinstance(values, bytearray):
                values.extend(sections[name])
            else:
                values.frombytes(sections[name])
        for version, parent in facts["late"]:
            index.lists.late.setdefault(version, []).append(parent)
        index.lists.upward = facts["upward"]
        index.labels.ordered = facts["ordered"]
        index.labels.exact = 1 not in index.labels.approximate
        index._order = ParentOrder(facts["order"])
        index._tiers = [Tier(*tier) for tier in facts["tiers"]]
        index._tail = Tier(*facts["tail"])
        index._frozen, index._built = facts["frozen"], facts["built"]
        index._built_size = facts["built_size"]
        index.revision, index.epoch = facts["revision"], facts["epoch"]
        return index

    def _arrays(self) -> dict[str, array[int] | bytearray]:
        labels, lists = self.labels, self.lists
        return {
            "number": labels.number,
            "low": labels.low,
            "first": labels.first,
            "list_of": labels.list_of,
            "list_offsets": labels.offsets,
            "lists": labels.flat,
            "approximate": labels.approximate,
            "parent_offsets": lists.offsets,
            "parents": lists.flat,
            "has_child": lists.has_child,
        }
