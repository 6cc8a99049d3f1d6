"""The system and the hardware of this machine, as far as another of its kind has the same."""

from __future__ import annotations

import os
import platform
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omprov.capture._nvml import open_nvml

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._cache import FactCache

_AMD = Path("/sys/class/drm")
_TOOLKIT = Path("/usr/local/cuda/version.json")
_CHANGING = (
    "/etc/os-release",
    "/proc/sys/kernel/random/boot_id",
    "/dev/nvidiactl",
    "/dev/kfd",
    str(_TOOLKIT),
)


def describe_machine(cache: FactCache) -> dict[str, Any]:
    """Return system, processor, memory and GPUs; asked once for each start of the machine."""

    def ask() -> tuple[dict[str, Any], Iterable[str]]:
        return _describe(), [path for path in _CHANGING if not path.startswith("/proc")]

    facts: dict[str, Any] = cache.get("machine", [_boot(), _driver_text(), _devices()], ask)
    return facts


def _describe() -> dict[str, Any]:
    machine: dict[str, Any] = {"system": describe_system(), "cpu": _cpu(), "memory_gib": _memory()}
    gpus = _nvidia() or _amd()
    return {**machine, **gpus}


def describe_system() -> dict[str, str]:
    """Return the operating system: distribution, kernel's series, C library, architecture."""
    system = {"name": platform.system(), "machine": platform.machine()}
    if system["name"] == "Linux":
        release = _os_release()
        system["distribution"] = f"{release.get('ID', 'linux')} {release.get('VERSION_ID', '')}"
        system["distribution"] = system["distribution"].strip()
        series = re.match(r"\d+\.\d+", platform.release())
        system["kernel"] = series[0] if series else platform.release()
        libc = " ".join(part for part in platform.libc_ver() if part)
        if libc:
            system["libc"] = libc
    elif system["name"] == "Darwin":
        system["distribution"] = f"macos {platform.mac_ver()[0]}"
    return system


def _os_release() -> dict[str, str]:
    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}


def _cpu() -> dict[str, Any]:
    model = platform.processor() or platform.machine()
    said = _read("/proc/cpuinfo")
    for word in ("model name", "Hardware", "cpu model", "Model"):
        match = re.search(rf"^{word}\s*:\s*(.+)$", said, re.MULTILINE)
        if match:
            model = " ".join(match[1].split())
            break
    return {"model": model, "count": os.cpu_count() or 1}


def _memory() -> int:
    """Return the memory in GiB, rounded: machines of a kind differ by what their firmware keeps."""
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / (1 << 30))
    except (ValueError, OSError):
        return 0


def _nvidia() -> dict[str, Any]:
    with open_nvml() as nvml:
        if nvml is None:
            return {}
        counted = Counter((gpu.model, round(gpu.memory / 1024)) for gpu in nvml.gpus())
        if not counted:
            return {}
        gpus = [
            {"model": model, "memory_gib": memory, "count": count}
            for (model, memory), count in sorted(counted.items())
        ]
        cuda = {"driver": nvml.cuda(), "toolkit": _toolkit()}
        return {
            "gpus": gpus,
            "gpu_driver": f"nvidia {nvml.driver() or 'unknown'}",
            "cuda": {name: value for name, value in cuda.items() if value},
        }


def _toolkit() -> str | None:
    match = re.search(r'"cuda"\s*:\s*{[^}]*"version"\s*:\s*"([\d.]+)"', _read(str(_TOOLKIT)))
    return match[1] if match else None


def _amd() -> dict[str, Any]:
    counted: Counter[tuple[str, int]] = Counter()
    for card in sorted(_AMD.glob("card[0-9]*/device/mem_info_vram_total")):
        folder = card.parent
        model = _read(str(folder / "product_name")).strip() or (
            f"AMD {_read(str(folder / 'device')).strip()}"
        )
        total = _read(str(card)).strip()
        counted[model, round(int(total) / (1 << 30)) if total.isdecimal() else 0] += 1
    if not counted:
        return {}
    version = _read("/sys/module/amdgpu/version").strip()
    return {
        "gpus": [
            {"model": model, "memory_gib": memory, "count": count}
            for (model, memory), count in sorted(counted.items())
        ],
        "gpu_driver": f"amdgpu {version or 'of the kernel'}",
    }


def _boot() -> str:
    return _read("/proc/sys/kernel/random/boot_id").strip() + platform.node()


def _driver_text() -> str:
    return _read("/proc/driver/nvidia/version")


def _devices() -> list[str]:
    """Return the GPUs that this process may see: in containers not all."""
    return sorted(str(path) for path in Path("/dev").glob("nvidia[0-9]*"))


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
