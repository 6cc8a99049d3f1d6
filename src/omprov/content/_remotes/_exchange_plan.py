"""Decides in which order packs and objects are placed, so that none comes before what it names.

Chunks and references name nothing: they may be placed at any time. Of what is to be moved, packs
that hold nothing else are moved whole; from other packs objects are copied. First come whole packs
that hold nothing that names, and copies of what names nothing. What is left are whole packs that
hold trees, files or lists, and such objects to be copied: they form a graph of who has to wait for
whom, which is worked off in steps. Packs that wait for each other (each holds something that names
something in the other; two writers can bring that about) are not moved whole.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from omprov.content._format._objects import Key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Unit: TypeAlias = str | Key
"""What is placed in one go: a pack, or an object that is copied."""


class NeededNode(NamedTuple):
    """A tree, file or list that is to be moved, or that names something that is.

    Attributes:
        pack: where it lies; ``None`` if the target has it.
        packs: where what it names, and what names nothing itself, lies (of what is to be moved).
        below: the trees, files and lists that it names (of those that are here at all).
    """

    pack: str | None
    packs: frozenset[str]
    below: tuple[Key, ...]


class Step(NamedTuple):
    """What may be placed once all earlier steps are done.

    Attributes:
        packs: in any order, or at once.
        objects: in this order.
    """

    packs: list[str]
    objects: list[Key]


@dataclass(slots=True)
class MovingPlan:
    """What is moved how.

    Attributes:
        first: packs that hold nothing that names; placed first, with the copies of such objects.
        copied: packs from which objects are copied.
        steps: what comes then.
    """

    first: list[str] = field(default_factory=list)
    copied: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)


def plan_moves(
    packs: Iterable[str], whole: Iterable[str], nodes: Mapping[Key, NeededNode]
) -> MovingPlan:
    """Decide what is moved how.

    Args:
        packs: all that hold something that is needed.
        whole: those of them that hold nothing else.
        nodes: all trees, files and lists that have to do with it.
    """
    with_nodes = {node.pack for node in nodes.values()}
    first = {pack for pack in whole if pack not in with_nodes}
    tied = {pack for pack in whole if pack in with_nodes}
    while True:
        steps, stuck = _work_off(_waits(tied, nodes), nodes)
        if not stuck:
            return MovingPlan(sorted(first), sorted(set(packs) - tied - first), steps)
        tied -= stuck


def _waits(tied: set[str], nodes: Mapping[Key, NeededNode]) -> dict[Unit, set[Unit]]:
    """Return for each unit those that have to be placed before it."""

    def unit(key: Key) -> Unit:
        pack = nodes[key].pack
        return pack if pack is not None and pack in tied else key

    waits: dict[Unit, set[Unit]] = {pack: set() for pack in tied}
    for key, node in nodes.items():
        others = waits.setdefault(unit(key), set())
        others.update(tied & node.packs)
        others.update(unit(below) for below in node.below)
    for one, others in waits.items():
        others.discard(one)
    return waits


def _work_off(
    waits: dict[Unit, set[Unit]], nodes: Mapping[Key, NeededNode]
) -> tuple[list[Step], set[str]]:
    """Return the steps, and the packs that wait for each other.

    Packs go before objects that could be placed too, so that there are few steps with objects.
    """
    followers: defaultdict[Unit, list[Unit]] = defaultdict(list)
    for one, others in waits.items():
        for other in others:
            followers[other].append(one)
    packs = [one for one, others in waits.items() if not others and isinstance(one, str)]
    objects = [one for one, others in waits.items() if not others and isinstance(one, Key)]
    steps: list[Step] = []
    while packs or objects:
        with_packs = bool(packs)
        placed: list[Unit] = [*packs] if with_packs else [*objects]
        packs, objects = [], objects if with_packs else []
        for one in placed:  # grows: an object may come right after one that it waits for
            for follower in followers[one]:
                waits[follower].discard(one)
                if waits[follower]:
                    continue
                if isinstance(follower, str):
                    packs.append(follower)
                else:
                    (objects if with_packs else placed).append(follower)
        step = Step(
            sorted(one for one in placed if isinstance(one, str)),
            [one for one in placed if isinstance(one, Key) and nodes[one].pack is not None],
        )
        if step.packs or step.objects:
            steps.append(step)
    return steps, {one for one, others in waits.items() if others and isinstance(one, str)}
