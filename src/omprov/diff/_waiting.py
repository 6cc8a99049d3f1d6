"""Members of two multisets that wait for their like: where most of two versions meets."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Member = TypeVar("Member", bytes, str)

_MOST = 1 << 16  # distinct members
_MOST_BYTES = 32 << 20


class Waiting(Generic[Member]):
    """Members of either side that have not met their like on the other; few of them.

    Two versions of a file mostly hold the same in the same order. Read side by side, they meet
    here, as they are and in memory, and need neither be understood nor digested.
    """

    def __init__(self, pass_on: Callable[[Counter[Member], int], None]) -> None:
        """Make an empty one.

        Args:
            pass_on: takes what waits in vain: members with their counts, and 1 for those of the
                older side, -1 for those of the newer one.
        """
        self._pass_on: Callable[[Counter[Member], int], None] = pass_on
        self._old: Counter[Member] = Counter()
        self._new: Counter[Member] = Counter()

    def add(self, old: Sequence[Member], new: Sequence[Member]) -> None:
        """Take some members of either side."""
        if old == new:
            return
        self._old.update(old)
        self._new.update(new)
        for member in self._old.keys() & self._new.keys():
            surplus = self._old.pop(member) - self._new.pop(member)
            if surplus > 0:
                self._old[member] = surplus
            elif surplus < 0:
                self._new[member] = -surplus
        if self._is_full():
            self.flush()

    def flush(self) -> None:
        """Pass on all that wait."""
        for members, sign in ((self._old, 1), (self._new, -1)):
            if members:
                self._pass_on(members, sign)
                members.clear()

    def _is_full(self) -> bool:
        if len(self._old) + len(self._new) > _MOST:
            return True
        return sum(map(len, self._old)) + sum(map(len, self._new)) > _MOST_BYTES
