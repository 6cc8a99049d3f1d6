"""Multisets too large for memory: what is in one of two and not in the other.

Members are known by 128-bit digests (`member_digest`). How memory stays bounded, and what the
chance of a mistake is: ``docs/design/measures.md``.
"""

from __future__ import annotations

import errno
import tempfile
from contextlib import contextmanager
from hashlib import blake2b
from typing import IO, TYPE_CHECKING, NamedTuple, Self

import numpy as np

from omprov.errors import StorageFull

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from numpy.typing import NDArray

DIGEST_SIZE = 16  # bytes
_HELD = 1 << 19  # members in memory: about 40 MB while they are sorted
_AT_ONCE = 1 << 19  # members that are read back and summed together, at least
_BUCKETS = 1 << 12  # by the first bits of a digest
_SHIFT = np.uint64(64 - 12)
_MEMBER = np.dtype([("high", ">u8"), ("low", ">u8")])
_ROW = np.dtype([("high", "u8"), ("low", "u8"), ("count", "i8")])


def member_digest(member: bytes) -> bytes:
    """Return 128 bits of BLAKE2b that stand for a member."""
    return blake2b(member, digest_size=DIGEST_SIZE).digest()


class Tally:
    """Counts of members: above nothing for what one side has more of, below for the other.

    What does not fit into memory waits, sorted and summed, in a temporary file without a name. Not
    to be shared between threads; a context manager, or the file stays until it is collected.
    """

    def __init__(self, *, held: int = _HELD) -> None:
        """Make an empty one.

        Args:
            held: how many members may wait in memory.
        """
        self._limit = held
        self._pending: list[NDArray[np.void]] = []
        self._held = 0
        self._runs: list[_Run] = []
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, digests: bytes, count: int | NDArray[np.int64]) -> None:
        """Add `count` of each member.

        Args:
            digests: 16 bytes for each, one after the other.
            count: one for all or one for each; negative for the other side.

        Raises:
            StorageFull: there is no room for the temporary file.
        """
        members = np.frombuffer(digests, _MEMBER)
        rows = np.empty(len(members), _ROW)
        rows["high"], rows["low"], rows["count"] = members["high"], members["low"], count
        self._pending.append(rows)
        self._held += len(rows)
        if self._held >= self._limit:
            self._write_run()

    def surplus(self) -> tuple[int, int]:
        """Return how many members the one side has more, and how many the other."""
        more = less = 0
        for rows in self._groups():
            counts = rows["count"]
            more += int(counts[counts > 0].sum())
            less -= int(counts[counts < 0].sum())
        return more, less

    def _groups(self) -> Iterator[NDArray[np.void]]:
        """Yield the summed members, those of neighbouring buckets together."""
        if not self._runs:
            yield _summed(self._pending)
            return
        self._write_run()
        sizes = np.sum([np.diff(run.bounds) for run in self._runs], axis=0)
        first = 0
        for last in range(1, _BUCKETS + 1):
            if last == _BUCKETS or sizes[first : last + 1].sum() > _AT_ONCE:
                yield _summed([self._read(run, first, last) for run in self._runs])
                first = last

    def _write_run(self) -> None:
        rows = _summed(self._pending)
        self._pending, self._held = [], 0
        bounds = np.searchsorted(rows["high"] >> _SHIFT, np.arange(_BUCKETS + 1, dtype=np.uint64))
        with _room_told():
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115  __exit__ closes it
            start = self._file.seek(0, 2)
            self._file.write(rows.tobytes())
            self._file.flush()
        self._runs.append(_Run(start, bounds.astype(np.uint32)))

    def _read(self, run: _Run, first: int, last: int) -> NDArray[np.void]:
        assert self._file is not None
        begin, end = int(run.bounds[first]), int(run.bounds[last])
        self._file.seek(run.start + begin * _ROW.itemsize)
        return np.frombuffer(self._file.read((end - begin) * _ROW.itemsize), _ROW)


class _Run(NamedTuple):
    """Summed members in the file, by rising digest."""

    start: int  # in bytes
    bounds: NDArray[np.uint32]  # where each bucket begins, in members; one more for the end


def _summed(blocks: list[NDArray[np.void]]) -> NDArray[np.void]:
    """Sort by digest and add up the counts of each; what comes to nothing is left out."""
    rows = np.concatenate(blocks) if blocks else np.empty(0, _ROW)
    if not len(rows):
        return rows
    high, low = rows["high"], rows["low"]
    order = np.argsort(high)
    high, low = high[order], low[order]
    alike = high[1:] == high[:-1]
    if np.any(alike & (low[1:] != low[:-1])):
        order = np.lexsort((rows["low"], rows["high"]))
        high, low = rows["high"][order], rows["low"][order]
        alike = high[1:] == high[:-1]
    starts = np.flatnonzero(np.concatenate(([True], ~(alike & (low[1:] == low[:-1])))))
    counts = np.add.reduceat(rows["count"][order], starts)
    kept = counts != 0
    starts = starts[kept]
    result = np.empty(len(starts), _ROW)
    result["high"], result["low"], result["count"] = high[starts], low[starts], counts[kept]
    return result


@contextmanager
def _room_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(
                f"no room in {tempfile.gettempdir()} to compare what does not fit into memory. "
                "Free some space and try again."
            ) from error
        raise
