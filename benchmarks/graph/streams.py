"""Streams of jobs for the inference benchmark: histories of the inputs, and who used what when.

A stream has three roles. While it runs, time moves over the histories: a job uses the tip of the
main line of that moment (or a few versions behind it), or a recent version of any branch, or an old
one, which makes a reverse insertion.

*calm*: 90 % of the jobs are on the main tip of the algorithm, 9 % on recent branches, 1 % on old
versions; the other inputs are the newest 97 % of the time. *stress*: the algorithm is at the tip
65 % of the time, the others 75 %, and about a third of the jobs uses some old version, so that each
new version has many covers.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from random import Random

from histories import History, git_like

from omprov.graph import VersionGraph

SIZES = {
    "calm": {"algorithm": 1_000_000, "dataset": 50_000, "base_model": 100_000},
    "stress": {"algorithm": 75_000, "dataset": 2_000, "base_model": 5_000},
}
"""Versions of each role's history, where nothing else is asked for."""

SHARES = {"calm": ((0.90, 0.99), (0.97, 0.995)), "stress": ((0.65, 0.92), (0.75, 0.90))}
"""For the algorithm and for other roles: the share at the tip, and that share plus recent ones."""


@dataclass(frozen=True)
class Stream:
    """Histories by role, and jobs in order: the versions used, in the order of the roles."""

    histories: dict[str, History]
    jobs: list[tuple[int, ...]]


def make_stream(kind: str, jobs: int, *, scale: float = 1.0, seed: int = 0) -> Stream:
    """Make a stream; `scale` shrinks or stretches the histories."""
    random = Random(seed)
    histories = {
        role: git_like(max(10, int(size * scale)), seed + place)
        for place, (role, size) in enumerate(SIZES[kind].items())
    }
    lines = [main_line(history) for history in histories.values()]
    sizes = [len(history) for history in histories.values()]
    steps = [
        tuple(
            pick(random, lines[place], max(1, size * (job + 1) // jobs), kind, place)
            for place, size in enumerate(sizes)
        )
        for job in range(jobs)
    ]
    return Stream(histories, steps)


def pick(random: Random, line: list[int], now: int, kind: str, place: int) -> int:
    """Choose the version that a job uses when the first `now` versions of a history are there."""
    tip, recent = SHARES[kind][min(place, 1)]
    draw = random.random()
    if draw < tip:
        behind = int(random.expovariate(0.5)) if kind == "stress" or place == 0 else 0
        return line[max(0, bisect_left(line, now) - 1 - behind)]
    if draw < recent:
        return max(0, now - 1 - int(random.expovariate(1 / 300)))
    return random.randrange(now)


def main_line(history: History) -> list[int]:
    """Follow first parents from the version with the longest way below it."""
    level = [0] * len(history)
    for version, parents in enumerate(history):
        if parents:
            level[version] = 1 + max(level[parent] for parent in parents)
    version = max(range(len(history)), key=level.__getitem__)
    line = [version]
    while history[version]:
        version = history[version][0]
        line.append(version)
    return line[::-1]


def version_graph(history: History, seed: int) -> VersionGraph[int]:
    """Make the graph of a history, with random weights."""
    random = Random(seed)
    edges = (
        (version, parent, min(1.0, random.lognormvariate(-3, 1)))
        for version, parents in enumerate(history)
        for parent in parents
    )
    return VersionGraph.load(range(len(history)), edges)
