"""The weight of an inferred edge: the mean distance of what two runs used, role by role."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from omprov.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ._group_order import GroupOrder, Point
    from ._inferred_graph import InferredGraph

FreeDistance = Callable[[str, Hashable | None, Hashable | None], float]
"""``(role, newer id, older id) → [0, 1]``; None stands for a role that was not used."""

TO_NOTHING = 1.0
"""The distance from any version to none at all, in a constraining role."""


def equal_or_not(_role: str, newer: Hashable | None, older: Hashable | None) -> float:
    """Say 0 for the same version and 1 for another."""
    return 0.0 if newer == older else 1.0


@dataclass(frozen=True, slots=True)
class Made:
    """What a version was made from, as far as it weighs.

    Attributes:
        order: the order that it stands in; None without a constraining role.
        point: what it used in the constraining roles.
        free: role → id, for the roles that weigh only.
    """

    order: GroupOrder | None
    point: Point
    free: Mapping[str, Hashable]


class Pair(NamedTuple):
    """Two versions of an inferred graph, the newer one at or above the older one."""

    graph: InferredGraph[Any]
    newer: int
    older: int


class Term(NamedTuple):
    """One role's part in a mean distance.

    Attributes:
        distance: the distance; None while it is not known.
        pair: where the distance is itself a mean distance: of whom.
    """

    role: str
    distance: float | None
    pair: Pair | None = None


def iter_terms(
    newer: Made, older: Made, free_distance: FreeDistance, budget: int | None
) -> Iterator[Term]:
    """Give the parts of the mean distance of two versions, the newer one at or above the other."""
    if newer.order is not None:
        columns = newer.order.columns
        for column, new, old in zip(columns, newer.point, older.point, strict=True):
            if new is None:
                continue
            if old is None:
                yield Term(column.role, TO_NOTHING)
            elif new == old:
                yield Term(column.role, 0.0)
            else:
                source = column.source(new.part)
                pair = source.pair(new.version, old.version)
                known = None if pair else source.distance(new.version, old.version, budget)
                yield Term(column.role, known, pair)
    if newer.free or older.free:
        for role in sorted(newer.free.keys() | older.free.keys()):
            ids = newer.free.get(role), older.free.get(role)
            yield Term(role, _checked(free_distance, role, *ids))


def _checked(
    free_distance: FreeDistance, role: str, newer: Hashable | None, older: Hashable | None
) -> float:
    if newer == older:
        return 0.0
    distance = free_distance(role, newer, older)
    if not 0.0 <= distance <= 1.0:
        raise InvalidInput(
            f"the distance of {role} from {newer!r} to {older!r} must lie in [0, 1], "
            f"not {distance!r}"
        )
    return float(distance)


def mean_distance(
    newer: Made, older: Made, free_distance: FreeDistance, budget: int | None = None
) -> float | None:
    """Return the mean over the roles that weigh and that either version has; 0 without any.

    Args:
        newer: a version at or above `older`.
        older: see `newer`.
        free_distance: for the roles that weigh only.
        budget: how many versions may be settled for one distance; None for as many as it takes.

    Returns:
        None if the budget did not suffice.
    """
    return _mean(iter_terms(newer, older, free_distance, budget), budget, {})


def pair_distance(pair: Pair, budget: int | None = None) -> float | None:
    """Return the mean distance of two versions of an inferred graph, as `mean_distance` does."""
    known: dict[tuple[int, int, int], float | None] = {}
    return _resolve(pair, budget, known)


def _mean(
    terms: Iterable[Term], budget: int | None, known: dict[tuple[int, int, int], float | None]
) -> float | None:
    total, count = 0.0, 0
    for term in terms:
        distance = term.distance if term.pair is None else _resolve(term.pair, budget, known)
        if distance is None:
            return None
        total += distance
        count += 1
    return total / count if count else 0.0


def _resolve(
    pair: Pair, budget: int | None, known: dict[tuple[int, int, int], float | None]
) -> float | None:
    """Compute one mean distance and, before it, those that it is made of."""
    if _key(pair) in known:
        return known[_key(pair)]
    waiting: list[tuple[Pair, list[Term]]] = [(pair, _terms_of(pair, budget))]
    while waiting:
        current, terms = waiting[-1]
        missing = [term.pair for term in terms if term.pair and _key(term.pair) not in known]
        if missing:
            waiting.extend((further, _terms_of(further, budget)) for further in missing)
        else:
            waiting.pop()
            known[_key(current)] = _mean(terms, budget, known)
    return known[_key(pair)]


def _terms_of(pair: Pair, budget: int | None) -> list[Term]:
    graph = pair.graph
    made = graph.made(pair.newer), graph.made(pair.older)
    return list(iter_terms(*made, graph.free_distance, budget))


def _key(pair: Pair) -> tuple[int, int, int]:
    return id(pair.graph), pair.newer, pair.older
