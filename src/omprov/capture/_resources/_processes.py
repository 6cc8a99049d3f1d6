"""The processes of a run, read from ``/proc``: what they use, together.

A process belongs to the run when its parent did as it was first seen; it is followed until it ends,
also when its parent went before it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Usage:
    """What processes use now, and did since they were first seen.

    Attributes:
        cpu: seconds of all that were seen, ended ones included.
        memory: bytes in memory, of those that run; pages that several share count for each.
        processes: how many run.
        read: bytes that were read from disks; ``None`` where the system does not say.
        written: bytes that were written to disks; the same.
    """

    cpu: float
    memory: int
    processes: int
    read: int | None
    written: int | None


@dataclass(slots=True)
class _Process:
    """One process: what was last read of it."""

    start: bytes
    cpu: int = 0
    memory: int = 0
    read: int | None = None
    written: int | None = None


class Tree:
    """A process and all that came of it.

    Args:
        pid: the first process.
    """

    def __init__(self, pid: int) -> None:
        self._root = pid
        self._begun = False
        self._running: dict[int, _Process] = {}
        self._ended = _Process(b"")

    def look(self) -> Usage:
        """Read what all processes use now."""
        self._find()
        for pid, process in [*self._running.items()]:
            if not _read(pid, process):
                self._end(self._running.pop(pid))
        running = self._running.values()
        cpu = self._ended.cpu + sum(process.cpu for process in running)
        return Usage(
            cpu / _TICK,
            sum(process.memory for process in running) * _PAGE,
            len(self._running),
            _sum([self._ended.read, *(process.read for process in running)]),
            _sum([self._ended.written, *(process.written for process in running)]),
        )

    def _find(self) -> None:
        """Look for processes that were started since."""
        waiting = [*self._running] if self._begun else [self._root]
        self._begun = True  # its number may become another one's
        seen: set[int] = set()
        while waiting:
            pid = waiting.pop()
            if pid in seen:
                continue
            seen.add(pid)
            if pid not in self._running:
                start = _start(pid)
                if start is None:
                    continue
                self._running[pid] = _Process(start)
            waiting += _children(pid)

    def _end(self, process: _Process) -> None:
        self._ended.cpu += process.cpu
        self._ended.read = _sum([self._ended.read, process.read])
        self._ended.written = _sum([self._ended.written, process.written])


def is_readable() -> bool:
    """Say whether this system has a ``/proc`` that tells what is needed."""
    return (PROC / "self/stat").exists()


def _sum(values: list[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _stat(pid: int) -> list[bytes] | None:
    """Return the fields after the name, which may hold anything; ``None`` of one that is gone."""
    try:
        fields = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if not fields or fields[0] in {b"Z", b"X"} else fields


def _start(pid: int) -> bytes | None:
    fields = _stat(pid)
    return None if fields is None else fields[19]


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(PROC / str(pid) / "task"):  # noqa: PTH208 - names alone
            path = PROC / str(pid) / "task" / task / "children"
            found += map(int, path.read_bytes().split())
    except (OSError, ValueError):
        pass
    return found


def _read(pid: int, process: _Process) -> bool:
    """Bring what is known of a process up to date; say whether it still runs."""
    fields = _stat(pid)
    if fields is None or fields[19] != process.start:  # another one got its number
        return False
    process.cpu = int(fields[11]) + int(fields[12])
    process.memory = int(fields[21])
    try:
        said = dict(
            line.split(b": ") for line in (PROC / str(pid) / "io").read_bytes().splitlines()
        )
        process.read, process.written = int(said[b"read_bytes"]), int(said[b"write_bytes"])
    except (OSError, ValueError, KeyError):
        pass
    return True
