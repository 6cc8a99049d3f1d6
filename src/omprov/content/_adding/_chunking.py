"""Finds chunk borders by FastCDC (Xia et al., USENIX ATC 2016), so that an insertion moves few.

Borders are a writer's choice: a reader takes the chunks as they are listed, and no digest of a
file or folder depends on them.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

SMALLEST, AVERAGE, LARGEST = 16 << 10, 64 << 10, 256 << 10
"""Bytes of a chunk; the last one of a window may be smaller."""
_WINDOW = 8 << 20
_TAIL = 1 << 20
"""Where a window ends is found in its last bytes alone. Borders found from different starts soon
coincide, so that this one is nearly always one of those found from the start of the window."""


def iter_chunks(source: BinaryIO) -> Iterator[memoryview]:
    """Cut what is left to read of `source` into chunks, with the memory of one window.

    Each chunk is valid only until the next one is asked for.
    """
    window = memoryview(bytearray(_WINDOW))
    for view in iter_windows(source, lambda: window):
        start = 0
        for length in find_lengths(view):
            yield view[start : start + length]
            start += length


def iter_windows(
    source: BinaryIO,
    next_window: Callable[[], memoryview],
    read: Callable[[memoryview], object] = lambda _: None,
) -> Iterator[memoryview]:
    """Read what is left of `source` in windows that are cut into chunks each for itself.

    A window ends where a chunk ends, by what is around there and not by where it lies in the file;
    so what is inserted into a file changes the chunks around it alone.

    Args:
        source: a file without buffer.
        next_window: gives the memory for the next window; all are of one size, at least four
            times the largest chunk. It may be the same one again.
        read: told the bytes that were read, each once and in order.

    Returns:
        The window, as far as it is to be cut.
    """
    rest = b""
    while True:
        window = next_window()
        window[: len(rest)] = rest
        filled = start = len(rest)
        while filled < len(window) and (count := source.readinto(window[filled:])):  # type: ignore[attr-defined]
            filled += count
        read(window[start:filled])
        if filled < len(window):
            if filled:
                yield window[:filled]
            return
        border = filled - find_lengths(window[max(filled - _TAIL, 0) :])[-1]
        rest = bytes(window[border:])
        yield window[:border]


def find_lengths(window: memoryview) -> list[int]:
    """Return the lengths of the chunks that a window consists of."""
    return [c.length for c in _load_fastcdc()(window, SMALLEST, AVERAGE, LARGEST)]


@cache
def _load_fastcdc() -> Callable[..., Any]:
    # Loaded on use: it draws in a command-line library, and small files never need it. The package
    # itself imports the slow pure version where it has no compiled one, so borders are the same.
    return import_module("fastcdc").fastcdc  # type: ignore[no-any-return]
