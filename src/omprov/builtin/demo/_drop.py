"""Which change of an input goes with a drop of a metric: read off the inferred edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from omprov.records import Because, Inherits, Version, VersionKey


@dataclass(frozen=True, slots=True)
class Step:
    """An inferred edge between two versions whose metric is known.

    Attributes:
        edge: with its reasons.
        change: the newer version's metric less the older one's.
    """

    edge: Inherits
    change: float

    @property
    def changed(self) -> tuple[Because, ...]:
        """The roles whose input differs, farthest first."""
        differing = (reason for reason in self.edge.because if reason.distance > 0)
        return tuple(sorted(differing, key=lambda reason: -reason.distance))


@dataclass(frozen=True, slots=True)
class Suspect:
    """One changed input of a drop, and what the other edges say of it.

    Attributes:
        reason: the role, and its input on either side.
        alone: the other edges on which this same change, and nothing else, took place.
        without: all edges on which this role's input did not change.
    """

    reason: Because
    alone: tuple[Step, ...]
    without: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Drop:
    """The largest drop, and the inputs that changed with it.

    Attributes:
        step: the edge.
        edges: how many edges were compared.
        suspects: each input that changed on it.
    """

    step: Step
    edges: int
    suspects: tuple[Suspect, ...]


def measured_steps(edges: Iterable[Inherits], metric: Mapping[VersionKey, float]) -> list[Step]:
    """Return the edges whose two ends have the metric, the largest drop first."""
    steps = [
        Step(edge, metric[edge.newer.key] - metric[edge.older.key])
        for edge in edges
        if edge.newer.key in metric and edge.older.key in metric
    ]
    return sorted(steps, key=lambda step: step.change)


def find_drop(steps: Sequence[Step]) -> Drop | None:
    """Explain the largest drop; None where the metric falls nowhere.

    Args:
        steps: as `measured_steps` gives them.
    """
    if not steps or steps[0].change >= 0:
        return None
    worst = steps[0]
    suspects = tuple(
        Suspect(
            reason,
            tuple(s for s in steps[1:] if [_ends(r) for r in s.changed] == [_ends(reason)]),
            tuple(s for s in steps if all(r.role != reason.role for r in s.changed)),
        )
        for reason in worst.changed
    )
    return Drop(worst, len(steps), suspects)


def _ends(reason: Because) -> tuple[str, Version | None, Version | None]:
    return reason.role, reason.newer, reason.older
