"""Inferred graphs agree with their written-out meaning, whatever the order of events."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import numpy as np
import pytest
from histories import git_like
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import NaiveGraph, NaiveOutputs
from worlds import InputWorld, OutputWorld, any_tuning, free_distance

from omprov.errors import AlreadyExists, Conflict, InvalidInput, NotFound
from omprov.graph import OutputGraph, VersionGraph
from omprov.records import Edge, Missing, Policy, Treatment

seeds = st.integers(0, 2**32 - 1)


class Stream:
    """Events on three roles: inputs grow, late edges are declared, runs produce outputs."""

    def __init__(self, seed):
        random = self.random = Random(seed)
        self.policy = Policy(missing=random.choice(list(Missing)))
        count = random.randrange(1, 4)
        roles = ["algorithm", "dataset", "dataset.val"][:count]
        self.inputs = {
            role: [
                InputWorld(f"{role[:1]}{len(role)}.{part}-", random)
                for part in range(random.choice([1, 1, 2]))
            ]
            for role in roles
        }
        if count == 3 and random.random() < 0.3:
            self.inputs["dataset.val"] = self.inputs["dataset"]  # one graph in two roles
        for world in self.worlds():
            for _ in range(random.randrange(1, 15)):
                world.grow()
        self.output = OutputWorld(
            OutputGraph(
                {role: [world.graph for world in worlds] for role, worlds in self.inputs.items()},
                policy=self.policy,
                free_distance=free_distance,
                tuning=any_tuning(random),
            ),
            NaiveOutputs(
                {role: [world.naive for world in worlds] for role, worlds in self.inputs.items()},
                self.policy,
                free_distance,
            ),
        )
        self.missing = random.choice([0.0, 0.0, 0.2, 0.5])
        self.budget = random.choice([None, None, 1, 3])
        self.free = random.random() < 0.7

    def worlds(self):
        return {id(world): world for worlds in self.inputs.values() for world in worlds}.values()

    def any_inputs(self):
        random, tuples = self.random, self.output.naive.tuples
        if tuples and random.random() < 0.2:
            inputs = dict(random.choice(list(tuples.values())))
        else:
            inputs = {
                role: random.choice(random.choice(worlds).ids[-random.choice([3, 100]) :])
                for role, worlds in self.inputs.items()
                if random.random() >= self.missing
            }
        if self.free and random.random() < 0.3:
            inputs["params"] = "p" * random.randrange(1, 9)
        if random.random() < 0.3:
            inputs["environment"] = f"e{random.randrange(3)}"
        return inputs

    def step(self):
        draw = self.random.random()
        if draw < 0.3:
            self.random.choice(list(self.worlds())).grow()
        elif draw < 0.4:
            self.add_late_edge()
        else:
            self.output.add(f"m{len(self.output.graph)}", self.any_inputs(), self.budget)

    def add_late_edge(self):
        role = self.random.choice(list(self.inputs))
        world = self.random.choice(self.inputs[role])
        before = self.output.naive.relation()
        edge = world.add_late_edge()
        if edge is None:
            return
        change = self.output.graph.input_edge_added(role, *edge, budget=self.budget)
        self.output.write(change)
        self.output.check()
        after = self.output.naive.relation()
        assert set(change.grown) == {
            version for version in after if after[version] != before[version]
        }
        assert set(change.grown) <= set(change.nearer)


@given(seeds)
@settings(max_examples=70, deadline=None)
def test_every_stream_of_events_gives_the_reduction_of_algorithm_1(seed):
    stream = Stream(seed)
    for number in range(stream.random.randrange(1, 60)):
        stream.step()
        if number % 7 == 0:
            stream.output.check()
    stream.output.check()


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_every_answer_agrees_with_the_definition(seed):
    stream = Stream(seed)
    for _ in range(stream.random.randrange(1, 30)):
        stream.step()
    stream.output.check_answers()


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_a_weight_is_the_lightest_route_of_the_graph_that_algorithm_1_writes(seed):
    stream = Stream(seed)
    stream.free = False
    for _ in range(stream.random.randrange(1, 14)):
        stream.step()
    naive = stream.output.naive
    for newer in naive.tuples:
        for older in naive.tuples:
            lightest = naive.lightest_route_of_full_graph(newer, older)
            assert stream.output.graph.distance(newer, older) == pytest.approx(lightest)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_because_says_what_a_distance_is_the_mean_of(seed):
    stream = Stream(seed)
    for _ in range(stream.random.randrange(1, 20)):
        stream.step()
    graph, naive = stream.output.graph, stream.output.naive
    for newer in naive.tuples:
        for older in naive.tuples:
            because = graph.because(newer, older)
            if not naive.reaches(newer, older):
                assert because == {}
                continue
            expected = naive.because(newer, older)
            assert because.keys() == expected.keys()
            for role, (k, m, distance) in because.items():
                assert (k, m) == expected[role][:2]
                assert distance == pytest.approx(expected[role][2])


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_a_weight_that_was_put_off_is_computed_when_asked_for(seed):
    stream = Stream(seed)
    stream.budget = stream.random.choice([0, 1, 2])
    for _ in range(stream.random.randrange(1, 30)):
        stream.step()
    graph, naive = stream.output.graph, stream.output.naive
    for newer, older, _ in list(graph.edges()):
        weight = graph.weight(newer, older)
        assert weight == pytest.approx(naive.distance(newer, older))
        assert graph.parents(newer)[older] == weight
        assert graph.children(older)[newer] == weight


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_whoever_filled_in_weights_that_were_put_off_is_told_when_they_shrink(seed):
    stream = Stream(seed)
    random, graph, naive = stream.random, stream.output.graph, stream.output.naive
    rows = {}
    for number in range(random.randrange(1, 30)):
        draw, change = random.random(), None
        if draw < 0.6:
            inputs = naive.tuples[f"m{number}"] = stream.any_inputs()
            change = graph.add(f"m{number}", inputs, budget=0)
        else:
            role = random.choice(list(stream.inputs))
            world = random.choice(stream.inputs[role])
            edge = world.add_late_edge() if draw < 0.9 else world.grow()
            if edge is not None:
                change = graph.input_edge_added(role, *edge)
        if change is not None:
            for newer, older, _ in change.removed:
                del rows[newer, older]
            for newer, older, weight in change.added + change.reweighted:
                rows[newer, older] = naive.distance(newer, older) if weight is None else weight
        assert rows == {edge: pytest.approx(naive.distance(*edge)) for edge in naive.edges()}


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_a_lightest_route_follows_stored_edges_from_end_to_end(seed):
    stream = Stream(seed)
    for _ in range(stream.random.randrange(1, 25)):
        stream.step()
    graph, naive = stream.output.graph, stream.output.naive
    weights = {}
    for newer, older, _ in list(graph.edges()):
        weights.setdefault(newer, {})[older] = graph.weight(newer, older)
    stored = NaiveGraph({version: weights.get(version, {}) for version in naive.tuples})
    for newer in naive.tuples:
        for older in naive.tuples:
            route = graph.lightest_route(newer, older)
            if not naive.reaches(newer, older):
                assert route is None
                continue
            assert (route[0], route[-1]) == (newer, older)
            total = sum(weights[upper][lower] for upper, lower in pairwise(route))
            assert total == pytest.approx(stored.distance(newer, older))
            assert total >= graph.distance(newer, older) - 1e-9 or stream.free


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_a_graph_read_back_from_its_state_behaves_the_same_ever_after(seed):
    stream = Stream(seed)
    for _ in range(stream.random.randrange(0, 30)):
        stream.step()
    output = stream.output
    inputs = {r: [world.graph for world in worlds] for r, worlds in stream.inputs.items()}
    output.graph = OutputGraph.from_state(
        output.graph.state(),
        inputs,
        policy=stream.policy,
        free_distance=free_distance,
        tuning=any_tuning(stream.random),
    )
    output.check()
    for _ in range(stream.random.randrange(0, 30)):
        stream.step()
    output.check()
    output.check_answers()


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_recomputing_under_another_policy_gives_what_that_policy_means(seed):
    stream = Stream(seed)
    for _ in range(stream.random.randrange(0, 30)):
        stream.step()
    random, output = stream.random, stream.output
    roles = {
        role: random.choice(list(Treatment))
        for role in [*stream.inputs, "environment"]
        if random.random() < 0.5
    }
    if roles.get("environment") is Treatment.LINEAGE:
        environments = InputWorld("e", random)
        for _ in range(3):
            environments.grow()
        output.graph.add_input("environment", environments.graph)
        output.naive.inputs["environment"] = [environments.naive]
    policy = Policy(roles, missing=random.choice(list(Missing)))
    output.naive.policy = policy
    output.write(output.graph.recompute(policy))
    assert output.graph.policy == policy
    output.check()
    stream.inputs = {r: w for r, w in stream.inputs.items() if roles.get(r) is None}
    for _ in range(15):
        if stream.inputs:
            stream.step()
    output.check()


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_recomputing_when_nothing_changed_changes_nothing(seed):
    stream = Stream(seed)
    stream.budget = None
    for _ in range(stream.random.randrange(0, 40)):
        stream.step()
    assert not stream.output.graph.recompute()
    stream.output.check()


def test_recomputing_with_other_inputs_follows_edges_that_were_taken_away():
    with_edge, without = VersionGraph(), VersionGraph()
    for graph in (with_edge, without):
        graph.add("a1")
    with_edge.add("a2", {"a1": 0.5})
    without.add("a2")
    outputs = OutputGraph({"algorithm": with_edge})
    outputs.add("m1", {"algorithm": "a1"})
    outputs.add("m2", {"algorithm": "a2"})
    change = outputs.recompute(inputs={"algorithm": without})
    assert change.removed == [Edge("m2", "m1", 0.5)]
    assert not outputs.reaches("m2", "m1")


def closure(parents):
    """Which version reaches which, as a matrix."""
    reached = np.eye(len(parents), dtype=bool)
    for version, row in enumerate(parents):
        for parent in row:
            reached[version] |= reached[parent]
    return reached


@pytest.mark.parametrize("seed", range(2))
def test_a_long_stream_agrees_with_matrices(seed):
    random, count = Random(seed), 1200
    histories = {"algorithm": git_like(3000, seed), "dataset": git_like(200, seed + 9)}
    graphs = {
        role: VersionGraph.load(
            range(len(rows)), [(v, parent, 0.5) for v, row in enumerate(rows) for parent in row]
        )
        for role, rows in histories.items()
    }
    outputs = OutputGraph(graphs)
    used = []
    for number in range(count):
        used.append(
            {
                role: min(len(rows) - 1, len(rows) * number // count + random.randrange(9))
                if random.random() < 0.8
                else random.randrange(len(rows))
                for role, rows in histories.items()
            }
        )
        outputs.add(number, used[-1], budget=0)
    relation = np.ones((count, count), dtype=bool)
    same = np.ones((count, count), dtype=bool)
    for role, rows in histories.items():
        versions = np.array([inputs[role] for inputs in used])
        relation &= closure(rows)[np.ix_(versions, versions)]
        same &= versions[:, None] == versions
    relation &= ~same | np.tri(count, k=-1, dtype=bool)  # of replicas, the later inherits
    between = relation.astype(np.float32) @ relation.astype(np.float32)
    expected = set(map(tuple, np.argwhere(relation & (between == 0)).tolist()))
    assert {(newer, older) for newer, older, _ in outputs.edges()} == expected


def two_algorithms():
    graph = VersionGraph()
    graph.add("a1")
    graph.add("a2", {"a1": 0.25})
    graph.add("a3")
    return graph


def test_a_run_on_old_inputs_makes_a_version_that_newer_ones_inherit():
    outputs = OutputGraph({"algorithm": two_algorithms()})
    outputs.add("m1", {"algorithm": "a2"})
    change = outputs.add("m2", {"algorithm": "a1"})
    assert change.added == [Edge("m1", "m2", 0.25)]
    assert outputs.descendants("m2") == ["m1"]


def test_replicas_form_a_chain_and_edges_from_above_move_to_the_newest():
    outputs = OutputGraph({"algorithm": two_algorithms()})
    outputs.add("m1", {"algorithm": "a1", "params": "p1"})
    outputs.add("m2", {"algorithm": "a2", "params": "p1"})
    change = outputs.add("m3", {"algorithm": "a1", "params": "p2"})
    assert sorted(change.added) == [Edge("m2", "m3", (0.25 + 1) / 2), Edge("m3", "m1", 0.5)]
    assert change.removed == [Edge("m2", "m1", 0.125)]


def test_without_a_constraining_role_nothing_is_inferred():
    outputs = OutputGraph(policy=Policy(missing=Missing.OLDEST))
    outputs.add("m1", {"params": "p1"})
    change = outputs.add("m2", {"params": "p1"})
    assert not change
    assert not outputs.reaches("m2", "m1")
    assert outputs.ancestors("m2") == outputs.descendants("m1") == []


def test_versions_of_different_graphs_of_a_role_are_incomparable():
    other = VersionGraph()
    other.add("b1")
    outputs = OutputGraph({"algorithm": [two_algorithms(), other]})
    outputs.add("m1", {"algorithm": "a1"})
    outputs.add("m2", {"algorithm": "b1"})
    assert not outputs.reaches("m2", "m1")
    assert outputs.distance("m2", "m1") == float("inf")


def test_a_role_without_a_graph_is_refused_by_name():
    outputs = OutputGraph({"algorithm": two_algorithms()})
    with pytest.raises(InvalidInput, match="dataset"):
        outputs.add("m1", {"algorithm": "a1", "dataset": "d1"})
    assert len(outputs) == 0


def test_an_unknown_input_is_named_with_its_role():
    outputs = OutputGraph({"algorithm": two_algorithms()})
    with pytest.raises(NotFound, match=r"algorithm.*a9"):
        outputs.add("m1", {"algorithm": "a9"})


def test_a_version_is_added_once():
    outputs = OutputGraph({"algorithm": two_algorithms()})
    outputs.add("m1", {"algorithm": "a1"})
    with pytest.raises(AlreadyExists, match="m1"):
        outputs.add("m1", {"algorithm": "a1"})


def test_unknown_versions_are_refused_in_every_question():
    outputs = OutputGraph({"algorithm": two_algorithms()})
    outputs.add("m1", {"algorithm": "a1"})
    for ask in (outputs.reaches, outputs.distance, outputs.weight, outputs.because):
        with pytest.raises(NotFound, match="m9"):
            ask("m1", "m9")
    for ask in (outputs.ancestors, outputs.descendants, outputs.parents, outputs.tuple_of):
        with pytest.raises(NotFound, match="m9"):
            ask("m9")


def test_a_late_edge_that_nobody_told_stops_the_next_insertion():
    graph = two_algorithms()
    outputs = OutputGraph({"algorithm": graph})
    outputs.add("m1", {"algorithm": "a1"})
    outputs.add("m3", {"algorithm": "a3"})
    graph.add_edge("a3", "a1", 0.5)
    with pytest.raises(Conflict, match="input_edge_added"):
        outputs.add("m2", {"algorithm": "a2"})
    assert outputs.input_edge_added("algorithm", "a3", "a1").grown == ["m3"]
    outputs.add("m2", {"algorithm": "a2"})


def test_a_distance_outside_zero_and_one_is_refused_and_nothing_changes():
    outputs = OutputGraph({"algorithm": two_algorithms()}, free_distance=lambda *_: 7.0)
    outputs.add("m1", {"algorithm": "a1", "params": "p1"})
    with pytest.raises(InvalidInput, match="params"):
        outputs.add("m2", {"algorithm": "a2", "params": "p2"})
    assert list(outputs) == ["m1"]
    assert list(outputs.edges()) == []


def test_a_recomputation_that_fails_changes_nothing():
    outputs = OutputGraph({"algorithm": two_algorithms()})
    outputs.add("m1", {"algorithm": "a1", "environment": "e1"})
    outputs.add("m2", {"algorithm": "a2", "environment": "e1"})
    before = list(outputs.edges())
    with pytest.raises(InvalidInput, match="environment"):
        outputs.recompute(Policy({"environment": Treatment.LINEAGE}))
    assert list(outputs.edges()) == before
    outputs.add("m3", {"algorithm": "a2", "environment": "e2"})


def test_an_input_may_be_named_twice_and_roles_may_come_later():
    graph, data = two_algorithms(), VersionGraph()
    data.add("d1")
    outputs = OutputGraph({"algorithm": graph}, policy=Policy(missing=Missing.OLDEST))
    outputs.add("m1", {"algorithm": "a1"})
    outputs.add_input("algorithm", graph)
    outputs.add_input("dataset", data)
    change = outputs.add("m2", {"algorithm": "a2", "dataset": "d1"})
    assert change.added == [Edge("m2", "m1", (0.25 + 1) / 2)]


def test_growth_of_a_graph_that_is_no_input_is_refused():
    outputs = OutputGraph({"algorithm": two_algorithms()})
    with pytest.raises(InvalidInput, match="no role"):
        outputs.input_grown(OutputGraph(), [])


def test_pairs_are_answered_many_at_a_time():
    outputs = OutputGraph({"algorithm": two_algorithms()})
    outputs.add("m1", {"algorithm": "a1"})
    outputs.add("m2", {"algorithm": "a2"})
    assert outputs.reaches_many(["m2", "m1"], ["m1", "m2"]).tolist() == [True, False]
    with pytest.raises(InvalidInput):
        outputs.reaches_many(["m2"], [])


def test_edges_that_do_not_fit_the_versions_are_refused_on_loading():
    graph = two_algorithms()
    versions = [
        ("m1", {"algorithm": "a1"}),
        ("m2", {"algorithm": "a1"}),
        ("m3", {"algorithm": "a2"}),
    ]
    outputs = OutputGraph({"algorithm": graph})
    outputs.load(versions, [Edge("m2", "m1", 0.0), Edge("m3", "m2", 0.25)])
    assert outputs.reaches("m3", "m1")
    with pytest.raises(InvalidInput, match="m3 → m1"):
        OutputGraph({"algorithm": graph}).load(versions, [Edge("m3", "m1", 0.25)])
