"""A long common subsequence of long sequences, window by window.

The sequences are cut at anchors (stretches that occur once on either side and lie in line with
their neighbours), each window is matched exactly, and each cut is checked by the window around it.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rapidfuzz.distance import LCSseq

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Block = tuple[int, int, int]
    Point = tuple[int, int]

_WINDOW = 512  # words between two cuts, at least
_LARGEST = 8192  # words between two cuts, at most
_STRETCH = 4  # words of an anchor
_SAMPLE = 16  # one stretch in so many, chosen by its content, may be an anchor
_DRIFT = 64  # neighbouring anchors are in line if their offsets differ by no more
_ALIKE = 0.75  # with so much of the shorter side in common, anchors are right
_ASTRAY = 0.1  # with so much of it skipped to get from anchor to anchor, they may be wrong
_MULTIPLIER = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio: spreads integers evenly


class _Window(NamedTuple):
    start: Point
    end: Point
    blocks: list[Block]

    @property
    def common(self) -> int:
        return sum(length for _, _, length in self.blocks)


def match_window(old: array[int], new: array[int]) -> list[Block]:
    """Return blocks ``(i, j, length)``, in order: a longest common subsequence of both.

    Memory grows with the product of the lengths, a bit each.
    """
    if not old or not new:
        return []
    blocks = LCSseq.editops(old, new).as_matching_blocks()
    return [(block.a, block.b, block.size) for block in blocks if block.size]


def match_windows(old: array[int], new: array[int]) -> list[Block]:
    """Return blocks ``(i, j, length)``, in order: a common subsequence, if not surely a longest.

    Time and memory grow with the sum of the lengths.
    """
    cuts = list(_cuts(np.frombuffer(old, np.uint32), np.frombuffer(new, np.uint32)))
    windows = _match_along(old, new, cuts)
    common = sum(window.common for window in windows)
    shorter = min(len(old), len(new))
    if common < _ALIKE * shorter and _skipped(cuts, len(old), len(new)) > _ASTRAY * shorter:
        free = _match_along(old, new, [])
        windows = max(windows, free, key=lambda found: sum(window.common for window in found))
    return [block for window in windows for block in window.blocks]


def _skipped(cuts: list[Point], rows: int, columns: int) -> int:
    """Count the words that cannot match because the cuts do not lie on one diagonal."""
    points = pairwise([(0, 0), *cuts, (rows, columns)])
    return sum(abs((i1 - i0) - (j1 - j0)) for (i0, j0), (i1, j1) in points) if cuts else 0


def _match_along(old: array[int], new: array[int], cuts: list[Point]) -> list[_Window]:
    windows: list[_Window] = []
    points = _fill_in(old, new, [(0, 0), *cuts, (len(old), len(new))])
    for start, end in pairwise(points):
        window = _match_between(old, new, start, end)
        if windows and _is_better_joined(old, new, windows[-1], window):
            window = _match_between(old, new, windows.pop().start, end)
        windows.append(window)
    return windows


def _match_between(old: array[int], new: array[int], start: Point, end: Point) -> _Window:
    (i0, j0), (i1, j1) = start, end
    blocks = match_window(old[i0:i1], new[j0:j1])
    return _Window(start, end, [(i0 + i, j0 + j, length) for i, j, length in blocks])


def _is_better_joined(old: array[int], new: array[int], before: _Window, after: _Window) -> bool:
    (i0, j0), (i1, j1) = before.start, after.end
    if max(i1 - i0, j1 - j0) > 2 * _LARGEST:
        return False
    cutoff = before.common + after.common + 1
    return LCSseq.similarity(old[i0:i1], new[j0:j1], score_cutoff=cutoff) > 0


def _fill_in(old: array[int], new: array[int], points: list[Point]) -> Iterator[Point]:
    """Yield the points, and more between them where they are too far apart."""
    for start, end in pairwise(points):
        point: Point | None = start
        while point is not None:
            yield point
            point = _find_halfway(old, new, point, end)
    yield points[-1]


def _find_halfway(old: array[int], new: array[int], start: Point, end: Point) -> Point | None:
    """Return a point between both that a good match goes through, unless they are near already.

    It lies halfway along the exact match of a window twice as large as can stay: what the window's
    arbitrary far corner does to the match is not felt there.
    """
    rows, columns = end[0] - start[0], end[1] - start[1]
    longer = max(rows, columns)
    if longer <= _LARGEST:
        return None
    rows = rows * min(2 * _LARGEST, longer) // longer
    columns = columns * min(2 * _LARGEST, longer) // longer
    corner = start[0] + rows, start[1] + columns
    half = (start[0] + corner[0] + start[1] + corner[1]) // 2
    for i, j, length in reversed(_match_between(old, new, start, corner).blocks):
        inside = min(length, (half - i - j) // 2)
        if inside >= 0 and (i + inside, j + inside) > start:
            return i + inside, j + inside
    return (start[0] + corner[0]) // 2, (start[1] + corner[1]) // 2


def _cuts(old: NDArray[np.uint32], new: NDArray[np.uint32]) -> Iterator[Point]:
    """Yield anchors that are in line with their neighbours, `_WINDOW` words apart or more."""
    anchors = _rising(*_anchors(old, new))
    offsets = anchors[:, 0] - anchors[:, 1]
    near = np.abs(np.diff(offsets)) <= _DRIFT
    last = -_WINDOW, -_WINDOW
    for i, j in anchors[1:-1][near[:-1] & near[1:]].tolist() if len(anchors) > 2 else []:
        if min(i - last[0], j - last[1]) >= _WINDOW and i and j:
            last = i, j
            yield last


def _anchors(
    old: NDArray[np.uint32], new: NDArray[np.uint32]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of the stretches that occur once on either side, in order of the old."""
    old_codes, old_places = _stretches(old)
    new_codes, new_places = _stretches(new)
    _, at_old, at_new = np.intersect1d(
        old_codes, new_codes, assume_unique=True, return_indices=True
    )
    left, right = old_places[at_old], new_places[at_new]
    same = np.ones(len(left), np.bool_)
    for step in range(_STRETCH):  # equal codes of different stretches are rare, not impossible
        same &= old[left + step] == new[right + step]
    left, right = left[same], right[same]
    order = np.argsort(left)
    return left[order], right[order]


def _stretches(words: NDArray[np.uint32]) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return codes and places of the sampled stretches that occur once."""
    count = len(words) - _STRETCH + 1
    codes = np.zeros(max(count, 0), np.uint64)
    for step in range(_STRETCH if count > 0 else 0):
        codes += words[step : step + count]
        codes *= np.uint64(_MULTIPLIER)
        codes ^= codes >> np.uint64(29)
    sampled = np.flatnonzero(codes % np.uint64(_SAMPLE) == 0)
    values, first, times = np.unique(codes[sampled], return_index=True, return_counts=True)
    once = times == 1
    return values[once], sampled[first[once]]


def _rising(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Keep the longest rising part of anchors ``(i, j)``, given by rising i (patience sorting)."""
    tails: list[int] = []
    tail_places: list[int] = []
    before: list[int] = []
    for place, value in enumerate(right.tolist()):
        pile = bisect_left(tails, value)
        before.append(tail_places[pile - 1] if pile else -1)
        tails[pile : pile + 1] = [value]
        tail_places[pile : pile + 1] = [place]
    kept: list[int] = []
    place = tail_places[-1] if tail_places else -1
    while place >= 0:
        kept.append(place)
        place = before[place]
    kept.reverse()
    return np.stack([left[kept], right[kept]], axis=1)
