"""Inferred graphs agree with their written-out meaning, whatever the order of events."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import NaiveOutputs
from worlds import InputWorld, OutputWorld, any_tuning, free_distance

from omprov.graph import OutputGraph
from omprov.records import Missing, Policy

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
        if random.random() < 0.3:
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
@settings(max_examples=150, deadline=None)
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
