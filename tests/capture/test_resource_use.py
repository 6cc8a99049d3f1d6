"""What real processes use: processor, memory, energy; GPUs by a library of their interface."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omprov.capture import _nvml
from omprov.capture._nvml import Gpu, open_nvml, visible_gpus
from omprov.capture._resources import Resources, sample_resources
from omprov.capture._resources._energy import CpuEnergy
from omprov.capture._resources._processes import Tree, is_readable
from omprov.capture._resources._series import Series

needs_proc = pytest.mark.skipif(not is_readable(), reason="there is no /proc")

WORK = """
import multiprocessing, sys, time
def work(pipe):
    block = bytearray(64 << 20)
    end = time.process_time() + 0.3
    while time.process_time() < end:
        sum(range(1000))
    pipe.send(1)
    pipe.recv()
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe() for _ in range(2)]
    workers = [context.Process(target=work, args=(theirs,)) for _, theirs in pipes]
    for worker in workers: worker.start()
    for ours, _ in pipes: ours.recv()
    print("ready", flush=True)
    sys.stdin.readline()
    for ours, _ in pipes: ours.send(1)
    for worker in workers: worker.join()
"""


def start(code):
    return subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def say(child):
    child.stdin.write(b"\n")
    child.stdin.flush()


def until(condition, child):
    for _ in range(200_000):
        if condition():
            return
        assert child.poll() is None
    pytest.fail("it never came to that")


def wait(child):
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    child.stdin.close()
    child.stdout.close()
    return usage


@needs_proc
def test_a_program_and_its_workers_count_together():
    child = start(WORK)
    sampler = sample_resources(child.pid, interval=0.02)
    assert child.stdout.readline() == b"ready\n"
    seen = Tree(child.pid).look()
    assert seen.processes == 3
    say(child)
    usage = wait(child)
    found = sampler.stop(usage)
    assert found.totals["cpu_seconds"] >= 0.5
    assert found.totals["cpu_seconds"] >= usage.ru_utime + usage.ru_stime
    assert found.totals["memory_peak_mib"] >= 128
    assert found.totals["processes_peak"] == 3
    assert {"cpu", "memory", "processes"} <= set(found.curves)
    assert list(found.times) == sorted(found.times)
    assert all(len(curve) == len(found.times) for curve in found.curves.values())
    assert sampler.stop(usage).times == found.times
    json.dumps(found.to_json())


FAMILY = """
import os
read, write = os.pipe()
if not os.fork():
    os.close(write)
    if not os.fork():
        os.read(read, 1)  # until the first one ends
        os._exit(0)
    os.read(0, 1)
    os._exit(0)
os.close(read)
os.wait()
os.write(1, b"left\\n")
os.read(0, 1)
"""


@needs_proc
def test_what_outlives_its_parent_is_still_followed():
    child = start(FAMILY)
    tree = Tree(child.pid)
    until(lambda: tree.look().processes == 3, child)
    say(child)
    assert child.stdout.readline() == b"left\n"
    assert Tree(child.pid).look().processes == 1
    assert tree.look().processes == 2
    say(child)
    wait(child)


@needs_proc
def test_ended_processes_keep_what_they_used():
    child = start("import time\nwhile time.process_time() < 0.3: sum(range(1000))\ninput()")
    tree = Tree(child.pid)
    until(lambda: tree.look().cpu >= 0.2, child)  # it counts in ticks
    say(child)
    wait(child)
    ended = tree.look()
    assert (ended.processes, ended.memory) == (0, 0)
    assert ended.cpu >= 0.2


def test_a_program_that_is_gone_at_once_has_the_totals_of_the_system():
    child = start("x = bytearray(50 << 20)")
    usage = wait(child)
    found = sample_resources(child.pid).stop(usage)
    assert found.totals["cpu_seconds"] == pytest.approx(usage.ru_utime + usage.ru_stime)
    assert found.totals["memory_peak_mib"] == pytest.approx(usage.ru_maxrss / 1024)
    assert found.totals["seconds"] >= 0


def test_stopping_without_usage_asks_the_system():
    child = start("import time\nwhile time.process_time() < 0.2: sum(range(1000))")
    sampler = sample_resources(child.pid)
    child.wait()
    child.stdin.close()
    child.stdout.close()
    assert sampler.stop().totals["cpu_seconds"] >= 0.1


def test_the_thread_ends_when_it_is_stopped():
    child = start("input()")
    sampler = sample_resources(child.pid)
    say(child)
    sampler.stop(wait(child))
    assert not any(thread.name == "omprov-resources" for thread in threading.enumerate())


points = st.lists(st.floats(0, 1e6), min_size=1, max_size=300)


@given(points, st.integers(2, 40))
def test_curves_stay_short_and_keep_their_peak_mean_and_end(values, most):
    series = Series(most)
    for place, value in enumerate(values):
        series.add(float(place), {"memory": value, "cpu": value})
    times, curves = series.finish()
    assert len(times) <= most + 1
    assert times == sorted(times)
    assert times[-1] == len(values) - 1
    assert max(curves["memory"]) == max(values)
    assert min(values) - 1e-6 <= min(curves["cpu"])
    assert max(curves["cpu"]) <= max(values) + 1e-6
    if len(values) <= most:
        assert curves["cpu"] == values


def test_curves_as_metrics():
    began = datetime(2026, 1, 1, tzinfo=UTC)
    found = Resources([0.5, 1.5], {"cpu": [None, 50.0], "memory": [1.0, 2.0]}, {"seconds": 2.0})
    assert [tuple(point) for point in found.points(began)] == [
        ("system/cpu", 1, 50.0, began + timedelta(seconds=1.5)),
        ("system/memory", 0, 1.0, began + timedelta(seconds=0.5)),
        ("system/memory", 1, 2.0, began + timedelta(seconds=1.5)),
    ]


def test_energy_counters_that_begin_anew(tmp_path):
    for name, energy in (("intel-rapl:0", 900), ("intel-rapl:0:0", 5), ("intel-rapl:1", 100)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "energy_uj").write_text(f"{energy}000000\n")
        (tmp_path / name / "max_energy_range_uj").write_text("1000000000\n")
    energy = CpuEnergy(tmp_path)
    assert energy.joules() == 0
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("50000000\n")
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("130000000\n")
    assert energy.joules() == 150 + 30
    (tmp_path / "intel-rapl:1" / "energy_uj").unlink()
    assert energy.joules() == 180
    assert CpuEnergy(tmp_path / "none").joules() is None


GPUS = [Gpu(0, "GPU-aa11", "A", 1), Gpu(1, "GPU-ab22", "A", 1), Gpu(2, "GPU-cc33", "B", 1)]


@pytest.mark.parametrize(
    ("setting", "indices"),
    [
        (None, [0, 1, 2]),
        ("", []),
        ("-1", []),
        ("2, 0", [2, 0]),
        ("1,7,0", [1]),
        ("GPU-cc33,GPU-aa", [2, 0]),
        ("GPU-a", []),
    ],
)
def test_which_gpus_a_program_may_use(setting, indices):
    assert [gpu.index for gpu in visible_gpus(GPUS, setting)] == indices


LIBRARY = r"""
#include <string.h>
typedef unsigned long long u64;
typedef unsigned int u32;
typedef void *dev;
typedef struct { u64 total, free, used; } memory;
typedef struct { u32 gpu, memory; } rates;
static const u64 base = 0x7f0000000001ULL;
static int opened = 0;
static u64 energy = 1000000;
static int place(dev d) { return (int)((u64)d - base); }
static int say(char *out, u32 size, const char *text) { strncpy(out, text, size); return 0; }
int opened_now(void) { return opened; }
int nvmlInit_v2(void) { opened++; return 0; }
int nvmlShutdown(void) { opened--; return 0; }
int nvmlSystemGetDriverVersion(char *out, u32 size) { return say(out, size, "550.1"); }
int nvmlSystemGetCudaDriverVersion_v2(int *out) { *out = 12040; return 0; }
int nvmlDeviceGetCount_v2(u32 *out) { *out = 2; return 0; }
int nvmlDeviceGetHandleByIndex_v2(u32 index, dev *out) { *out = (dev)(base + index); return 0; }
int nvmlDeviceGetName(dev d, char *out, u32 size) { return say(out, size, "Some GPU"); }
int nvmlDeviceGetUUID(dev d, char *out, u32 size) {
  return say(out, size, place(d) ? "GPU-b" : "GPU-a");
}
int nvmlDeviceGetMemoryInfo(dev d, memory *out) {
  out->total = 85899345920ULL; out->used = 5368709120ULL * (1 + place(d)); out->free = 0;
  return 0;
}
int nvmlDeviceGetUtilizationRates(dev d, rates *out) {
  out->gpu = 70 + place(d); out->memory = 5;
  return 0;
}
int nvmlDeviceGetPowerUsage(dev d, u32 *out) { *out = 300500; return 0; }
int nvmlDeviceGetTotalEnergyConsumption(dev d, u64 *out) {
  if (place(d)) return 3;
  *out = energy += 3600000;
  return 0;
}
"""
"""A library with the documented interface of NVML, as its header declares it."""


@pytest.fixture
def gpu_library(tmp_path, monkeypatch):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    source = tmp_path / "nvml.c"
    source.write_text(LIBRARY)
    library = tmp_path / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    monkeypatch.setattr(_nvml, "_LIBRARY", str(library))
    return ctypes.CDLL(str(library))


def test_gpus_are_read_through_the_drivers_interface(gpu_library):
    with open_nvml() as nvml:
        assert gpu_library.opened_now() == 1
        assert (nvml.driver(), nvml.cuda()) == ("550.1", "12.4")
        assert nvml.gpus() == [
            Gpu(0, "GPU-a", "Some GPU", 81920),
            Gpu(1, "GPU-b", "Some GPU", 81920),
        ]
        state = nvml.state(1)
        assert (state.use, state.memory, state.power, state.energy) == (71, 10240, 300.5, None)
        assert nvml.state(0).energy > 0
    assert gpu_library.opened_now() == 0


@needs_proc
def test_gpus_are_sampled_with_their_energy(gpu_library):
    child = start("input()")
    sampler = sample_resources(child.pid, interval=0.01, gpus="0,1")
    until(lambda: "gpu.1/use" in sampler._totals._peaks, child)
    say(child)
    found = sampler.stop(wait(child))
    assert set(found.curves["gpu.0/use"]) == {70.0}
    assert found.totals["gpu.1_memory_peak_mib"] == 10240
    assert found.totals["gpu_energy_wh"] >= 1  # the counter goes up by 1 Wh with each look
    assert gpu_library.opened_now() == 0


def test_without_a_driver_there_are_no_gpus(monkeypatch):
    monkeypatch.setattr(_nvml, "_LIBRARY", "libnone-such.so.9")
    with open_nvml() as nvml:
        assert nvml is None
