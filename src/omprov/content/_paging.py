"""Cuts a long sorted list into pages whose borders depend on the items alone.

The list of a folder's entries, or of a file's chunks, becomes one page where it is short; else
pages end after the items whose *mark* has certain bits zero, and a list of pages is cut the same
way, level by level, until one page is left. The same list gives the same pages whatever its
history, and a change of one item rewrites one page on each level. See `docs/format.md`.
"""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")

SHORT = 256
"""A list of at most so many items is one page."""
BITS = 7
"""So many zero bits of the mark end a page, so it holds 128 items on average."""
TOP = 8
"""The level that is never cut: the marks' 64 bits are used up."""


def paginate(
    items: Iterable[Item],
    *,
    mark: Callable[[Item], int],
    write: Callable[[int, list[Item]], Item],
) -> Item:
    """Write `items` as pages and return the item that stands for the one on top.

    Args:
        items: in order; read once, never held as a whole.
        mark: an item's 64-bit number; an item that stands for a page has its last item's.
        write: stores one page of a level and returns the item that stands for it.
    """
    level = 0
    while True:
        pages = [write(level, page) for page in _cut(items, level, mark)]
        if len(pages) == 1:
            return pages[0]
        items = pages
        level += 1


def _cut(items: Iterable[Item], level: int, mark: Callable[[Item], int]) -> Iterator[list[Item]]:
    rest = iter(items)
    head = list(islice(rest, SHORT + 1))
    if len(head) <= SHORT or level == TOP:
        yield [*head, *rest]
        return
    mask = ((1 << BITS) - 1) << (BITS * level)
    page: list[Item] = []
    for item in chain(head, rest):
        page.append(item)
        if not mark(item) & mask:
            yield page
            page = []
    if page:
        yield page
