"""How far apart two tensors of one shape and type are: a number in [0, 1]."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ._number_formats import as_numbers, item_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ._number_formats import Numbers
    from ._stored_tensors import OpenFiles, StoredTensor

    Blocks = Iterator[tuple[bytes, bytes]]

_LEAST = 1e-280  # sums of squares below may have lost numbers to underflow


def distance(old: StoredTensor, new: StoredTensor, files: OpenFiles) -> float | None:
    """Compute ‖new - old‖ / (‖old‖ + ‖new‖), by Euclid's norm.

    Both have one shape and one type. Where NaN stands on both sides, or one infinity, nothing
    differs and nothing counts; where either side has one that the other has not, the distance is 1.
    A type that is not known is compared as bytes: 0 or 1.

    Returns:
        0 where no number differs; ``None`` where the numbers lie out of order and are too many to
        be brought into it.

    Raises:
        Unreadable: a file ends before its tensor does.
    """
    blocks = _pair_blocks(old, new, files)
    if blocks is None:
        same = old.strides == new.strides and not _differ(_side_by_side(old, new, files))
        return 0.0 if same else None
    if old.big_endian == new.big_endian and not _differ(blocks()):
        return 0.0
    if item_size(old.dtype) is None:
        return 1.0

    def numbers() -> Iterator[tuple[Numbers, Numbers]]:
        for before, after in blocks():
            yield (
                as_numbers(old.dtype, before, big_endian=old.big_endian),
                as_numbers(new.dtype, after, big_endian=new.big_endian),
            )

    found = sum((_sums(*pair) for pair in numbers()), _Sums())
    if found.is_extreme:  # squares left the range of floats: once more, with smaller numbers
        largest = max(_largest(*pair) for pair in numbers())
        if largest:
            found = sum((_sums(*pair, scale=largest) for pair in numbers()), _Sums())
    return found.ratio


@dataclass(frozen=True, slots=True)
class _Sums:
    """Sums of squares over some numbers of two tensors.

    Attributes:
        apart: of the differences.
        old: of the older numbers.
        new: of the newer ones.
        astray: whether a number is not finite on one side only.
    """

    apart: float = 0.0
    old: float = 0.0
    new: float = 0.0
    astray: bool = False

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(
            self.apart + other.apart,
            self.old + other.old,
            self.new + other.new,
            self.astray or other.astray,
        )

    @property
    def is_extreme(self) -> bool:
        """Tell whether squares may have left the range of floats."""
        most = max(self.apart, self.old, self.new)
        return not self.astray and not _LEAST < most < math.inf

    @property
    def ratio(self) -> float:
        if self.astray:
            return 1.0
        whole = math.sqrt(self.old) + math.sqrt(self.new)
        return min(1.0, math.sqrt(self.apart) / whole) if whole else 0.0


def _pair_blocks(
    old: StoredTensor, new: StoredTensor, files: OpenFiles
) -> Callable[[], Blocks] | None:
    """Return what yields the bytes of equal numbers of both, any number of times."""
    order = old.order()
    if order is not None and order == new.order():
        return lambda: _side_by_side(old, new, files)
    before, after = files.gather(old), files.gather(new)
    if before is None or after is None:
        return None
    return lambda: iter([(before, after)])


def _side_by_side(old: StoredTensor, new: StoredTensor, files: OpenFiles) -> Blocks:
    return zip(files.iter_bytes(old), files.iter_bytes(new), strict=False)


def _differ(blocks: Blocks) -> bool:
    return any(before != after for before, after in blocks)


def _sums(old: Numbers, new: Numbers, *, scale: float = 1.0) -> _Sums:
    if old.dtype.kind in "iu":
        apart = _whole_apart(old, new)
        return _squares(apart, old.astype(np.float64), new.astype(np.float64))
    if scale == 1.0:
        with np.errstate(over="ignore", invalid="ignore"):
            found = _squares(new - old, old, new)
        if math.isfinite(found.apart + found.old + found.new):
            return found  # so every number is finite
    finite = np.isfinite(old) & np.isfinite(new)
    same = (old == new) | (np.isnan(old) & np.isnan(new))
    if not (finite | same).all():
        return _Sums(astray=True)
    old, new = np.where(finite, old, 0.0) / scale, np.where(finite, new, 0.0) / scale
    with np.errstate(over="ignore", invalid="ignore"):
        return _squares(new - old, old, new)


def _squares(apart: Numbers, old: Numbers, new: Numbers) -> _Sums:
    squares = [float(np.dot(numbers, numbers)) for numbers in (apart, old, new)]
    return _Sums(squares[0], squares[1], squares[2])


def _largest(old: Numbers, new: Numbers) -> float:
    """Return the largest finite number of both sides, without its sign."""
    return max(
        float(np.abs(np.where(np.isfinite(side), side, 0.0)).max(initial=0.0))
        for side in (old, new)
    )


def _whole_apart(old: Numbers, new: Numbers) -> Numbers:
    """Subtract 64-bit integers without loss before they become floats."""
    rising = new >= old
    high, low = np.where(rising, new, old), np.where(rising, old, new)
    return (high.view(np.uint64) - low.view(np.uint64)).astype(np.float64)
