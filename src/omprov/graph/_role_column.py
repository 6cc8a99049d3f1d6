"""One constraining role of an order: what every group used in it."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np
from pyroaring import BitMap

from ._bitmaps import view
from ._role_rows import RoleRows
from ._sources import Input

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ._sources import Source
    from ._tuning import Tuning

_NOTHING = -1


class RoleColumn:
    """What every group used in one role.

    The role's graphs are its *parts*; versions of different parts never reach each other. A group
    that used nothing stands below every group, whatever that one used.

    Bitmaps that are handed out belong to the column, as in `RoleRows`.
    """

    def __init__(self, role: str, sources: Sequence[Source], tuning: Tuning, groups: int) -> None:
        """Make the column of a role that `groups` groups so far have not used."""
        self.role = role
        self.versions = array("i", [_NOTHING]) * groups
        self.part_of = array("i", [_NOTHING]) * groups
        self.missing = BitMap(range(groups))
        self._sources = sources
        self._tuning = tuning
        self._parts: dict[int, RoleRows] = {}

    def append(self, group: int, used: Input | None) -> None:
        """Note what the next group used."""
        if used is None:
            self.versions.append(_NOTHING)
            self.part_of.append(_NOTHING)
            self.missing.add(group)
        else:
            self.versions.append(used.version)
            self.part_of.append(used.part)
            self.part(used.part).append(group, used.version)

    def used_by(self, group: int) -> Input | None:
        """Return what a group used."""
        part = self.part_of[group]
        return None if part == _NOTHING else Input(part, self.versions[group])

    def source(self, part: int) -> Source:
        """Return the graph behind a part."""
        return self._sources[part]

    def part(self, part: int) -> RoleRows:
        """Return the rows over one of the role's graphs."""
        rows = self._parts.get(part)
        if rows is None:
            rows = self._parts[part] = RoleRows(self._sources[part], self._tuning)
        return rows

    def parts_of(self, graph: object) -> list[RoleRows]:
        """Give the rows over a graph, where groups have used it."""
        return [rows for rows in self._parts.values() if rows.source.graph is graph]

    def refresh(self) -> bool:
        """Drop cached rows where relations of a graph have changed; tell whether any had."""
        return sum(rows.refresh() for rows in self._parts.values()) > 0

    def forget(self) -> None:
        """Drop every cached row."""
        for rows in self._parts.values():
            rows.forget()

    def _is_uniform(self, part: int) -> bool:
        """Tell whether every group used a version of this part."""
        return len(self._parts) == 1 and part in self._parts and not self.missing

    def row(self, used: Input | None) -> BitMap:
        """Return the groups that stand at or below `used` in this role."""
        if used is None:
            return self.missing
        row = self.part(used.part).row(used.version)
        return row | self.missing if self.missing else row

    def reached(self, used: Input | None, groups: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which of `groups` stand at or below `used` in this role."""
        versions = view(self.versions)[groups]
        if used is not None and self._is_uniform(used.part):
            return self._sources[used.part].reached(used.version, versions)
        result: NDArray[np.bool_] = versions == _NOTHING
        if used is not None:
            same = np.flatnonzero(view(self.part_of)[groups] == used.part)
            source = self._sources[used.part]
            result[same] = source.reached(used.version, versions[same])
        return result

    def reaching(self, groups: NDArray[np.int64], used: Input) -> NDArray[np.bool_]:
        """Tell which of `groups` stand at or above `used` in this role."""
        if self._is_uniform(used.part):
            versions = view(self.versions)[groups]
            return self._sources[used.part].reaching(versions, used.version)
        result = np.zeros(len(groups), np.bool_)
        same = np.flatnonzero(view(self.part_of)[groups] == used.part)
        versions = view(self.versions)[groups[same]]
        result[same] = self._sources[used.part].reaching(versions, used.version)
        return result

    def below_test(self, used: Input | None) -> Callable[[int], bool]:
        """Return a test whether a group stands at or below `used`."""
        versions, part_of = self.versions, self.part_of
        if used is None:
            return lambda group: versions[group] == _NOTHING
        part, version = used
        reach = self._sources[part].reach_function()

        def is_below(group: int) -> bool:
            other = versions[group]
            if other == _NOTHING:
                return True
            return part_of[group] == part and (other == version or reach(version, other))

        return is_below

    def above_test(self, used: Input) -> Callable[[int], bool]:
        """Return a test whether a group stands at or above `used`."""
        versions, part_of = self.versions, self.part_of
        part, version = used
        reach = self._sources[part].reach_function()

        def is_above(group: int) -> bool:
            other = versions[group]
            return part_of[group] == part and (other == version or reach(other, version))

        return is_above
