"""Inferred graphs as inputs of inferred graphs: pipelines, fine-tuning, mutual feeding."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import NaiveOutputs
from worlds import InputWorld, OutputWorld, any_tuning, free_distance

from omprov.graph import OutputGraph, VersionGraph
from omprov.records import Missing, Policy

seeds = st.integers(0, 2**32 - 1)


class Pipelines:
    """Models from code, datasets and earlier models; datasets made by models; both tell each other.

    `models` takes its own versions as base models, and derived datasets; `datasets` is derived by
    models. `reports` is made from models alone.
    """

    def __init__(self, seed, *, mutual=True):
        random = self.random = Random(seed)
        self.policy = Policy(
            missing=random.choice([Missing.OLDEST, Missing.OLDEST, Missing.SEPARATE])
        )
        self.code, self.raw = InputWorld("a", random), InputWorld("r", random)
        for world in (self.code, self.raw):
            for _ in range(random.randrange(1, 10)):
                world.grow()
        self.models, self.datasets, self.reports = (self.output() for _ in range(3))
        self.connect(self.models, "algorithm", self.code)
        self.connect(self.models, "dataset", self.raw)
        self.connect(self.models, "base_model", self.models)
        self.connect(self.models, "teacher", self.models)
        self.connect(self.datasets, "algorithm", self.code)
        self.connect(self.datasets, "base_model", self.models)
        self.connect(self.reports, "model", self.models)
        if mutual:
            self.connect(self.models, "dataset", self.datasets)
        self.outputs = {"m": self.models, "d": self.datasets, "x": self.reports}
        self.budget = random.choice([None, None, 2])

    def output(self):
        graph = OutputGraph(
            policy=self.policy, free_distance=free_distance, tuning=any_tuning(self.random)
        )
        return OutputWorld(graph, NaiveOutputs({}, self.policy, free_distance))

    @staticmethod
    def connect(output, role, world):
        output.graph.add_input(role, world.graph)
        output.naive.inputs.setdefault(role, []).append(world.naive)

    def step(self):
        draw = self.random.random()
        if draw < 0.2:
            self.random.choice([self.code, self.raw]).grow()
        elif draw < 0.4:
            self.add_late_edge()
        else:
            self.add_output(self.random.choice("mmmdx"))

    def add_output(self, letter):
        output = self.outputs[letter]
        tuples = output.naive.tuples
        if tuples and self.random.random() < 0.15:
            inputs = dict(self.random.choice(list(tuples.values())))
        else:
            inputs = {role: self.any_of(role, output) for role in output.naive.inputs}
        inputs = {role: used for role, used in inputs.items() if used is not None}
        output.add(f"{letter}{len(tuples)}", inputs, self.budget)

    def any_of(self, role, output):
        graphs = output.naive.inputs[role]
        graph = self.random.choice(graphs)
        ids = list(getattr(graph, "tuples", None) or getattr(graph, "parents", ()))
        missing = 0.5 if role in {"teacher", "base_model"} else 0.1
        if not ids or self.random.random() < missing:
            return None
        return self.random.choice(ids[-self.random.choice([2, 100]) :])

    def add_late_edge(self):
        world, users = self.random.choice(
            [(self.code, [self.models, self.datasets]), (self.raw, [self.models])]
        )
        before = {letter: output.naive.relation() for letter, output in self.outputs.items()}
        edge = world.add_late_edge()
        if edge is None:
            return
        role = "algorithm" if world is self.code else "dataset"
        grown = {id(output): set() for output in self.outputs.values()}
        waiting = []
        for user in self.random.sample(users, len(users)):
            change = user.graph.input_edge_added(role, *edge, budget=self.budget)
            waiting.append((user, change))
        while waiting:
            output, change = waiting.pop(0)
            output.write(change)
            grown[id(output)].update(change.grown)
            if change.nearer:
                waiting.extend(
                    (user, user.graph.input_grown(output.graph, change.nearer, budget=self.budget))
                    for user in self.users_of(output)
                )
        for letter, output in self.outputs.items():
            after = output.naive.relation()
            assert grown[id(output)] == {v for v in after if after[v] != before[letter][v]}
            output.check()

    def users_of(self, output):
        return [
            user
            for user in self.outputs.values()
            if user is not output
            and any(output.naive in graphs for graphs in user.naive.inputs.values())
        ]


@given(seeds, st.booleans())
@settings(max_examples=100, deadline=None)
def test_graphs_that_feed_each_other_agree_with_the_definition(seed, mutual):
    pipelines = Pipelines(seed, mutual=mutual)
    for _ in range(pipelines.random.randrange(1, 40)):
        pipelines.step()
    for output in pipelines.outputs.values():
        output.check()


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_every_answer_of_chained_graphs_agrees_with_the_definition(seed):
    pipelines = Pipelines(seed)
    for _ in range(pipelines.random.randrange(1, 25)):
        pipelines.step()
    for output in pipelines.outputs.values():
        output.check_answers()


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_a_graph_that_feeds_itself_comes_back_from_its_state(seed):
    pipelines = Pipelines(seed, mutual=False)
    for _ in range(pipelines.random.randrange(1, 30)):
        pipelines.step()
    models = pipelines.models
    back = OutputGraph.from_state(
        models.graph.state(),
        {"algorithm": pipelines.code.graph, "dataset": pipelines.raw.graph},
        policy=pipelines.policy,
        free_distance=free_distance,
        tuning=any_tuning(pipelines.random),
    )
    models.graph = back
    models.check()
    for number in range(10):
        models.add(
            f"n{number}",
            {"algorithm": pipelines.code.ids[-1], "base_model": list(back)[-1]}
            if len(back)
            else {},
        )
    models.check()
    models.check_answers()


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_a_graph_that_feeds_itself_is_recomputed_to_what_it_was(seed):
    pipelines = Pipelines(seed)
    pipelines.budget = None
    for _ in range(pipelines.random.randrange(1, 30)):
        pipelines.step()
    for output in pipelines.outputs.values():
        assert not output.graph.recompute()
        output.check()


def test_a_chain_of_fine_tuning_may_be_deeper_than_the_stack():
    code = VersionGraph()
    code.add("a0")
    models = OutputGraph({"algorithm": code}, policy=Policy(missing=Missing.OLDEST))
    models.add_input("base_model", models)
    depth = 3000
    versions = [("m0", {"algorithm": "a0"})]
    versions += [(f"m{n}", {"algorithm": "a0", "base_model": f"m{n - 1}"}) for n in range(1, depth)]
    models.load(versions, [(f"m{n}", f"m{n - 1}", None) for n in range(1, depth)])
    newest = f"m{depth - 1}"
    assert models.reaches(newest, "m0")
    assert not models.reaches("m0", newest)
    assert models.distance("m2", "m1") == pytest.approx((0 + (0 + 1) / 2) / 2)
    assert models.distance(newest, f"m{depth - 2}") < 1e-9
    change = models.add("last", {"algorithm": "a0", "base_model": newest})
    assert [(edge.newer, edge.older) for edge in change.added] == [("last", newest)]
