"""Whole processes measured from outside: wall seconds, and the peak memory of the whole tree.

Memory is read from /proc (Linux), every 50 ms and more often at the start: the largest sum of
resident memory over the process and all its descendants, which counts pages that they share once
for each; the largest sum of anonymous memory, which leaves out mapped files; and the high-water
mark of the largest single process, which the kernel keeps, so that no sample can miss it by much.

How many cores were busy with something else meanwhile says whether the seconds can be trusted.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

KILOBYTE = 1024
INTERVAL = 0.05


class Failed(Exception):
    """A measured command said no; carries its last words."""


@dataclass(frozen=True)
class Measured:
    """What one process took, its descendants included; memory in bytes."""

    seconds: float
    cpu_seconds: float
    elsewhere: float
    """Cores that other processes kept busy, on average."""
    resident: int
    anonymous: int
    largest: int
    sync_seconds: float


def read_text(path: str) -> str:
    """Read a file of /proc; of a process that is gone, nothing."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def iter_tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return
    for thread in threads:
        for child in read_text(f"{thread}/children").split():
            yield from iter_tree(int(child))


def memory_of(pid: int) -> dict[str, int]:
    """Return the memory figures of one process in bytes, by the kernel's names."""
    lines = (line.split() for line in read_text(f"/proc/{pid}/status").splitlines())
    return {words[0]: int(words[1]) * KILOBYTE for words in lines if words[-1] == "kB"}


class Sampler(threading.Thread):
    """Watches a tree of processes until it is told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.resident = self.anonymous = self.largest = 0
        self.over = threading.Event()

    def sample(self) -> None:
        each = [memory_of(pid) for pid in iter_tree(self.pid)]
        self.resident = max(self.resident, sum(one.get("VmRSS:", 0) for one in each))
        self.anonymous = max(self.anonymous, sum(one.get("RssAnon:", 0) for one in each))
        self.largest = max(self.largest, *(one.get("VmHWM:", 0) for one in each), 0)

    def run(self) -> None:
        start = time.perf_counter()
        self.sample()
        while not self.over.wait(min(INTERVAL, 0.002 + (time.perf_counter() - start) / 10)):
            self.sample()


def busy_seconds() -> float:
    """Return the processor seconds that all cores have worked since the machine started."""
    user, nice, system, _, _, interrupts, soft_interrupts, *_ = map(
        int, read_text("/proc/stat").split("\n", 1)[0].split()[1:]
    )
    ticks = user + nice + system + interrupts + soft_interrupts
    return ticks / os.sysconf("SC_CLK_TCK")


def measure(command: Sequence[str | Path], folder: Path, env: Mapping[str, str]) -> Measured:
    """Run a command in a folder, all dirty pages written beforehand.

    Its output goes to a file, so that no tool waits for a reader. `sync` after it is timed apart:
    what the tool has left to the kernel.

    Raises:
        Failed: its exit status is not 0.
    """
    words = folder / "words.log"
    os.sync()
    with words.open("wb") as output:
        start, busy = time.perf_counter(), busy_seconds()
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        sampler = Sampler(child.pid)
        sampler.start()
        _, status, used = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        busy = busy_seconds() - busy
        child.returncode = os.waitstatus_to_exitcode(status)
    cpu_seconds = used.ru_utime + used.ru_stime
    sampler.over.set()
    sampler.join()
    if child.returncode:
        raise Failed(words.read_text(encoding="utf-8", errors="replace").strip()[-300:])
    start = time.perf_counter()
    os.sync()
    return Measured(
        seconds=seconds,
        cpu_seconds=cpu_seconds,
        elsewhere=max(0.0, busy - cpu_seconds) / seconds,
        resident=max(sampler.resident, sampler.largest),
        anonymous=sampler.anonymous,
        largest=sampler.largest,
        sync_seconds=time.perf_counter() - start,
    )


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(
        (Path(place) / name).lstat().st_size
        for place, _, names in os.walk(folder)
        for name in names
    )
