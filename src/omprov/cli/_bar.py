"""The progress bar: bytes, items, rate and time left, on a terminal."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from omprov.content import Done, Expected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from rich.progress import Task


class _Items(ProgressColumn):
    """How many files, or packs, of how many."""

    def render(self, task: Task) -> Text:
        done, expected = task.fields["items"], task.fields["expected"]
        return Text(f"{done:,} of {expected:,}" if expected else f"{done:,}")


@contextlib.contextmanager
def progress_bar(
    what: str, console: Console, *, by_items: bool = False
) -> Iterator[Callable[[Done | Expected], None]]:
    """Show a bar as long as the block runs; give what is to be told the progress.

    Args:
        what: what is being done, for instance ``storing``.
        console: where it is drawn.
        by_items: items are counted and no bytes.
    """
    columns = [
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        *(() if by_items else (DownloadColumn(),)),
        _Items(),
        *(() if by_items else (TransferSpeedColumn(),)),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    ]
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=None, items=0, expected=0)
        items = 0

        def tell(news: Done | Expected) -> None:
            nonlocal items
            if isinstance(news, Expected):
                total = news.items if by_items else news.bytes
                bar.update(task, total=total, expected=news.items)
            else:
                items += news.items
                advance = news.items if by_items else news.bytes
                bar.update(task, advance=advance, items=items)

        yield tell
