"""Measuring in processes of their own, and tables of the results."""

from __future__ import annotations

import gc
import os
import time
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


def resident_bytes() -> int:
    """Return the resident memory of this process (Linux)."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE")


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
"""Processor time is the fairer clock on a machine that others use too; all contenders here run in
one thread."""

_clock = {"now": time.perf_counter}


def now() -> float:
    """Return seconds by the clock that was chosen."""
    return _clock["now"]()


def _call(function: Callable[..., Any], clock: str, arguments: tuple[Any, ...]) -> Any:
    _clock["now"] = CLOCKS[clock]
    return function(*arguments)


def in_own_process(function: Callable[..., Any], clock: str, *arguments: Any) -> Any:
    """Call a function in a fresh interpreter, so that its memory and garbage are its own."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_call, (function, clock, arguments))


class Built:
    """What a contender has built, with the seconds and the bytes that it took."""

    def __init__(self, build: Callable[[], Any]) -> None:
        gc.collect()
        before = resident_bytes()
        started = now()
        self.value = build()
        self.seconds = now() - started
        gc.collect()
        self.bytes = resident_bytes() - before


def time_each(
    call: Callable[[Any, Any], Any], pairs: Iterable[tuple[Any, Any]], budget: float
) -> tuple[np.ndarray, list[Any]]:
    """Call with one pair after the other until the pairs or `budget` seconds are used up.

    Returns:
        microseconds of each call, and the answers.
    """
    times, answers = [], []
    end = now() + budget
    for first, second in pairs:
        started = now()
        answer = call(first, second)
        stopped = now()
        times.append((stopped - started) * 1e6)
        answers.append(answer)
        if stopped > end:
            break
    return np.array(times), answers


def time_together(call: Callable[[Any, Any], Any], pairs: Sequence[tuple[Any, Any]]) -> float:
    """Return the mean microseconds of a call in a plain loop, without a clock between the calls."""
    best = float("inf")
    for _ in range(3):
        started = now()
        for first, second in pairs:
            call(first, second)
        best = min(best, now() - started)
    return best / len(pairs) * 1e6


def show(value: float) -> str:
    """Write a figure with three significant digits."""
    if value == 0 or not np.isfinite(value):
        return "–" if value != 0 else "0"
    digits = max(0, 2 - int(np.floor(np.log10(abs(value)))))
    return f"{value:,.{digits}f}"


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a markdown table."""
    print("| " + " | ".join(headings) + " |")
    print("|" + "---|" * len(headings))
    for row in rows:
        print("| " + " | ".join(row) + " |", flush=True)
