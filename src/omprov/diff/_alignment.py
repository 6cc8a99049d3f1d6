"""The alignment of two sequences of words: how many match, and what becomes of the others.

Sequences are arrays of integers here, one per distinct word; `_texts` makes them. The plan, what is
exact, and what stands in where that is too dear: ``docs/design/measures.md``.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from rapidfuzz.distance import LCSseq

from ._edit_path import match_little
from ._settle import gaps_of, settle
from ._short_alignment import find_short_gaps
from ._windows import match_window, match_windows

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

_LITTLE_STEPS = 400_000  # inner steps of the search in Python: about 0.07 s
_WHOLE_CELLS = 1 << 28  # of the table of one exact match: 32 MiB of bits
_PROOF_STEPS = 16_000_000  # 64-bit steps to prove a match longest: 0.05 to 0.15 s


@dataclass(frozen=True, slots=True)
class WordCounts:
    """What ``wdiff -s`` counts.

    Attributes:
        old: words of the older side: common + deleted + changed_old.
        new: words of the newer side: common + inserted + changed_new.
        common: words that match, in order.
        deleted: words of the older side with nothing opposite.
        inserted: words of the newer side with nothing opposite.
        changed_old: words of the older side opposite `changed_new`.
        changed_new: words of the newer side opposite `changed_old`.
        exact: whether `common` is proven to be as large as can be; if not, it may be larger.
    """

    old: int = 0
    new: int = 0
    common: int = 0
    deleted: int = 0
    inserted: int = 0
    changed_old: int = 0
    changed_new: int = 0
    exact: bool = True

    @property
    def amount(self) -> int:
        """The words that do not match, of both sides."""
        return self.old + self.new - 2 * self.common

    @property
    def total(self) -> int:
        """All words of both sides."""
        return self.old + self.new

    def __add__(self, other: WordCounts) -> WordCounts:
        return WordCounts(
            self.old + other.old,
            self.new + other.new,
            self.common + other.common,
            self.deleted + other.deleted,
            self.inserted + other.inserted,
            self.changed_old + other.changed_old,
            self.changed_new + other.changed_new,
            self.exact and other.exact,
        )


def align_short(old: Sequence[Hashable], new: Sequence[Hashable]) -> WordCounts:
    """Match two sequences of words, of which there are at most `SHORT` in all."""
    gaps = find_short_gaps(old, new)
    unmatched_old, unmatched_new = sum(gap for gap, _ in gaps), sum(gap for _, gap in gaps)
    deleted = sum(gap for gap, opposite in gaps if not opposite)
    inserted = sum(gap for opposite, gap in gaps if not opposite)
    return WordCounts(
        old=len(old),
        new=len(new),
        common=len(old) - unmatched_old,
        deleted=deleted,
        inserted=inserted,
        changed_old=unmatched_old - deleted,
        changed_new=unmatched_new - inserted,
    )


def align(old: NDArray[np.int64], new: NDArray[np.int64]) -> WordCounts:
    """Match two sequences of words, given as equal integers for equal words."""
    changed_old, changed_new, exact = find_unmatched(old, new)
    changed_old = settle(old, changed_old, _gap_flags(changed_new))
    changed_new = settle(new, changed_new, _gap_flags(changed_old))
    gaps_old, gaps_new = gaps_of(changed_old), gaps_of(changed_new)
    alone_old, alone_new = gaps_new == 0, gaps_old == 0
    unmatched_old, unmatched_new = int(gaps_old.sum()), int(gaps_new.sum())
    deleted, inserted = int(gaps_old[alone_old].sum()), int(gaps_new[alone_new].sum())
    return WordCounts(
        old=len(old),
        new=len(new),
        common=len(old) - unmatched_old,
        deleted=deleted,
        inserted=inserted,
        changed_old=unmatched_old - deleted,
        changed_new=unmatched_new - inserted,
        exact=exact,
    )


def _gap_flags(changed: NDArray[np.bool_]) -> bytes:
    return (gaps_of(changed) > 0).tobytes()


def find_unmatched(
    old: NDArray[np.int64], new: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], bool]:
    """Tell which words of either side are unmatched, and whether the match is proven longest."""
    changed_old, changed_new = np.zeros(len(old), np.bool_), np.zeros(len(new), np.bool_)
    start, end = _common_ends(old, new)
    inner_old, inner_new = old[start : len(old) - end], new[start : len(new) - end]
    shared_old, shared_new = _shared(inner_old, inner_new)
    changed_old[start : len(old) - end] = True
    changed_new[start : len(new) - end] = True
    pairs_old, pairs_new, exact = _match_shared(inner_old[shared_old], inner_new[shared_new])
    changed_old[start + shared_old[pairs_old]] = False
    changed_new[start + shared_new[pairs_new]] = False
    return changed_old, changed_new, exact


def _common_ends(old: NDArray[np.int64], new: NDArray[np.int64]) -> tuple[int, int]:
    least = min(len(old), len(new))
    differ = np.flatnonzero(old[:least] != new[:least])
    if not len(differ):
        return least, 0
    start, left = int(differ[0]), least - int(differ[0])
    differ = np.flatnonzero(old[len(old) - left :] != new[len(new) - left :])
    return start, left - 1 - int(differ[-1]) if len(differ) else left


def _shared(
    old: NDArray[np.int64], new: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of the words that the other side has too: the others never match."""
    if not len(old) or not len(new):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    most = max(int(old.max()), int(new.max())) + 1
    in_old, in_new = np.zeros(most, np.bool_), np.zeros(most, np.bool_)
    in_old[old] = True
    in_new[new] = True
    return np.flatnonzero(in_new[old]), np.flatnonzero(in_old[new])


def _match_shared(
    old: NDArray[np.int64], new: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], bool]:
    if not len(old) or not len(new):
        return np.empty(0, np.int64), np.empty(0, np.int64), True
    left, right = _compact(old), _compact(new)
    if len(left) * len(right) > _WHOLE_CELLS:
        blocks = match_windows(left, right)
        common = sum(length for _, _, length in blocks)
        exact = _is_longest(left, right, common)
        return *_places(blocks), exact
    unmatched = len(left) + len(right) - 2 * LCSseq.similarity(left, right)
    if unmatched * unmatched // 2 <= _LITTLE_STEPS:
        blocks = list(match_little(old.tolist(), new.tolist()))
    else:
        blocks = match_window(left, right)
    return *_places(blocks), True


def _compact(words: NDArray[np.int64]) -> array[int]:
    """Give an array that rapidfuzz reads without making an object of each number."""
    return array("I", words.astype(np.uint32).tobytes())


def _is_longest(old: array[int], new: array[int], common: int) -> bool:
    """Tell whether `common` is proven to be the length of a longest match, where that is cheap."""
    shorter = min(len(old), len(new))
    if common == shorter:
        return True
    band = len(old) + len(new) - 2 * common
    if shorter * (band // 64 + 1) > _PROOF_STEPS:
        return False
    return not LCSseq.similarity(old, new, score_cutoff=common + 1)


def _places(blocks: list[tuple[int, int, int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Spell blocks out as the places of matched words, in order, of the old and the new side."""
    if not blocks:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    table = np.array(sorted(blocks), dtype=np.int64)
    lengths = table[:, 2]
    within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return np.repeat(table[:, 0], lengths) + within, np.repeat(table[:, 1], lengths) + within
