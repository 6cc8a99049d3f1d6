"""What a run used, as data and as metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from omprov.repository import MetricPoint

PREFIX = "system/"


@dataclass(frozen=True, slots=True)
class Resources:
    """What a run used.

    Attributes:
        times: seconds since the beginning, by a clock that never goes back.
        curves: name → its value at each time; ``None`` where there was none.
        totals: sums, means and peaks, by name.
    """

    times: Sequence[float] = ()
    curves: Mapping[str, Sequence[float | None]] = field(default_factory=dict)
    totals: Mapping[str, float] = field(default_factory=dict)

    def points(self, started: datetime) -> list[MetricPoint]:
        """Return the curves as points of metrics, ``system/cpu`` and so on.

        Args:
            started: when the run began.
        """
        from omprov.repository import MetricPoint  # when a run is recorded, not when it starts

        return [
            MetricPoint(PREFIX + name, step, value, started + timedelta(seconds=time))
            for name, values in self.curves.items()
            for step, (time, value) in enumerate(zip(self.times, values, strict=True))
            if value is not None
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the totals as JSON data, for the run's source."""
        return {name: round(value, 3) for name, value in sorted(self.totals.items())}
