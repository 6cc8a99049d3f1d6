"""What the events of a run have said so far, whatever the order in which they came."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from ._events import Dataset, EventType, canonical
from ._names import Named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.records import Run

    from ._events import Event

SOURCE = "openlineage"
"""Under this name a run, or a version, keeps what events said of it."""
LARGEST_FACET = 16_384
"""Characters; a larger facet stands in the kept event only."""


@dataclass
class Known:
    """What is known of a run. Taking events in any order, or twice, gives the same.

    Attributes:
        facets: of each of the ``run``, the ``job``, and datasets: name → (time, value). Of two
            values the one of the later event stays.
        end: the last terminal event's type and time.
    """

    job: Named
    said_run: str
    started: datetime
    facets: dict[str, dict[str, tuple[str, Any]]] = field(default_factory=dict)
    inputs: dict[Named, str] = field(default_factory=dict)
    outputs: dict[Named, str] = field(default_factory=dict)
    end: tuple[EventType, datetime] | None = None

    @classmethod
    def of_run(cls, run: Run) -> Self | None:
        """Return what was noted of a run; ``None`` where no event began it."""
        noted = run.source.get(SOURCE)
        if not isinstance(noted, dict) or "job" not in noted:
            return None
        end = noted.get("end")
        return cls(
            job=Named(*noted["job"]),
            said_run=noted["run"],
            started=datetime.fromisoformat(noted["started"]),
            facets={
                part: {name: (time, value) for name, (time, value) in facets.items()}
                for part, facets in noted["facets"].items()
            },
            inputs={Named(*pair): f"in {at}" for at, pair in enumerate(noted["inputs"])},
            outputs={Named(*pair): f"out {at}" for at, pair in enumerate(noted["outputs"])},
            end=(EventType(end[0]), datetime.fromisoformat(end[1])) if end else None,
        )

    @classmethod
    def of_event(cls, event: Event) -> Self:
        """Return what the first event says."""
        assert event.job is not None, "an event of a run has a job"
        return cls(job=event.job, said_run=event.said_run, started=event.time)

    def take(self, event: Event) -> None:
        """Take in what an event says."""
        self.started = min(self.started, event.time)
        if event.type.is_terminal:
            end = (event.type, event.time)
            self.end = end if self.end is None else max(self.end, end, key=_end_order)
        self._take_facets("run", event, event.run_facets)
        self._take_facets("job", event, event.job_facets)
        for side, prefix, datasets in (
            (self.inputs, "in", event.inputs),
            (self.outputs, "out", event.outputs),
        ):
            for one in datasets:
                part = side.setdefault(one.named, f"{prefix} {len(side)}")
                self._take_facets(part, event, one.facets)

    def _take_facets(self, part: str, event: Event, facets: Mapping[str, Any]) -> None:
        known = self.facets.setdefault(part, {})
        time = event.time.isoformat()
        for name, value in facets.items():
            stamped = (time, _kept(value))
            if name not in known or _order(known[name]) < _order(stamped):
                known[name] = stamped

    def facets_of(self, part: str) -> dict[str, Any]:
        """Return the facets as they stand."""
        return {
            name: value
            for name, (_, value) in self.facets.get(part, {}).items()
            if not (isinstance(value, dict) and value.get("_deleted") is True)
        }

    def datasets(self, side: dict[Named, str]) -> list[Dataset]:
        """Return the inputs or the outputs, in the order of their names."""
        return [Dataset(named, self.facets_of(part)) for named, part in sorted(side.items())]

    def to_json(self) -> dict[str, Any]:
        """Give what `of_run` reads back."""
        return {
            "job": list(self.job),
            "run": self.said_run,
            "started": self.started.isoformat(),
            "facets": {
                part: {name: list(stamped) for name, stamped in facets.items()}
                for part, facets in self.facets.items()
                if facets
            },
            "inputs": [list(named) for named in self.inputs],
            "outputs": [list(named) for named in self.outputs],
            "end": [self.end[0].value, self.end[1].isoformat()] if self.end else None,
        }


def small_facets(facets: Mapping[str, Any]) -> dict[str, Any]:
    """Return facets with a word in the place of what is too large to keep twice."""
    return {name: _kept(value) for name, value in facets.items()}


def _kept(value: Any) -> Any:
    size = len(canonical(value))
    return value if size <= LARGEST_FACET else {"_leftOut": f"{size} characters: see the events"}


def _order(stamped: tuple[str, Any]) -> tuple[str, str]:
    return stamped[0], canonical(stamped[1])


def _end_order(end: tuple[EventType, datetime]) -> tuple[datetime, str]:
    return end[1], end[0].value
