"""Tables of results in Markdown, and the goals of the store beside what was seen."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data_sets import MEGABYTE
from places import Result
from tools import OMPROV

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from data_sets import DataSet
    from processes import Measured

HERE = Path(__file__).parent
STEPS = {
    "v1": "add v1",
    "again": "nothing new",
    "v2": "add v2",
    "diff": "diff",
    "check_out": "checkout v1",
    "switch": "switch to v2",
}

Results = dict[str, Result | str]
"""Tool → result, or the word why there is none."""


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    print("\n| " + " | ".join(headings) + " |")
    print("|---|" + "---:|" * (len(headings) - 1))
    for row in rows:
        print("| " + " | ".join(row) + " |")


def in_seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def in_megabytes(value: float) -> str:
    value /= MEGABYTE
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def cell(value: float | None, ours: float | None, show: Callable[[float], str]) -> str:
    """Show a figure, and how many times ours it is."""
    if value is None:
        return "–"
    if not ours or value == ours:
        return show(value)
    ratio = value / ours
    digits = 0 if ratio >= 10 else 1 if ratio >= 0.95 else 2
    return f"{show(value)} ({ratio:.{digits}f} ×)"


def print_figures(
    headings: Sequence[str],
    results: Results,
    figures: Callable[[Result], Sequence[float | None]],
    show: Callable[[float], str],
) -> None:
    """Print a table of one row a tool, each figure with its ratio to ours."""
    ours = results[OMPROV.name]
    base = figures(ours) if isinstance(ours, Result) else [None] * len(headings)
    rows = [
        [name, result, *[""] * (len(headings) - 1)]
        if isinstance(result, str)
        else [name, *(cell(*pair, show) for pair in zip(figures(result), base, strict=True))]
        for name, result in results.items()
    ]
    print_table(["", *headings], rows)


def seconds_of(result: Result) -> list[float | None]:
    steps = result.steps
    seconds = [steps[step].seconds if step in steps else None for step in STEPS]
    first = steps["v1"]
    return [*seconds, first.seconds + first.sync_seconds]


def cpu_seconds_of(result: Result) -> list[float | None]:
    steps = result.steps
    return [steps[step].cpu_seconds if step in steps else None for step in STEPS]


def elsewhere(result: Result) -> str:
    """Say how many cores were busy with something else while a tool was measured."""
    steps = result.steps.values()
    return f"{sum(s.elsewhere * s.seconds for s in steps) / sum(s.seconds for s in steps):.1f}"


def bytes_of(result: Result) -> list[float | None]:
    steps = result.steps
    peaks = [steps[step].resident for step in ("v1", "v2", "check_out")]
    return [*peaks, steps["v1"].largest, result.first, result.growth]


def print_results(data_set: DataSet, limits: Mapping[str, Measured], results: Results) -> None:
    """Print three tables of the tools, of time, processor time and bytes, and one of the limits."""
    print(f"\n### {data_set.name.capitalize()}: {data_set.title}")
    headings = [*STEPS.values(), "add v1 and `sync`"]
    print_figures([f"{heading} s" for heading in headings], results, seconds_of, in_seconds)
    headings = [f"{heading} CPU s" for heading in STEPS.values()]
    print_figures(headings, results, cpu_seconds_of, in_seconds)
    busy = (f"{name} {elsewhere(one)}" for name, one in results.items() if isinstance(one, Result))
    print("\nCores busy with something else meanwhile:", " · ".join(busy))
    headings = [
        "peak RSS, add v1 MB",
        "add v2",
        "checkout",
        "largest process, add v1",
        "store after v1 MB",
        "growth by v2 MB",
    ]
    print_figures(headings, results, bytes_of, in_megabytes)
    ours = results[OMPROV.name]
    rows = [
        [
            name,
            in_seconds(one.seconds),
            in_seconds(one.seconds + one.sync_seconds),
            f"{ours.steps['v1'].seconds / one.seconds:.1f} ×" if isinstance(ours, Result) else "–",
        ]
        for name, one in limits.items()
    ]
    print_table(["limit", "s", "and `sync` s", "our add v1 ÷ limit"], rows)


@dataclass(frozen=True)
class Goal:
    """What is aimed at, and what was seen; `seen` is None where a peer is missing."""

    name: str
    seen: float | None
    bound: float
    unit: str
    at_least: bool = False

    def row(self) -> list[str]:
        sign = "≥" if self.at_least else "≤"
        goal = f"{sign} {self.bound:g} {self.unit}"
        if self.seen is None:
            return [self.name, "–", goal, "not seen"]
        met = self.seen >= self.bound if self.at_least else self.seen <= self.bound
        return [self.name, f"{self.seen:.2f} {self.unit}", goal, "yes" if met else "**no**"]


def times_faster(results: Results, peer: str, step: str) -> float | None:
    ours, theirs = results[OMPROV.name], results.get(peer)
    if not isinstance(ours, Result) or not isinstance(theirs, Result):
        return None
    return theirs.steps[step].seconds / ours.steps[step].seconds


def goals_of(data_set: DataSet, limits: Mapping[str, Measured], results: Results) -> list[Goal]:
    name, ours, copying = data_set.name, results[OMPROV.name], "dvc add, copy"
    if not isinstance(ours, Result):
        return []
    wanted = {copying: 5, "restic": 2, "borg": 2} if data_set.name == "small" else {copying: 3}
    peak = max(step.resident for step in ours.steps.values()) / MEGABYTE
    goals = [
        Goal(
            f"{name}: add v1, faster than {peer}",
            times_faster(results, peer, "v1"),
            times,
            "×",
            at_least=True,
        )
        for peer, times in wanted.items()
    ]
    if data_set.name == "large":
        copy = limits["`cp -r`"].seconds
        goals.append(Goal("large: add v1 ÷ `cp -r`", ours.steps["v1"].seconds / copy, 2, "×"))
    return [
        *goals,
        Goal(f"{name}: add, nothing new", ours.steps["again"].seconds, 0.4, "s"),
        Goal(
            f"{name}: growth by v2 ÷ changed bytes", ours.growth / data_set.changed_bytes, 1.3, "×"
        ),
        Goal(
            f"{name}: checkout from nothing, faster than dvc copying",
            times_faster(results, copying, "check_out"),
            2,
            "×",
            at_least=True,
        ),
        Goal(f"{name}: peak RSS of any step", peak, 400, "MB"),
    ]


def goal_of_diff(files: int) -> Goal:
    """Take the figure of benchmarks/diff/files.py, which compares trees of the content store."""
    script = HERE.parent / "diff" / "files.py"
    command = [sys.executable, script, "--files", str(files), "--on-disk", "200"]
    report = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = [line.split(" | ") for line in report.splitlines() if "omprov, again" in line]
    worst = max(float(row[3]) for row in rows if row[0] == f"| {files:,}")
    return Goal(f"diff of {files:,} files, 100 changed, after load", worst, 50, "ms")
