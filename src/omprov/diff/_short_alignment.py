"""`align` for short sequences: the same figures without arrays, which cost more than they save."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ._edit_path import match_little
from ._settle import Runs

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

SHORT = 800
"""Words of both sides; so few that `match_little` is always the way, as it is in `_alignment`."""


def find_short_gaps(old: Sequence[Hashable], new: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Match two sequences of words.

    Returns:
        How many unmatched words of either side stand in one place: before, between or after the
        matched ones. Places without any are left out.
    """
    changed_old, changed_new = _unmatched(old, new)
    _settle(old, changed_old, bytes(map(bool, _gaps(changed_new))))
    _settle(new, changed_new, bytes(map(bool, _gaps(changed_old))))
    places = zip(_gaps(changed_old), _gaps(changed_new), strict=True)
    return [(len(before), len(after)) for before, after in places if before or after]


def _gaps(changed: bytearray) -> list[bytes]:
    """Return a mark for each unmatched word: before, between and after the matched ones."""
    return bytes(changed).split(b"\0")


def _unmatched(old: Sequence[Hashable], new: Sequence[Hashable]) -> tuple[bytearray, bytearray]:
    """Mark the words of either side that are unmatched."""
    start, end = _common_ends(old, new)
    inner_old, inner_new = old[start : len(old) - end], new[start : len(new) - end]
    changed_old, changed_new = bytearray(len(old)), bytearray(len(new))
    changed_old[start : len(old) - end] = b"\1" * len(inner_old)
    changed_new[start : len(new) - end] = b"\1" * len(inner_new)
    in_old, in_new = set(inner_old), set(inner_new)
    places_old = [place for place, word in enumerate(inner_old, start) if word in in_new]
    places_new = [place for place, word in enumerate(inner_new, start) if word in in_old]
    shared_old, shared_new = [old[p] for p in places_old], [new[p] for p in places_new]
    for i, j, length in match_little(shared_old, shared_new):
        for place in places_old[i : i + length]:
            changed_old[place] = 0
        for place in places_new[j : j + length]:
            changed_new[place] = 0
    return changed_old, changed_new


def _common_ends(old: Sequence[Hashable], new: Sequence[Hashable]) -> tuple[int, int]:
    start, end, least = 0, 0, min(len(old), len(new))
    while start < least and old[start] == new[start]:
        start += 1
    while start + end < least and old[-1 - end] == new[-1 - end]:
        end += 1
    return start, end


def _settle(words: Sequence[Hashable], changed: bytearray, gaps: bytes) -> None:
    """Slide the unmatched runs of one side; see `_settle.settle`."""
    runs, done = Runs(words, changed, gaps), 0
    for start, end, matched in _movable_runs(words, changed):
        if start >= done:
            done = runs.slide(start, end, matched)


def _movable_runs(words: Sequence[Hashable], changed: bytearray) -> list[tuple[int, int, int]]:
    """Return where the runs begin and end that can slide, and how many matched words precede."""
    runs, unmatched, start = [], 0, changed.find(1)
    while start >= 0:
        end = changed.find(0, start)
        end = len(words) if end < 0 else end
        back = start > 0 and words[start - 1] == words[end - 1]
        if back or (end < len(words) and words[start] == words[end]):
            runs.append((start, end, start - unmatched))
        unmatched += end - start
        start = changed.find(1, end)
    return runs
