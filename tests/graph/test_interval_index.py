"""IntervalIndex: whatever is appended or declared late, it agrees with the naive closure."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
import pytest
from histories import Parents, closure, criss_cross, dense, git_like, histories
from hypothesis import given, settings
from hypothesis import strategies as st

from omprov.errors import CycleError, Damaged, SchemaMismatch
from omprov.graph._interval_index import IntervalIndex
from omprov.graph._intervals import close_gaps, from_mask, union
from omprov.graph._labels import Limits
from omprov.graph._snapshots import pack

TINY = Limits(tail=3, patched=5, allowance=0, slack=0, shortened=2, sample=4)
SMALL = Limits(tail=7, patched=50, allowance=2, slack=20, shortened=4, sample=30)
LIMITS = [Limits(), Limits(tail=4), SMALL, TINY]


def check(index: IntervalIndex, parents: Parents) -> None:
    """Compare every answer of the index with the closure."""
    truth = closure(parents)
    count = len(parents)
    assert len(index) == count
    everything = np.arange(count)
    reach = index.reach_function()
    for u in range(count):
        assert list(index.parents(u)) == parents[u]
        assert [reach(u, w) for w in range(count)] == truth[u].tolist()
        assert [index.reach(u, w) for w in range(count)] == truth[u].tolist()
        assert (index.reached(u, everything) == truth[u]).all()
        assert (index.reaching(everything, u) == truth[:, u]).all()
        label = index.label(u)
        assert all(label[i] < label[i + 1] for i in range(len(label) - 1))
        mask = np.zeros(count, bool)
        for low, high in zip(label[::2], label[1::2], strict=True):
            mask[low:high] = True
        assert (mask[np.array(index.numbers)] == truth[u]).all()
        assert index.is_leaf(u) == (truth[:, u].sum() == 1)
    us, ws = np.divmod(np.arange(count * count), count)
    assert (index.reach_pairs(us, ws) == truth.ravel()).all()
    assert sorted(index.numbers) == list(range(count))


@dataclass
class Story:
    """A random mix of versions and late edges, told to an index and to plain lists at once."""

    index: IntervalIndex
    parents: Parents

    def tell(self, random: Random, steps: int) -> None:
        for _ in range(steps):
            if random.random() < 0.6 or len(self.parents) < 2:
                count = min(len(self.parents), random.choice([0, 1, 1, 1, 2, 3]))
                row = random.sample(range(len(self.parents)), count)
                assert self.index.append(row) == len(self.parents)
                self.parents.append(row)
            else:
                newer, older = random.sample(range(len(self.parents)), 2)
                if self.index.reach(older, newer) or older in self.parents[newer]:
                    continue
                self.index.add_edge(newer, older)
                self.parents[newer] = [*self.parents[newer], older]


@settings(max_examples=30, deadline=None)
@given(histories(), st.sampled_from(LIMITS))
def test_a_bulk_build_agrees_with_the_closure(parents: Parents, limits: Limits):
    check(IntervalIndex(parents, limits=limits), parents)


@settings(max_examples=30, deadline=None)
@given(histories(), st.sampled_from(LIMITS), st.integers(0, 90))
def test_appending_agrees_with_the_closure(parents: Parents, limits: Limits, built: int):
    index = IntervalIndex(parents[:built], limits=limits)
    for version in range(min(built, len(parents)), len(parents)):
        assert index.append(parents[version]) == version
    check(index, parents)


@settings(max_examples=50, deadline=None)
@given(histories(40), st.sampled_from(LIMITS), st.randoms(use_true_random=False))
def test_late_edges_mixed_with_appends_agree_with_the_closure(
    parents: Parents, limits: Limits, random: Random
):
    story = Story(IntervalIndex(parents, limits=limits), [list(row) for row in parents])
    for _ in range(3):
        story.tell(random, 12)
        check(story.index, story.parents)


@settings(max_examples=40, deadline=None)
@given(histories(60), st.sampled_from(LIMITS), st.randoms(use_true_random=False))
def test_a_bulk_build_takes_parents_that_come_after_their_children(
    parents: Parents, limits: Limits, random: Random
):
    places = list(range(len(parents)))
    random.shuffle(places)
    shuffled: Parents = [[] for _ in parents]
    for version, row in enumerate(parents):
        shuffled[places[version]] = [places[parent] for parent in row]
    story = Story(IntervalIndex(shuffled, limits=limits), shuffled)
    check(story.index, shuffled)
    story.tell(random, 30)
    check(story.index, story.parents)


def test_a_cycle_in_a_bulk_build_is_named():
    with pytest.raises(CycleError) as caught:
        IntervalIndex([[], [0, 3], [1], [2]])
    cycle = caught.value.cycle
    assert cycle[0] == cycle[-1]
    assert sorted(cycle[1:]) == [1, 2, 3]


@pytest.mark.parametrize("make", [git_like, criss_cross, dense])
def test_the_revision_rises_when_numbers_or_labels_of_existing_versions_change(make):
    parents = make(120, 5)
    index = IntervalIndex(parents[:20], limits=Limits(tail=4))
    for row in parents[20:]:
        before = index.revision
        labels = [index.label(u) for u in range(len(index))]
        numbers = list(index.numbers)
        index.append(row)
        if index.revision == before:
            assert list(index.numbers)[:-1] == numbers
            assert [index.label(u) for u in range(len(index) - 1)] == labels
    assert index.revision > 0
    assert index.epoch == 0


def test_the_epoch_rises_only_when_a_late_edge_relates_more_versions():
    index = IntervalIndex([[], [0], [1], [0]])
    index.append([3])
    index.add_edge(2, 0)
    assert index.epoch == 0
    index.add_edge(3, 1)
    assert index.epoch == 1
    index.add_edge(3, 1)
    assert index.epoch == 1
    assert list(index.parents(3)) == [0, 1]


def test_many_late_edges_lead_to_a_new_numbering_with_short_labels():
    index = IntervalIndex(limits=Limits(tail=8))
    parents: Parents = []
    for version in range(2000):
        row = [version - 1] if version else []
        parents.append(row)
        index.append(row)
        if version % 10 == 9:
            index.add_edge(version, version - 5)  # nothing new: must cost nothing
    random = Random(1)
    for _ in range(150):
        index.append([random.randrange(len(index))])
        index.add_edge(len(index) - 1, random.randrange(len(index) - 1))
    assert len(index.labels.flat) < 40 * len(index)


def test_labels_of_dense_histories_stay_within_the_allowance():
    limits = Limits(tail=32, allowance=8, slack=64, shortened=8)
    parents = dense(3000, 11)
    index = IntervalIndex(limits=limits)
    for row in parents:
        index.append(row)
    assert not index.labels.exact
    assert len(index.labels.flat) < limits.slack + 3 * 8 * len(index)
    truth = closure(parents)
    random = Random(3)
    for u in random.sample(range(3000), 12):
        assert (index.reached(u, np.arange(3000)) == truth[u]).all()
        assert (index.reaching(np.arange(3000), u) == truth[:, u]).all()
    us, ws = np.array([random.sample(range(3000), 2) for _ in range(2000)]).T
    assert (index.reach_pairs(us, ws) == truth[us, ws]).all()


def test_a_parent_that_is_not_there_is_refused_and_nothing_changes():
    index = IntervalIndex([[], [0]])
    for row in ([0, 2], [-1]):
        with pytest.raises(ValueError, match="can inherit 0 to 1"):
            index.append(row)
    assert len(index) == 2
    assert not index.is_leaf(0)
    assert index.is_leaf(1)


@given(st.lists(st.booleans(), max_size=80), st.lists(st.booleans(), max_size=80))
def test_unions_are_those_of_the_sets(left: list[bool], right: list[bool]):
    size = max(len(left), len(right))
    a, b = (np.array(mask + [False] * (size - len(mask)), bool) for mask in (left, right))
    assert list(union(from_mask(a), from_mask(b))) == list(from_mask(a | b))


@given(st.lists(st.booleans(), min_size=1, max_size=80), st.integers(0, 12))
def test_closing_gaps_keeps_every_member(mask: list[bool], length: int):
    intervals = from_mask(np.array(mask, bool))
    closed = close_gaps(intervals, length)
    assert len(closed) <= max(length, 2)
    assert list(union(closed, intervals)) == list(closed)


@settings(max_examples=30, deadline=None)
@given(histories(40), st.sampled_from(LIMITS), st.integers(0, 2**32))
def test_a_restored_state_goes_on_exactly_as_the_original(
    parents: Parents, limits: Limits, seed: int
):
    original = Story(IntervalIndex(parents, limits=limits), [list(row) for row in parents])
    original.tell(Random(seed), 15)
    restored = Story(
        IntervalIndex.from_state(original.index.state()), [list(row) for row in original.parents]
    )
    assert restored.index.state() == original.index.state()
    for story in (original, restored):
        story.tell(Random(seed + 1), 25)
    assert restored.index.state() == original.index.state()
    check(restored.index, original.parents)


def test_a_damaged_or_foreign_state_is_refused():
    state = IntervalIndex([[], [0], [1]]).state()
    for place in (0, 5, 30, len(state) - 1):
        broken = bytearray(state)
        broken[place] ^= 1
        with pytest.raises(Damaged):
            IntervalIndex.from_state(bytes(broken))
    with pytest.raises(Damaged):
        IntervalIndex.from_state(state[:7])
    with pytest.raises(SchemaMismatch, match="another kind"):
        IntervalIndex.from_state(pack("another kind", 1, {}, {}))


@given(st.integers(0, 2**32))
def test_long_unions_are_those_of_the_sets(seed: int):
    generator = np.random.default_rng(seed)
    a, b = (generator.random(400) < share for share in generator.random(2))
    assert list(union(from_mask(a), from_mask(b))) == list(from_mask(a | b))
