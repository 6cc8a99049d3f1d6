"""NVIDIA's management library, as far as runs are concerned: which GPUs there are, how they do.

Called through ctypes: it comes with the driver, and nothing needs to be installed. Where it is not
there, or refuses, there are no GPUs.
"""

from __future__ import annotations

import ctypes
import threading
from contextlib import contextmanager
from ctypes import byref, c_int, c_uint, c_ulonglong, c_void_p, create_string_buffer
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_LIBRARY = "libnvidia-ml.so.1"
_MIB = 1 << 20


class _Memory(ctypes.Structure):
    _fields_ = [("total", c_ulonglong), ("free", c_ulonglong), ("used", c_ulonglong)]


class _Utilization(ctypes.Structure):
    _fields_ = [("gpu", c_uint), ("memory", c_uint)]


@dataclass(frozen=True, slots=True)
class GpuState:
    """How a GPU does now; ``None`` for what it does not tell.

    Attributes:
        use: percent of the time in which something ran on it.
        memory: MiB in use, by whatever program.
        power: watts.
        energy: joules since the driver was loaded.
    """

    use: float | None = None
    memory: float | None = None
    power: float | None = None
    energy: float | None = None


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU.

    Attributes:
        index: its place among all, as the driver counts.
        uuid: which one it is.
        model: its name.
        memory: in MiB.
    """

    index: int
    uuid: str
    model: str
    memory: int


class Nvml:
    """The library, opened by `open_nvml`. Safe in several threads at once."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._handles: dict[int, c_void_p] = {}
        self._lock = threading.Lock()

    def driver(self) -> str | None:
        """Return the driver's version."""
        return self._text("nvmlSystemGetDriverVersion")

    def cuda(self) -> str | None:
        """Return the newest version of CUDA that the driver supports."""
        number = c_int()
        if not self._call("nvmlSystemGetCudaDriverVersion_v2", byref(number)):
            return None
        return f"{number.value // 1000}.{number.value % 1000 // 10}"

    def gpus(self) -> list[Gpu]:
        """Return all GPUs."""
        count = c_uint()
        if not self._call("nvmlDeviceGetCount_v2", byref(count)):
            return []
        found = []
        for index in range(count.value):
            handle = self._handle(index)
            if handle is not None:
                memory = _Memory()
                known = self._call("nvmlDeviceGetMemoryInfo", handle, byref(memory))
                found.append(
                    Gpu(
                        index,
                        self._text("nvmlDeviceGetUUID", handle) or "",
                        self._text("nvmlDeviceGetName", handle) or "NVIDIA GPU",
                        memory.total // _MIB if known else 0,
                    )
                )
        return found

    def state(self, index: int) -> GpuState:
        """Return how a GPU does."""
        handle = self._handle(index)
        if handle is None:
            return GpuState()
        rates, memory, energy, power = _Utilization(), _Memory(), c_ulonglong(), c_uint()
        told = [
            self._call(name, handle, byref(value))
            for name, value in (
                ("nvmlDeviceGetUtilizationRates", rates),
                ("nvmlDeviceGetMemoryInfo", memory),
                ("nvmlDeviceGetPowerUsage", power),
                ("nvmlDeviceGetTotalEnergyConsumption", energy),
            )
        ]
        return GpuState(
            float(rates.gpu) if told[0] else None,
            memory.used / _MIB if told[1] else None,
            power.value / 1000 if told[2] else None,
            energy.value / 1000 if told[3] else None,
        )

    def _handle(self, index: int) -> c_void_p | None:
        with self._lock:
            handle = self._handles.get(index)
            if handle is None:
                handle = c_void_p()
                if not self._call("nvmlDeviceGetHandleByIndex_v2", c_uint(index), byref(handle)):
                    return None
                self._handles[index] = handle
            return handle

    def _text(self, name: str, *arguments: Any) -> str | None:
        buffer = create_string_buffer(96)
        if not self._call(name, *arguments, buffer, c_uint(len(buffer))):
            return None
        return buffer.value.decode(errors="replace")

    def _call(self, name: str, *arguments: Any) -> bool:
        function = getattr(self._library, name, None)  # an old driver may lack it
        return function is not None and function(*arguments) == 0


@contextmanager
def open_nvml() -> Iterator[Nvml | None]:
    """Open the library for a while; ``None`` where there is none, or no GPU that it may see."""
    try:
        loaded = ctypes.CDLL(_LIBRARY)
        opened = loaded.nvmlInit_v2() == 0
    except (OSError, AttributeError):
        yield None
        return
    if not opened:
        yield None
        return
    try:
        yield Nvml(loaded)
    finally:
        loaded.nvmlShutdown()


def visible_gpus(gpus: Sequence[Gpu], setting: str | None) -> list[Gpu]:
    """Return the GPUs that a program may use.

    Args:
        gpus: all of them.
        setting: ``CUDA_VISIBLE_DEVICES``: numbers or beginnings of UUIDs; the first that names no
            GPU ends the list, as for CUDA. ``None`` is all.
    """
    if setting is None:
        return [*gpus]
    found = []
    for word in (part.strip() for part in setting.split(",")):
        if word.isdecimal():
            fitting = [gpu for gpu in gpus if gpu.index == int(word)]
        else:
            fitting = [gpu for gpu in gpus if word and gpu.uuid.startswith(word)]
        if len(fitting) != 1:
            break
        found.append(fitting[0])
    return found
