"""Edges of version graphs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from ._assets import Version
    from ._differences import Difference

Id = TypeVar("Id")


class Edge(NamedTuple, Generic[Id]):
    """*newer inherits older*, by ids.

    Attributes:
        weight: the amount of difference, ≥ 0 and finite; ``None`` while it is still to be computed.
    """

    newer: Id
    older: Id
    weight: float | None


class Origin(StrEnum):
    """Who says that an edge is there."""

    DECLARED = "declared"
    INFERRED = "inferred"


@dataclass(frozen=True, slots=True)
class Because:
    """One role's part in an inferred edge.

    Attributes:
        newer: what the newer version's run used in this role; ``None`` where it used nothing.
        older: the same for the older version.
        distance: of the lightest route from `newer` to `older`; in a free role the difference
            between the two; 1 where a lineage role has no `older`.
    """

    role: str
    newer: Version | None
    older: Version | None
    distance: float


@dataclass(frozen=True, slots=True)
class Inherits:
    """*newer inherits older*, with its weight and what the weight rests on.

    Attributes:
        because: of an inferred edge: role by role.
        difference: of a declared edge: the evidence, where it was kept.
    """

    newer: Version
    older: Version
    weight: float
    origin: Origin
    because: tuple[Because, ...] = ()
    difference: Difference | None = None

    def __str__(self) -> str:
        reasons = " · ".join(f"{b.role} {b.distance:.3g}" for b in self.because)
        tail = f", because {reasons}" if reasons else f", {self.origin}"
        return f"Inherits({self.older}, weight={self.weight:.3g}{tail})"

    __repr__ = __str__
