"""Where a run of unmatched words stands when it could stand in several places.

In ``a b → a b a b`` either pair may be the inserted one. The rule is that of GNU ``diff``: runs
slide together where they can, come to stand opposite an unmatched run of the other side if there is
one, and otherwise as late as possible.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray


def settle(words: NDArray[np.int64], changed: NDArray[np.bool_], gaps: bytes) -> NDArray[np.bool_]:
    """Slide the unmatched runs of one side; how many words match stays as it is.

    Args:
        words: one side.
        changed: which of its words are unmatched.
        gaps: for k = 0 … number of matched words: 1 where the *other* side has an unmatched run
            between its matched words k - 1 and k.

    Returns:
        Which words are unmatched now.
    """
    starts, ends, before = _movable_runs(words, changed)
    if not len(starts):
        return changed
    runs = Runs(np.ascontiguousarray(words).data, bytearray(changed.tobytes()), gaps)
    done = 0
    for start, end, matched in zip(starts.tolist(), ends.tolist(), before.tolist(), strict=True):
        if start >= done:
            done = runs.slide(start, end, matched)
    return np.frombuffer(runs.changed, dtype=np.bool_)


def gaps_of(changed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return how many unmatched words stand before, between and after the matched ones."""
    matched = np.flatnonzero(~changed)
    return np.diff(np.concatenate(([-1], matched, [len(changed)]))) - 1


def _movable_runs(
    words: NDArray[np.int64], changed: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    edges = np.flatnonzero(np.diff(changed.astype(np.int8), prepend=0, append=0))
    starts, ends = edges[::2], edges[1::2]
    before = starts - np.concatenate(([0], np.cumsum(ends - starts)[:-1]))[: len(starts)]
    padded = np.concatenate(([-1], words, [-1]))  # padded[i + 1] is words[i]; -1 is no word
    backwards = (padded[starts] == padded[ends]) & (starts > 0)
    forwards = (padded[starts + 1] == padded[ends + 1]) & (ends < len(words))
    movable = backwards | forwards
    return starts[movable], ends[movable], before[movable]


class Runs:
    """The runs of one side while they slide."""

    def __init__(self, words: Sequence[Hashable], changed: bytearray, gaps: bytes) -> None:
        self.words, self.changed, self.gaps = words, changed, gaps

    def slide(self, start: int, end: int, matched: int) -> int:
        """Settle the run ``[start, end)`` that has `matched` matched words before it.

        Returns:
            How far it reached: it took in the runs that began before.
        """
        changed, gaps, none = self.changed, self.gaps, len(self.words) + 1
        reached = end
        while True:
            length = end - start
            start, end, matched = self._slide_back(start, end, matched)
            opposite = end if gaps[matched] else none
            start, end, matched, passed = self._slide_forward(start, end, matched)
            opposite = passed or opposite
            reached = max(reached, end)
            if end - start == length:
                break
        while opposite < end:
            start, end = start - 1, end - 1
            changed[start], changed[end] = 1, 0
        return reached

    def _slide_back(self, start: int, end: int, matched: int) -> tuple[int, int, int]:
        words, changed = self.words, self.changed
        while start > 0 and words[start - 1] == words[end - 1]:
            start, end, matched = start - 1, end - 1, matched - 1
            changed[start], changed[end] = 1, 0
            start = changed.rfind(0, 0, start) + 1  # it may touch the run before
        return start, end, matched

    def _slide_forward(self, start: int, end: int, matched: int) -> tuple[int, int, int, int]:
        words, changed, gaps = self.words, self.changed, self.gaps
        last, passed = len(words), 0
        while end < last and words[start] == words[end]:
            changed[start], changed[end] = 0, 1
            start, end, matched = start + 1, end + 1, matched + 1
            end = changed.find(0, end)  # it may touch the run after
            end = last if end < 0 else end
            if gaps[matched]:
                passed = end
        return start, end, matched, passed
