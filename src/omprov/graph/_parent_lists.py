"""Who inherits whom, by dense version numbers: the parents of each version in compact arrays.

Weights, ids and labels are kept elsewhere.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


class ParentLists:
    """The parents of versions 0, 1, 2, …, in the order in which they were given.

    Attributes:
        offsets: the parents of v stand at ``flat[offsets[v]:offsets[v + 1]]``.
        flat: see `offsets`.
        late: parents that were added afterwards, for the few versions that have some.
        upward: whether some parent is newer, by number, than its child; otherwise 0, 1, 2, … is a
            topological order.
    """

    __slots__ = ("flat", "has_child", "late", "offsets", "upward")

    def __init__(self) -> None:
        self.offsets = array("i", (0,))
        self.flat = array("i")
        self.late: dict[int, list[int]] = {}
        self.has_child = bytearray()
        self.upward = False

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def of(self, version: int) -> Sequence[int]:
        """Return the parents of `version`, the late ones last."""
        own = self.flat[self.offsets[version] : self.offsets[version + 1]]
        late = self.late.get(version)
        return own if late is None else own + array("i", late)

    def children(self, version: int) -> list[int]:
        """List the versions that have `version` as a parent, in arrival order."""
        if not self.has_child[version]:
            return []
        places = np.flatnonzero(np.frombuffer(self.flat, np.int32) == version)
        rows = np.searchsorted(np.frombuffer(self.offsets, np.int32), places, "right") - 1
        late = [child for child, parents in self.late.items() if version in parents]
        return sorted({*rows.tolist(), *late})

    def append(self, parents: Sequence[int]) -> int:
        """Add a version below nothing and return its number."""
        version = len(self)
        if parents and not (min(parents) >= 0 and max(parents) < version):
            raise ValueError(f"version {version} can inherit 0 to {version - 1}, not {parents}")
        for parent in parents:
            self.has_child[parent] = 1
        self.flat.extend(parents)
        self.offsets.append(len(self.flat))
        self.has_child.append(0)
        return version

    def extend(self, rows: Iterable[Sequence[int]]) -> None:
        """Add many versions at once to none; here a parent may come after its child."""
        offsets, flat = array("i", (0,)), array("i")
        for parents in rows:
            flat.extend(parents)
            offsets.append(len(flat))
        self.fill(np.frombuffer(offsets, np.int32), np.frombuffer(flat, np.int32))

    def fill(self, offsets: NDArray[np.int32], flat: NDArray[np.int32]) -> None:
        """Do what `extend` does, from arrays."""
        count = len(offsets) - 1
        if len(flat) and not (flat.min() >= 0 and flat.max() < count):
            raise ValueError("a parent lies outside the versions given")
        has_child = np.zeros(count, np.uint8)
        has_child[flat] = 1
        children = np.repeat(np.arange(count), offsets[1:] - offsets[:-1])
        self.upward = bool((flat >= children).any())
        self.has_child[:] = has_child.tobytes()
        del self.offsets[:]
        self.offsets.frombytes(offsets.tobytes())
        self.flat.frombytes(flat.tobytes())

    def add_late(self, newer: int, older: int) -> None:
        """Give an existing version one more parent."""
        self.late.setdefault(newer, []).append(older)
        self.has_child[older] = 1
        self.upward |= older > newer

    def rows(self, start: int, end: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return the parents of versions `start` to `end` - 1, the late ones included.

        Returns:
            offsets (end - start + 1) from zero, and the parents they point into; these may be a
            view, which must not outlive the next write.
        """
        offsets = np.frombuffer(self.offsets, np.int32)[start : end + 1].astype(np.int64)
        flat = np.frombuffer(self.flat, np.int32)[offsets[0] : offsets[-1]]
        offsets -= offsets[0]
        late = [(v, parents) for v, parents in sorted(self.late.items()) if start <= v < end]
        if late:
            behind = np.array([v - start + 1 for v, _ in late])
            counts = np.array([len(parents) for _, parents in late])
            places = np.repeat(offsets[behind], counts)
            flat = np.insert(flat, places, [p for _, parents in late for p in parents])
            more = np.zeros(len(offsets), np.int64)
            more[behind] = counts
            offsets += np.cumsum(more)
        return offsets, flat
