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
"""Bytes of a chunk; only a file's last one may be smaller."""
_WINDOW = 8 << 20


def iter_chunks(source: BinaryIO) -> Iterator[memoryview]:
    """Cut what is left to read of `source` into chunks, with the memory of one window.

    Each chunk is valid only until the next one is asked for.
    """
    window = memoryview(bytearray(_WINDOW))
    for view, lengths in iter_windows(source, lambda: window):
        start = 0
        for length in lengths:
            yield view[start : start + length]
            start += length


def iter_windows(
    source: BinaryIO,
    next_window: Callable[[], memoryview],
    read: Callable[[memoryview], object] = lambda _: None,
) -> Iterator[tuple[memoryview, list[int]]]:
    """Read what is left of `source` window by window, and cut each into chunks.

    Chunks are those of the whole file: the last one in a window begins the next window, unless the
    file ends.

    Args:
        source: a file without buffer.
        next_window: gives the memory for the next window; all are of one size, at least twice
            the largest chunk. It may be the same one again.
        read: told the bytes that were read, each once and in order.

    Returns:
        The window, as far as it is filled, with the lengths of the whole chunks at its start.
    """
    find_borders = _load_fastcdc()
    rest = b""
    while True:
        window = next_window()
        window[: len(rest)] = rest
        filled = start = len(rest)
        while filled < len(window) and (count := source.readinto(window[filled:])):  # type: ignore[attr-defined]
            filled += count
        read(window[start:filled])
        at_end = filled < len(window)
        if filled == 0:
            return
        lengths = [c.length for c in find_borders(window[:filled], SMALLEST, AVERAGE, LARGEST)]
        rest = b"" if at_end else bytes(window[filled - lengths.pop() : filled])
        yield window[:filled], lengths
        if at_end:
            return


@cache
def _load_fastcdc() -> Callable[..., Any]:
    # Loaded on use: it draws in a command-line library, and small files never need it. The package
    # itself imports the slow pure version where it has no compiled one, so borders are the same.
    return import_module("fastcdc").fastcdc  # type: ignore[no-any-return]
