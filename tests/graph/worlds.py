"""Small worlds for tests: input graphs and inferred graphs, each beside its written-out oracle."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from oracle import NaiveGraph, NaiveOutputs

from omprov.graph import OutputGraph, VersionGraph
from omprov.graph._tuning import Tuning

if TYPE_CHECKING:
    from random import Random

LEAST = Tuning(
    row_bytes=0,
    down_set_bytes=0,
    least_rows=1,
    neighbours=1,
    flips=0,
    flip_share=0.0,
    fresh_versions=0,
    fresh_share=0.0,
    few=0,
    listed=0,
    peels=1,
    first_search=1,
    last_search=1,
    replayed=0,
)
"""Every cache as small as can be, every threshold at its end."""


def any_tuning(random: Random) -> Tuning:
    """Figures that make every way of working likely in a small graph."""
    if random.random() < 0.2:
        return LEAST
    return Tuning(
        row_bytes=0,
        down_set_bytes=0,
        least_rows=random.choice([1, 2, 3, 5, 48]),
        neighbours=random.choice([0, 1, 2, 4]),
        flips=random.choice([0, 2, 8, 256]),
        flip_share=random.choice([0.0, 0.3]),
        fresh_versions=random.choice([0, 2, 64]),
        fresh_share=0.0,
        few=random.choice([0, 0, 4, 64]),
        listed=random.choice([0, 0, 10, 8192]),
        peels=random.choice([0, 1, 64]),
        first_search=random.choice([1, 2, 8]),
        last_search=random.choice([0, 3, 512]),
        replayed=random.choice([0, 1, 12]),
    )


def free_distance(role, newer, older):
    """Some metric on names in [0, 1], with a name for what is missing."""
    return min(1.0, abs(len(str(newer)) - len(str(older))) / 10 + 0.1)


@dataclass
class InputWorld:
    """One explicit graph twice: as a `VersionGraph` and written out."""

    name: str
    random: Random
    graph: VersionGraph = field(default_factory=VersionGraph)
    naive: NaiveGraph = field(default_factory=NaiveGraph)

    @property
    def ids(self):
        return list(self.naive.parents)

    def grow(self):
        """Add a version, most often near the newest."""
        ids = self.ids
        count = min(len(ids), self.random.choice([0, 1, 1, 1, 2, 2, 3]))
        near = ids[-6:] if self.random.random() < 0.6 else ids
        parents = self.random.sample(near, min(count, len(near)))
        weights = {
            parent: self.random.choice([0.0, 0.25, self.random.random()]) for parent in parents
        }
        new = f"{self.name}{len(ids)}"
        self.graph.add(new, weights)
        self.naive.parents[new] = weights

    def add_late_edge(self):
        """Add an edge between existing versions, or make one lighter; return its ends or None."""
        if len(self.ids) < 2:
            return None
        newer, older = self.random.sample(self.ids, 2)
        if self.naive.reaches(older, newer):
            return None
        weight = self.random.random()
        self.graph.add_edge(newer, older, weight)
        edges = self.naive.parents[newer]
        edges[older] = min(weight, edges.get(older, math.inf))
        return newer, older


@dataclass
class OutputWorld:
    """One inferred graph twice, and a third time as the rows that its changes tell to write."""

    graph: OutputGraph
    naive: NaiveOutputs
    rows: dict = field(default_factory=dict)

    def add(self, id, inputs, budget=None):
        change = self.graph.add(id, inputs, budget=budget)
        self.naive.tuples[id] = dict(inputs)
        assert not change.grown
        assert not change.reweighted
        self.write(change)
        return change

    def write(self, change):
        """Apply a change to the rows; every row must be there, or not be there, as it says."""
        for newer, older, weight in change.removed:
            assert same_weight(self.rows.pop((newer, older)), weight)
        for newer, older, weight in change.added:
            assert (newer, older) not in self.rows
            self.rows[newer, older] = weight
        for newer, older, weight in change.reweighted:
            assert self.rows[newer, older] != weight
            self.rows[newer, older] = weight

    def check(self, *, weights=True):
        """Compare stored edges, rows and weights with the oracle."""
        stored = {(newer, older): weight for newer, older, weight in self.graph.edges()}
        assert stored.keys() == self.naive.edges()
        assert stored.keys() == self.rows.keys()
        for edge, weight in stored.items():
            assert same_weight(weight, self.rows[edge])
            if weights:
                assert weight is None or weight == pytest.approx(self.naive.distance(*edge))

    def check_answers(self):
        """Compare every answer about every pair with the oracle."""
        edges = self.naive.edges()
        below = self.naive.relation()
        for i in below:
            assert set(self.graph.ancestors(i)) == below[i]
            assert set(self.graph.descendants(i)) == {j for j in below if i in below[j]}
            assert set(self.graph.parents(i)) == {lower for upper, lower in edges if upper == i}
            assert set(self.graph.children(i)) == {upper for upper, lower in edges if lower == i}
            assert self.graph.tuple_of(i) == self.naive.tuples[i]
            for j in below:
                assert self.graph.reaches(i, j) == (i == j or j in below[i])
                assert self.graph.distance(i, j) == pytest.approx(self.naive.distance(i, j))


def same_weight(one, other):
    return one == other if one is None or other is None else one == pytest.approx(other)
