"""Samples what the processes of a run use, in a thread of the process that started them."""

from __future__ import annotations

import resource
import sys
import threading
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from omprov.capture._nvml import open_nvml, visible_gpus

from ._energy import CpuEnergy
from ._processes import Tree, is_readable
from ._resources import Resources
from ._series import Series

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from omprov.capture._nvml import Gpu, Nvml

    from ._processes import Usage

INTERVAL = 1.0
"""Seconds between samples; the first come sooner, so that short runs have some, too."""
_FIRST = 0.05
_COST = 200
"""So many times as long as a sample takes is waited at least: under 0.5 % of a core."""
_MOST = 1_000
_MIB = 1 << 20
_GIVEN_UP = 2.0
"""Seconds that `Sampler.stop` waits for a driver that does not answer."""


class Sampler:
    """Samples until it is stopped; made by `sample_resources`."""

    def __init__(
        self,
        pid: int,
        *,
        interval: float,
        most: int,
        gpus: str | None,
        clock: Callable[[], float],
    ) -> None:
        self._tree = Tree(pid)
        self._interval, self._clock = interval, clock
        self._series = Series(most)
        self._gpu_setting = gpus
        self._energy = CpuEnergy()
        self._totals = _Totals()
        self._last: tuple[float, Usage] | None = None
        self._last_joules: float | None = None
        self._began = clock()
        self._children = _children_usage()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="omprov-resources", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, usage: resource.struct_rusage | None = None) -> Resources:
        """End, and return what was used. A second call returns the same.

        Args:
            usage: what ``os.wait4`` said of the first process; where left out, what this process
                knows of all its children that ended since the beginning.
        """
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(_GIVEN_UP)
        seconds = self._clock() - self._began
        with self._lock:
            cpu, peak = _own_sums(usage, self._children)
            times, curves = self._series.finish()
            return Resources(times, curves, self._totals.finish(seconds, cpu, peak))

    def _run(self) -> None:
        with ExitStack() as stack:
            nvml = stack.enter_context(open_nvml())
            gpus = [] if nvml is None else visible_gpus(nvml.gpus(), self._gpu_setting)
            pause = _FIRST
            while True:
                before = time.thread_time()
                with suppress(OSError, ValueError, IndexError):  # a system that says it otherwise
                    self._sample(nvml, gpus)
                cost = time.thread_time() - before
                if self._stop.wait(max(min(pause, self._interval), cost * _COST)):
                    with suppress(OSError, ValueError, IndexError):
                        self._sample(nvml, gpus)  # what lasted to the end
                    return
                pause *= 1.5

    def _sample(self, nvml: Nvml | None, gpus: list[Gpu]) -> None:
        """Take one sample; the first gives no rates."""
        usage = self._tree.look()
        now = self._clock() - self._began
        values: dict[str, float] = {}
        if usage.processes:
            values |= {"memory": usage.memory / _MIB, "processes": usage.processes}
        if self._last is not None and now > self._last[0]:
            values |= _rates(self._last, (now, usage))
        values |= self._energies(now)
        for gpu in gpus:
            assert nvml is not None
            state = nvml.state(gpu.index)
            told = {"use": state.use, "memory": state.memory, "power": state.power}
            values |= {
                f"gpu.{gpu.index}/{name}": value
                for name, value in told.items()
                if value is not None
            }
            self._totals.gpu_energy(gpu.index, now, state.energy, state.power)
        with self._lock:
            self._totals.add(usage, values)
            if values:
                self._series.add(round(now, 3), values)
        self._last = now, usage

    def _energies(self, now: float) -> dict[str, float]:
        joules = self._energy.joules()
        if joules is None:
            return {}
        before, self._last_joules = self._last_joules, joules
        self._totals.cpu_joules = joules
        if before is None or self._last is None or now <= self._last[0]:
            return {}
        return {"cpu/power": (joules - before) / (now - self._last[0])}


def sample_resources(
    pid: int,
    *,
    interval: float = INTERVAL,
    most: int = _MOST,
    gpus: str | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Sampler:
    """Begin to sample what a process and all that it starts use.

    A thread reads ``/proc`` and the drivers' counters, at first often, then once in `interval`;
    where a sample takes long, less often. It stops with `Sampler.stop`, and with this process.
    Where there is no ``/proc``, only the totals that the system keeps are known.

    Args:
        pid: the first process.
        interval: seconds between samples.
        most: points of a curve; of longer runs two and two are joined.
        gpus: ``CUDA_VISIBLE_DEVICES`` of the run.
        clock: seconds; it must never go back.
    """
    sampler = Sampler(pid, interval=interval, most=most, gpus=gpus, clock=clock)
    if is_readable():
        sampler.start()
    return sampler


def _rates(before: tuple[float, Usage], after: tuple[float, Usage]) -> dict[str, float]:
    """Return percent of one core, and MiB that were read and written each second."""
    seconds = after[0] - before[0]
    rates = {"cpu": max(0.0, after[1].cpu - before[1].cpu) / seconds * 100}
    for name in ("read", "written"):
        old, new = getattr(before[1], name), getattr(after[1], name)
        if new is not None:
            rates[name] = max(0, new - (old or 0)) / seconds / _MIB
    return rates


class _Totals:
    """Sums, means and peaks."""

    def __init__(self) -> None:
        self.cpu_joules: float | None = None
        self._peaks: dict[str, float] = {}
        self._sums: dict[str, tuple[float, int]] = {}
        self._usage: Usage | None = None
        self._gpu_first: dict[int, float] = {}
        self._gpu_joules: dict[int, float] = {}
        self._gpu_last: dict[int, float] = {}

    def add(self, usage: Usage, values: Mapping[str, float]) -> None:
        self._usage = usage
        for name, value in values.items():
            self._peaks[name] = max(value, self._peaks.get(name, value))
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = total + value, count + 1

    def gpu_energy(self, index: int, now: float, joules: float | None, watts: float | None) -> None:
        """Take a GPU's energy by its counter; by its power over time where it has none."""
        if joules is not None:
            self._gpu_joules[index] = joules - self._gpu_first.setdefault(index, joules)
        elif watts is not None:
            lasted = now - self._gpu_last.get(index, now)
            self._gpu_joules[index] = self._gpu_joules.get(index, 0.0) + watts * lasted
        self._gpu_last[index] = now

    def finish(self, seconds: float, cpu: float, peak: float) -> dict[str, float]:
        usage = self._usage
        totals = {
            "seconds": seconds,
            "cpu_seconds": max(cpu, usage.cpu if usage is not None else 0.0),
            "memory_peak_mib": max(peak / _MIB, self._peaks.get("memory", 0.0)),
        }
        if "processes" in self._peaks:
            totals["processes_peak"] = self._peaks["processes"]
        for name in ("read", "written"):
            value = None if usage is None else getattr(usage, name)
            if value is not None:
                totals[f"{name}_mib"] = value / _MIB
        for name, (total, count) in self._sums.items():
            if name.startswith("gpu."):
                gpu, what = name.split("/")
                unit = {"use": "percent", "memory": "mib", "power": "watts"}[what]
                totals[f"{gpu}_{what}_mean_{unit}"] = total / count
                totals[f"{gpu}_{what}_peak_{unit}"] = self._peaks[name]
        if self.cpu_joules is not None:
            totals["cpu_energy_wh"] = self.cpu_joules / 3600
        if self._gpu_joules:
            totals["gpu_energy_wh"] = sum(self._gpu_joules.values()) / 3600
        return totals


def _children_usage() -> resource.struct_rusage:
    return resource.getrusage(resource.RUSAGE_CHILDREN)


def _own_sums(
    usage: resource.struct_rusage | None, before: resource.struct_rusage
) -> tuple[float, float]:
    """Return seconds of processor time, and the most bytes that one process had in memory."""
    unit = 1 if sys.platform == "darwin" else 1024
    if usage is not None:
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit
    now = _children_usage()
    cpu = now.ru_utime + now.ru_stime - before.ru_utime - before.ru_stime
    grown = now.ru_maxrss > before.ru_maxrss  # else it may be of an earlier child
    return cpu, now.ru_maxrss * unit if grown else 0.0
