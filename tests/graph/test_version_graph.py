"""VersionGraph: reachability and lightest routes agree with a naive Dijkstra's algorithm."""

from __future__ import annotations

import heapq
from itertools import pairwise
from math import inf, isclose
from random import Random

import numpy as np
import pytest
from histories import Parents, closure, git_like, histories
from hypothesis import given, settings
from hypothesis import strategies as st

from omprov.errors import AlreadyExists, CycleError, Damaged, InvalidInput, NotFound
from omprov.graph import VersionGraph
from omprov.graph import _routes as routes
from omprov.graph._interval_index import IntervalIndex
from omprov.graph._labels import Limits
from omprov.records import Edge

Weights = dict[tuple[int, int], float]


def naive_distances(parents: Parents, weights: Weights, start: int) -> list[float]:
    """Dijkstra's algorithm from one version to all."""
    best = [inf] * len(parents)
    queue = [(0.0, start)]
    while queue:
        so_far, version = heapq.heappop(queue)
        if best[version] < inf:
            continue
        best[version] = so_far
        for parent in parents[version]:
            heapq.heappush(queue, (so_far + weights[version, parent], parent))
    return best


class Twin:
    """A VersionGraph and plain dicts that are told the same."""

    def __init__(self, random: Random, name) -> None:
        self.random = random
        self.name = name
        self.graph = VersionGraph()
        self.parents: Parents = []
        self.weights: Weights = {}

    def weight(self) -> float:
        return self.random.choice([0.0, 0.125, 0.5, self.random.random(), 7.0])

    def add(self, row: list[int]) -> None:
        version = len(self.parents)
        for parent in row:
            self.weights[version, parent] = self.weight()
        inherits = {self.name(parent): self.weights[version, parent] for parent in row}
        self.graph.add(self.name(version), inherits)
        self.parents.append(row)

    def add_edge(self) -> None:
        newer, older = (self.random.randrange(len(self.parents)) for _ in range(2))
        if self.random.random() < 0.3 and self.parents[newer]:
            older = self.random.choice(self.parents[newer])
        weight = self.weight()
        ends = self.name(newer), self.name(older)
        before = list(self.graph.edges())
        if closure(self.parents)[older, newer]:
            with pytest.raises(CycleError) as caught:
                self.graph.add_edge(*ends, weight)
            assert list(self.graph.edges()) == before
            cycle = caught.value.cycle
            assert cycle[:2] == list(ends)
            assert cycle[-1] == cycle[0]
            steps = pairwise(cycle[1:])
            assert all(self.graph.weight(a, b) is not None for a, b in steps)
            return
        known = self.weights.get((newer, older), inf)
        assert self.graph.add_edge(*ends, weight) == (weight < known)
        if known == inf:
            self.parents[newer] = [*self.parents[newer], older]
        self.weights[newer, older] = min(known, weight)

    def check(self) -> None:
        check(self.graph, self.parents, self.weights, self.name)


def check(graph: VersionGraph, parents: Parents, weights: Weights, name) -> None:
    """Compare every answer of the graph with naive ones."""
    count = len(parents)
    truth = closure(parents)
    names = [name(v) for v in range(count)]
    assert len(graph) == count
    assert list(graph) == names
    assert [graph.number_of(one) for one in names] == list(range(count))
    expected = [Edge(names[v], names[p], weights[v, p]) for v in range(count) for p in parents[v]]
    assert list(graph.edges()) == expected
    for u in range(count):
        assert [graph.reaches(names[u], one) for one in names] == truth[u].tolist()
        assert graph.reaches_many([names[u]] * count, names).tolist() == truth[u].tolist()
        assert graph.ancestors(names[u]) == [names[w] for w in np.flatnonzero(truth[u]) if w != u]
        below = [names[w] for w in np.flatnonzero(truth[:, u]) if w != u]
        assert graph.descendants(names[u]) == below
        assert list(graph.parents(names[u])) == [names[p] for p in parents[u]]
        children = {names[c]: weights[c, u] for c in range(count) if u in parents[c]}
        assert graph.children(names[u]) == children
        distances = naive_distances(parents, weights, u)
        assert graph.distance_many(names[u], names) == pytest.approx(distances, abs=1e-9)
        graph._cache.clear()
        for w in range(count):
            check_route(graph, names[u], names[w], distances[w])


def check_route(graph: VersionGraph, newer, older, expected: float) -> None:
    route = graph.lightest_route(newer, older)
    distance = graph.distance(newer, older)
    assert isclose(distance, expected, rel_tol=1e-9, abs_tol=1e-9)
    assert distance >= 0
    if expected == inf:
        assert route is None
        return
    assert (route[0], route[-1]) == (newer, older)
    steps = [graph.weight(a, b) for a, b in pairwise(route)]
    assert isclose(sum(steps), expected, rel_tol=1e-9, abs_tol=1e-9)
    graph._cache.clear()
    assert graph.distance(newer, older, budget=0) in (None, distance)
    assert graph.distance(newer, older, budget=len(graph)) == pytest.approx(distance)


NAMES = {
    "dense ints": lambda v: v,
    "ints with gaps": lambda v: 1000 + 3 * v + v % 2,
    "falling ints": lambda v: -v,
    "sparse ints": lambda v: 100_000 * v,
    "strings": lambda v: f"v{v} \N{SNOWMAN}\udc80",
    "pairs": lambda v: ("v", v),
    "mixed": lambda v: v if v % 2 else str(v),
}

stories = given(
    histories(24), st.sampled_from(sorted(NAMES)), st.randoms(use_true_random=False), st.booleans()
)


@pytest.fixture(autouse=True, params=["searches", "sweeps"])
def _ways(request, monkeypatch):
    """Run everything by searches alone, as small graphs do, and by sweeps alone."""
    if request.param == "sweeps":
        monkeypatch.setattr(routes, "_LEAST_SETTLED", 0)
        monkeypatch.setattr(routes, "_SPAN_PER_SETTLED", 1_000_000)


@settings(max_examples=40, deadline=None)
@stories
def test_routes_and_reachability_agree_with_naive_ones(parents, kind, random, tiny):
    twin = Twin(random, NAMES[kind])
    if tiny:
        index = IntervalIndex(limits=Limits(tail=3, allowance=0, slack=0, shortened=2))
        twin.graph._begin(twin.graph._ids, index)
    for row in parents:
        twin.add(row)
    twin.check()


@settings(max_examples=40, deadline=None)
@stories
def test_late_edges_are_exact_at_once(parents, kind, random, tiny):
    twin = Twin(random, NAMES[kind])
    if tiny:
        twin.graph._begin(twin.graph._ids, IntervalIndex(limits=Limits(tail=4)))
    for row in parents:
        twin.add(row)
        if random.random() < 0.4:
            twin.add_edge()
    for _ in range(6):
        twin.add_edge()
    twin.check()


@settings(max_examples=30, deadline=None)
@stories
def test_a_loaded_graph_is_the_one_that_was_built_step_by_step(parents, kind, random, shuffled):
    name = NAMES[kind]
    weights = {(v, p): random.random() for v, row in enumerate(parents) for p in row}
    edges = [(name(v), name(p), weights[v, p]) for v, row in enumerate(parents) for p in row]
    heavier = [
        (newer, older, weight + 1) for newer, older, weight in edges if random.random() < 0.2
    ]
    graph = VersionGraph.load([name(v) for v in range(len(parents))], edges + heavier)
    check(graph, parents, weights, name)
    if shuffled:  # older ends may arrive after newer ones
        places = list(range(len(parents)))
        random.shuffle(places)
        moved: Parents = [[] for _ in parents]
        for version, row in enumerate(parents):
            moved[places[version]] = [places[parent] for parent in row]
        weights = {(places[v], places[p]): weight for (v, p), weight in weights.items()}
        edges = [(name(v), name(p), weights[v, p]) for v, row in enumerate(moved) for p in row]
        random.shuffle(edges)
        graph = VersionGraph.load(iter([name(v) for v in range(len(parents))]), iter(edges))
        by_row: Parents = [[] for _ in parents]
        for newer, older, _ in edges:
            by_row[graph.number_of(newer)].append(graph.number_of(older))
        check(graph, by_row, weights, name)


@settings(max_examples=30, deadline=None)
@stories
def test_a_restored_graph_goes_on_like_the_original(parents, kind, random, tiny):
    if kind in ("pairs", "mixed"):
        kind = "strings"
    twin = Twin(random, NAMES[kind])
    if tiny:
        twin.graph._begin(twin.graph._ids, IntervalIndex(limits=Limits(tail=3)))
    for row in parents:
        twin.add(row)
        if random.random() < 0.3:
            twin.add_edge()
    restored = VersionGraph.from_state(twin.graph.state())
    assert restored.state() == twin.graph.state()
    original, seed = twin.graph, random.random()
    for graph in (original, restored):
        twin.graph = graph
        twin.parents, kept = [list(row) for row in twin.parents], [list(r) for r in twin.parents]
        weights = dict(twin.weights)
        twin.random = Random(seed)
        for _ in range(5):
            twin.add([twin.random.randrange(len(twin.parents))])
            twin.add_edge()
        told = twin.parents, twin.weights
        twin.parents, twin.weights = kept, weights
    assert restored.state() == original.state()
    check(restored, *told, twin.name)


def test_ids_that_cannot_be_kept_as_bytes_are_refused():
    graph = VersionGraph()
    graph.add(("a", 1))
    with pytest.raises(InvalidInput, match="tuple"):
        graph.state()
    graph.add("a")
    with pytest.raises(InvalidInput, match="str, tuple"):
        graph.state()
    big = VersionGraph()
    big.add(2**80)
    with pytest.raises(InvalidInput, match="64 bits"):
        big.state()
    assert list(VersionGraph.from_state(VersionGraph().state())) == []


def test_a_damaged_state_is_refused():
    graph = VersionGraph.load([1, 2], [(2, 1, 0.5)])
    state = bytearray(graph.state())
    state[-9] ^= 4
    with pytest.raises(Damaged, match="build it anew"):
        VersionGraph.from_state(bytes(state))


def test_a_refused_version_leaves_the_graph_as_it_was():
    graph = VersionGraph()
    graph.add("base")
    graph.add("next", inherits={"base": 0.5})
    before = graph.state()
    with pytest.raises(AlreadyExists, match="'next'"):
        graph.add("next")
    with pytest.raises(NotFound, match="did you mean next"):
        graph.add("last", inherits={"base": 0.1, "nex": 0.1})
    for weight in (-0.1, inf, float("nan"), "much", None):
        with pytest.raises(InvalidInput, match="last → base"):
            graph.add("last", inherits={"base": weight})
        with pytest.raises(InvalidInput, match="next → base"):
            graph.add_edge("next", "base", weight)
        with pytest.raises(InvalidInput, match="b → a"):
            VersionGraph.load(["a", "b"], [("b", "a", 0.1), ("b", "a", weight)])
    assert graph.state() == before


def test_a_missing_version_is_named_wherever_it_is_asked_for():
    graph = VersionGraph.load([10, 20, 30], [(20, 10, 0.5), (30, 20, 0.5)])
    for call in (
        lambda: graph.reaches(30, 15),
        lambda: graph.reaches(15, 30),
        lambda: graph.reaches_many(np.array([30, 15]), np.array([10, 10])),
        lambda: graph.reaches_many([30, 15], [10, 10]),
        lambda: graph.distance(30, 15),
        lambda: graph.distance_many(30, [10, 15]),
        lambda: graph.lightest_route(15, 30),
        lambda: graph.add_edge(30, 15, 0.1),
        lambda: graph.ancestors(15),
        lambda: VersionGraph.load([30], [(30, 15, 0.1)]),
    ):
        with pytest.raises(NotFound, match="no version '15'"):
            call()
    for absent in (9, 31, -10, 2**70, 10.5, "10", None):
        assert absent not in graph
        with pytest.raises(NotFound):
            graph.reaches(30, absent)
    with pytest.raises(InvalidInput, match="takes pairs"):
        graph.reaches_many([30], [10, 20])


def test_a_repeated_id_is_refused_when_loading():
    with pytest.raises(AlreadyExists, match="'b'"):
        VersionGraph.load(["a", "b", "c", "b"], [])
    with pytest.raises(AlreadyExists, match="7"):
        VersionGraph.load([7, 8, 7], [])


def test_a_cycle_is_named_in_the_direction_of_inheriting():
    graph = VersionGraph.load("abc", [("b", "a", 1), ("c", "b", 1)])
    with pytest.raises(CycleError, match="a → c → b → a") as caught:
        graph.add_edge("a", "c", 1)
    assert caught.value.cycle == ["a", "c", "b", "a"]
    with pytest.raises(CycleError, match="a → a"):
        graph.add_edge("a", "a", 1)
    with pytest.raises(CycleError) as caught:
        VersionGraph.load("abc", [("b", "a", 1), ("c", "b", 1), ("a", "c", 1)])
    assert len(caught.value.cycle) == 4


def test_distances_remembered_are_forgotten_when_an_edge_shortens_them():
    graph = VersionGraph.load(range(5), [(4, 3, 1), (4, 2, 1), (3, 1, 1), (2, 1, 2), (1, 0, 1)])
    assert graph.distance(4, 0) == 3
    assert graph.add_edge(4, 3, 0.5)
    assert graph.distance(4, 0) == 2.5
    assert not graph.add_edge(4, 3, 0.75)
    assert graph.add_edge(4, 0, 0.25)
    assert graph.distance(4, 0) == 0.25
    assert graph.lightest_route(4, 0) == [4, 0]


def test_a_budget_that_does_not_suffice_is_told_from_no_route():
    parents = git_like(400, 3)
    edges = [(v, p, 1.0) for v, row in enumerate(parents) for p in row]
    graph = VersionGraph.load(range(len(parents)), edges)
    tip = max(range(400), key=lambda v: len(graph.ancestors(v)))
    assert graph.distance(tip, 0, budget=2) is None
    assert graph.distance(0, tip, budget=2) == inf
    exact = graph.distance(tip, 0)
    assert graph.distance(tip, 0, budget=2) == exact  # remembered by now


def test_a_long_history_gives_the_same_routes_by_search_and_by_sweep():
    random = Random(9)
    parents = git_like(3000, 4)
    weights = {(v, p): random.random() for v, row in enumerate(parents) for p in row}
    graph = VersionGraph.load(range(3000), [(v, p, w) for (v, p), w in weights.items()])
    for _ in range(12):
        u = random.randrange(1500, 3000)
        truth = naive_distances(parents, weights, u)
        for w in random.sample(range(u), 12):
            check_route(graph, u, w, truth[w])


def test_a_very_long_chain_is_no_matter():
    graph = VersionGraph.load(range(50_000), [(v, v - 1, 0.1) for v in range(1, 50_000)])
    assert graph.distance(49_999, 0) == pytest.approx(4999.9)
    assert len(graph.lightest_route(49_999, 0)) == 50_000
    assert graph.distance(49_999, 49_998) == 0.1
