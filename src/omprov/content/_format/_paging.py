"""Cuts a long sorted list into pages whose borders depend on the items alone.

The list of a folder's entries, or of a file's chunks, becomes one page where it is short; else
pages end after the items whose *mark* has certain bits zero, and a list of pages is cut the same
way, level by level, until one page is left. The same list gives the same pages whatever its
history, and a change of one item rewrites one page on each level. See `docs/format.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Item = TypeVar("Item")

SHORT = 64
"""A list of at most so many items is one page."""
BITS = 5
"""So many zero bits of the mark end a page, so it holds 32 items on average."""
TOP = 12
"""The level that is never cut: the marks' 64 bits are used up."""


class Pager(Generic[Item]):
    """Takes the items of one list in order and writes its pages; holds one page of each level.

    Args:
        mark: an item's 64-bit number; an item that stands for a page has its last item's.
        write: stores one page of a level and returns the item that stands for it.
        level: 0 for the items themselves.
    """

    def __init__(
        self, mark: Callable[[Item], int], write: Callable[[int, list[Item]], Item], level: int = 0
    ) -> None:
        self._mark = mark
        self._write = write
        self._level = level
        self._mask = ((1 << BITS) - 1) << (BITS * level)
        self._page: list[Item] = []
        self._above: Pager[Item] | None = None

    def add(self, item: Item) -> None:
        """Take the next item."""
        self._page.append(item)
        if self._above is not None:
            if not self._mark(item) & self._mask:
                self._end_page()
        elif len(self._page) > SHORT and self._level < TOP:
            head, self._page = self._page, []
            self._above = Pager(self._mark, self._write, self._level + 1)
            for one in head:
                self.add(one)

    def extend(self, items: Sequence[Item]) -> None:
        """Take the next items."""
        if self._above is None and len(self._page) + len(items) <= SHORT:
            self._page += items
            return
        for item in items:
            self.add(item)

    def finish(self) -> Item:
        """Write what is left; return the item that stands for the page on top."""
        above = self._above
        if above is None:
            return self._write(self._level, self._page)
        if self._page:
            self._end_page()
        return above.only or above.finish()

    @property
    def only(self) -> Item | None:
        """The item, where there is only one."""
        return self._page[0] if self._above is None and len(self._page) == 1 else None

    def _end_page(self) -> None:
        assert self._above is not None
        page, self._page = self._page, []
        self._above.add(self._write(self._level, page))


def paginate(
    items: Iterable[Item],
    *,
    mark: Callable[[Item], int],
    write: Callable[[int, list[Item]], Item],
) -> Item:
    """Write `items` as pages and return the item that stands for the one on top; see `Pager`."""
    pager = Pager(mark, write)
    for item in items:
        pager.add(item)
    return pager.finish()
