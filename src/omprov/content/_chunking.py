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
    find_borders = _load_fastcdc()
    window = bytearray(_WINDOW)
    filled = 0
    while True:
        read = source.readinto(memoryview(window)[filled:])  # type: ignore[attr-defined]
        filled += read
        at_end = filled < _WINDOW and not read
        if at_end and not filled:
            return
        if not at_end and filled < _WINDOW:
            continue
        view = memoryview(window)[:filled]
        lengths = [c.length for c in find_borders(view, SMALLEST, AVERAGE, LARGEST)]
        start = 0
        for length in lengths if at_end else lengths[:-1]:
            yield view[start : start + length]
            start += length
        if at_end:
            return
        window[: filled - start] = window[start:filled]
        filled -= start


@cache
def _load_fastcdc() -> Callable[..., Any]:
    # Loaded on use: it draws in a command-line library, and small files never need it. The package
    # itself imports the slow pure version where it has no compiled one, so borders are the same.
    return import_module("fastcdc").fastcdc  # type: ignore[no-any-return]
