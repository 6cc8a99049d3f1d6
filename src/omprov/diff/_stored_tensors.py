"""Tensors where they lie: in which bytes of which file, and how to read them a block at a time."""

from __future__ import annotations

import math
import zipfile
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Self

import numpy as np

from ._number_formats import item_size
from ._sources import Unreadable, archive_faults_told

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from ._pairs import Place

_NUMBERS = 1 << 19  # that are read at once
_GATHERED = 64 << 20  # bytes of a tensor whose numbers lie out of order


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor in a file.

    Attributes:
        dtype: its type, as `name_of` names it.
        shape: its size in each dimension.
        place: the file.
        offset: where its first number begins, in bytes: of the file, or of the member.
        size: how many bytes from there it spans.
        strides: numbers from one to the next in each dimension; ``None`` if they lie in order, the
            last dimension running fastest.
        member: of a compressed archive; empty where it lies in the file itself.
        big_endian: how its numbers are written.
    """

    dtype: str
    shape: tuple[int, ...]
    place: Place
    offset: int
    size: int
    strides: tuple[int, ...] | None = None
    member: str = ""
    big_endian: bool = False

    @property
    def numbers(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)

    @property
    def weight(self) -> int:
        """What it counts for: its numbers; one if it has none."""
        return max(1, self.numbers)

    @property
    def shown(self) -> str:
        """How people write its type and shape."""
        return f"{self.dtype} {list(self.shape)}"

    def order(self) -> tuple[int, ...] | None:
        """Return the dimensions from the slowest to the fastest; ``None`` if there are gaps."""
        dimensions = [place for place, size in enumerate(self.shape) if size != 1]
        if self.strides is None:
            return tuple(dimensions)
        strides = self.strides
        dimensions.sort(key=lambda place: -strides[place])
        expected = 1
        for place in reversed(dimensions):
            if strides[place] != expected:
                return None
            expected *= self.shape[place]
        return tuple(dimensions)


class OpenFiles:
    """The files that tensors are read from, each opened once; a context manager."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._files: dict[tuple[int, str], BinaryIO] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def get(self, place: Place) -> BinaryIO:
        """Return the open file at a place."""
        tree, leaf = place
        key = id(tree), leaf.path
        if key not in self._files:
            self._files[key] = self._stack.enter_context(tree.open(leaf.path))
        return self._files[key]

    def iter_bytes(self, tensor: StoredTensor) -> Iterator[bytes]:
        """Yield the bytes that a tensor spans, so many numbers at a time.

        Raises:
            Unreadable: the file ends before the tensor does, or its compression is damaged.
        """
        block = _NUMBERS * (item_size(tensor.dtype) or 1)
        file, left = self.get(tensor.place), tensor.size
        with ExitStack() as stack:
            if tensor.member:
                stack.enter_context(archive_faults_told(tensor.place[1].path))
                file = _open_member(stack, file, tensor)
            file.seek(tensor.offset)
            while left:
                content = _read(file, min(block, left), tensor)
                left -= len(content)
                yield content

    def gather(self, tensor: StoredTensor) -> bytes | None:
        """Return a tensor's numbers in order, where they lie out of order.

        Returns:
            ``None`` if that would take more than 64 MiB of memory.
        """
        width = item_size(tensor.dtype)
        if width is None or max(tensor.size, tensor.numbers * width) > _GATHERED:
            return None
        raw = np.frombuffer(b"".join(self.iter_bytes(tensor)), np.dtype((np.void, width)))
        if tensor.strides is None or not tensor.numbers:
            return raw.tobytes()
        strides = [stride * width for stride in tensor.strides]
        return np.lib.stride_tricks.as_strided(raw, tensor.shape, strides).tobytes()


def _read(file: BinaryIO, size: int, tensor: StoredTensor) -> bytes:
    parts = []
    while size:
        part = file.read(size)
        if not part:
            raise Unreadable(f"{tensor.place[1].path} ends within a tensor")
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _open_member(stack: ExitStack, file: BinaryIO, tensor: StoredTensor) -> BinaryIO:
    archive = stack.enter_context(zipfile.ZipFile(file))
    member: BinaryIO = stack.enter_context(archive.open(tensor.member))  # type: ignore[assignment]
    return member
