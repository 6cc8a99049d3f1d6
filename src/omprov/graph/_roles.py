"""The roles of an inferred graph: their graphs, their treatment, and what a tuple means by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.errors import Conflict, InvalidInput, NotFound
from omprov.records import Missing, Policy, Treatment

from ._sources import Input

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from ._sources import Source
    from ._version_table import Used


@dataclass(frozen=True, slots=True)
class Reading:
    """What a provenance tuple says under a policy.

    Attributes:
        used: the tuple as it was given, by role.
        constraining: role → input, for the roles that constrain the order.
        free: role → id, for the roles that weigh only.
    """

    used: Used
    constraining: Mapping[str, Input]
    free: Mapping[str, Hashable]


class Roles:
    """Which graphs the versions of a role come from, and how the role counts.

    Attributes:
        policy: how roles count.
        free: the roles met so far that weigh only.
    """

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.free: set[str] = set()
        self._sources: dict[str, list[Source]] = {}
        self._told: dict[str, list[int]] = {}
        self._pairs: dict[tuple[str, Hashable], tuple[str, Hashable]] = {}
        self._inputs: dict[tuple[str, Hashable], Input] = {}
        self._treatments: dict[str, Treatment] = {}

    def add(self, role: str, source: Source) -> None:
        """Let a role take versions of one more graph; one that it takes already is no error."""
        sources = self._sources.setdefault(role, [])
        if all(other.graph is not source.graph for other in sources):
            sources.append(source)
            self._told.setdefault(role, []).append(source.announced)

    def sources(self, role: str) -> Sequence[Source]:
        """Give the graphs of a role; the sequence grows with the role."""
        return self._sources.setdefault(role, [])

    def all_sources(self) -> list[Source]:
        """Give the graphs of all roles; a graph may occur several times."""
        return [source for sources in self._sources.values() for source in sources]

    def treatment(self, role: str) -> Treatment:
        """Return how a role counts."""
        treatment = self._treatments.get(role)
        if treatment is None:
            treatment = self._treatments[role] = self.policy.treatment(role)
        return treatment

    def roles_of(self, graph: object) -> list[str]:
        """List the roles that take versions of a graph."""
        return [
            role
            for role, sources in self._sources.items()
            if any(source.graph is graph for source in sources)
        ]

    def anew(self, policy: Policy) -> Roles:
        """Return the same roles and graphs under a policy, with nothing known of any tuple."""
        roles = Roles(policy)
        for role, sources in self._sources.items():
            for source in sources:
                roles.add(role, source)
        return roles

    def clear(self, role: str) -> None:
        """Take all graphs away from a role."""
        self._sources.pop(role, None)
        self._told.pop(role, None)

    def epochs(self) -> int:
        """Return the sum of the epochs of the explicit graphs."""
        return sum(source.stamp() for source in self.all_sources() if source.index is not None)

    def order_key(self, reading: Reading) -> frozenset[str] | None:
        """Name the order that a tuple belongs to: tuples with different keys are incomparable."""
        if self.policy.missing is Missing.OLDEST:
            return None
        return frozenset(reading.constraining)

    def read(self, inputs: Mapping[str, Hashable]) -> Reading:
        """Find out what a tuple says.

        Raises:
            InvalidInput: a constraining role has no graph.
            NotFound: no graph of a constraining role has this version.
        """
        used: list[tuple[str, Hashable]] = []
        constraining: dict[str, Input] = {}
        free: dict[str, Hashable] = {}
        for role in sorted(inputs):
            version = inputs[role]
            used.append(self._pairs.setdefault((role, version), (role, version)))
            match self.treatment(role):
                case Treatment.LINEAGE:
                    constraining[role] = self._input(role, version)
                case Treatment.FREE:
                    free[role] = version
                    self.free.add(role)
                case Treatment.IGNORED:
                    pass
        return Reading(tuple(used), constraining, free)

    def _input(self, role: str, id: Hashable) -> Input:
        known = self._inputs.get((role, id))
        if known is not None:
            return known
        sources = self._sources.get(role)
        if not sources:
            raise InvalidInput(
                f"role {role!r} constrains the order, but no graph gives its versions; "
                "add one with add_input, or let the policy call the role free or ignored"
            )
        for part, source in enumerate(sources):
            version = source.find(id)
            if version is not None:
                found = self._inputs[role, id] = Input(part, version)
                return found
        raise NotFound(f"version in role {role!r}", id)

    def find_edge(self, role: str, older: Hashable, newer: Hashable) -> tuple[Source, int, int]:
        """Return the graph of a role that has two versions, and their numbers there.

        Raises:
            NotFound: no graph of the role has one of them, or none has both.
        """
        for source in self._sources.get(role, ()):
            numbers = source.find(older), source.find(newer)
            if numbers[0] is not None and numbers[1] is not None:
                return source, numbers[0], numbers[1]
        raise NotFound(f"edge in role {role!r}", f"{newer} → {older}")

    # What this graph has been told about changes of its inputs

    def check_told(self, reading: Reading) -> None:
        """Make sure that changes among the inputs of a tuple have been worked in.

        Raises:
            Conflict: relations in an input graph have changed, and nobody has said so.
        """
        for role, (part, _) in reading.constraining.items():
            if self._told[role][part] != self._sources[role][part].announced:
                raise Conflict(
                    f"relations among the versions of role {role!r} have changed; tell this graph "
                    "with input_edge_added, input_grown or recompute first"
                )

    def mark_told(self, graph: object | None = None) -> None:
        """Note that the changes in a graph, or in all of them, have been worked in."""
        for role, sources in self._sources.items():
            for part, source in enumerate(sources):
                if graph is None or source.graph is graph:
                    self._told[role][part] = source.announced
