"""In which order things are placed: whatever the packs look like, nothing comes too early."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from omprov.content._format._objects import Key, ObjectType
from omprov.content._remotes._exchange_plan import NeededNode, plan_moves

PACKS = ["p0", "p1", "p2", "p3", "p4"]


def key(number: int) -> Key:
    return Key(ObjectType.TREE, number.to_bytes(32, "big"))


@st.composite
def worlds(draw):
    """Chunks and trees, each in a pack; a tree names chunks and earlier trees."""
    chunks = draw(st.lists(st.sampled_from(PACKS), max_size=8))
    nodes: dict[Key, NeededNode] = {}
    names: dict[Key, list[int]] = {}
    for number in range(draw(st.integers(0, 10))):
        named = draw(st.lists(st.sampled_from(range(len(chunks))), max_size=3)) if chunks else []
        below = draw(st.lists(st.sampled_from(range(number)), max_size=3)) if number else []
        pack = draw(st.sampled_from([*PACKS, None]))
        nodes[key(number)] = NeededNode(
            pack, frozenset(chunks[chunk] for chunk in named), tuple(map(key, below))
        )
        names[key(number)] = named
    used = {*chunks, *(node.pack for node in nodes.values() if node.pack is not None)}
    whole = draw(st.sets(st.sampled_from(PACKS))) & used
    shuffled = draw(st.permutations(list(nodes)))
    return chunks, names, {one: nodes[one] for one in shuffled}, used, whole


@given(worlds())
def test_everything_is_placed_once_and_nothing_before_what_it_names(world):
    chunks, names, nodes, used, whole = world
    plan = plan_moves(used, whole, nodes)

    moved_whole = [*plan.first, *(pack for step in plan.steps for pack in step.packs)]
    assert len(moved_whole) == len(set(moved_whole))
    assert set(moved_whole) <= whole
    assert set(moved_whole) | set(plan.copied) == used
    assert not set(moved_whole) & set(plan.copied)

    there: set[object] = {one for one, node in nodes.items() if node.pack is None}
    placed: list[Key] = []

    def arrive(pack: str) -> None:
        there.update(number for number, home in enumerate(chunks) if home == pack)
        inside = [one for one, node in nodes.items() if node.pack == pack]
        placed.extend(inside)
        there.update(inside)
        for one in inside:
            complete(one)

    def complete(one: Key) -> None:
        assert set(names[one]) <= there
        for below in nodes[one].below:
            assert below in there
            if nodes[below].pack is None:
                complete(below)

    for pack in plan.first:
        assert not any(node.pack == pack for node in nodes.values())
        arrive(pack)
    there.update(number for number, home in enumerate(chunks) if home in plan.copied)
    for step in plan.steps:
        for pack in step.packs:
            arrive(pack)
        for one in step.objects:
            placed.append(one)
            complete(one)
            there.add(one)
    assert sorted(placed) == sorted(one for one, node in nodes.items() if node.pack is not None)


def test_packs_that_wait_for_each_other_are_taken_apart():
    nodes = {
        key(0): NeededNode("p0", frozenset({"p1"}), ()),
        key(1): NeededNode("p1", frozenset({"p0"}), ()),
    }
    plan = plan_moves({"p0", "p1", "p2"}, {"p0", "p1", "p2"}, nodes)
    assert plan.first == ["p2"]
    assert plan.copied == ["p0", "p1"]
    assert [(step.packs, sorted(step.objects)) for step in plan.steps] == [([], [key(0), key(1)])]
