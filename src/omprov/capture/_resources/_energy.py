"""The energy that processors use, by Intel's and AMD's counters (RAPL), where they can be read."""

from __future__ import annotations

import re
from pathlib import Path

_FOLDER = Path("/sys/class/powercap")


class CpuEnergy:
    """Adds up the counters of all packages; they begin anew when they are full."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._counters = [
            one
            for one in sorted(folder.glob("intel-rapl:*"))
            if re.fullmatch(r"intel-rapl:\d+", one.name) and _number(one / "energy_uj") is not None
        ]
        self._last = [_number(one / "energy_uj") or 0 for one in self._counters]
        self._used = 0

    def joules(self) -> float | None:
        """Return what was used since the beginning; ``None`` where nothing can be read."""
        if not self._counters:
            return None
        for place, counter in enumerate(self._counters):
            now = _number(counter / "energy_uj")
            if now is None:
                continue
            step = now - self._last[place]
            if step < 0:
                step += _number(counter / "max_energy_range_uj") or 0
            self._used += max(0, step)
            self._last[place] = now
        return self._used / 1e6


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
