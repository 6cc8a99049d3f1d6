"""The progress bar, as a terminal shows it."""

from __future__ import annotations

import io

from rich.console import Console

from omprov.cli._bar import progress_bar
from omprov.content import Done, Expected


def test_the_bar_tells_bytes_items_rate_and_time_left():
    screen = Console(file=io.StringIO(), force_terminal=True, width=120)
    with progress_bar("storing", screen) as tell:
        tell(Expected(2000, 4_000_000))
        tell(Done(1500, 3_000_000))
        tell(Done(500, 1_000_000))
    shown = screen.file.getvalue()
    for words in ("storing", "100%", "4.0/4.0 MB", "2,000 of 2,000"):
        assert words in shown


def test_the_bar_does_without_an_end_to_expect():
    screen = Console(file=io.StringIO(), force_terminal=True, width=120)
    with progress_bar("verifying", screen) as tell:
        tell(Done(7, 3_000))
    assert "7" in screen.file.getvalue()
    assert " of " not in screen.file.getvalue()


def test_a_bar_of_items_tells_no_bytes():
    screen = Console(file=io.StringIO(), force_terminal=True, width=120)
    with progress_bar("importing", screen, by_items=True) as tell:
        tell(Expected(2000, 0))
        tell(Done(500, 0))
        tell(Done(1500, 0))
    shown = screen.file.getvalue()
    assert "100%" in shown
    assert "2,000 of 2,000" in shown
    assert "bytes" not in shown
