"""Which commits are versions: against the rule written out over sets."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from omprov.capture._git._contraction import Contraction
from omprov.capture._git._history import Commit
from omprov.records import Edge


@st.composite
def histories(draw):
    """Commits with up to three parents each, and few trees, so that reverts are frequent."""
    commits = []
    for place in range(draw(st.integers(1, 14))):
        parents = (
            draw(st.lists(st.integers(0, place - 1), max_size=3, unique=True)) if place else []
        )
        tree = draw(st.sampled_from(["a", "b", "c", None]))
        commits.append((parents, tree))
    return commits


def to_commit(place, parents, tree):
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return Commit(f"{place:040x}", tuple(f"{one:040x}" for one in parents), tree, "", when, "")


def by_the_rule(history):
    """Return each commit's version, and what each version inherits, by sets of ancestors."""
    home, tree_of, above, inherits = {}, {}, {}, {}
    for place, (parents, tree) in enumerate(history):
        lines = []
        for parent in parents:
            if home[parent] is not None and home[parent] not in lines:
                lines.append(home[parent])
        lines = [one for one in lines if not any(one in above[other] - {other} for other in lines)]
        if tree is None:
            home[place] = lines[0] if lines else None
        elif len(lines) == 1 and tree_of[lines[0]] == tree:
            home[place] = lines[0]
        else:
            home[place], tree_of[place], inherits[place] = place, tree, lines
            above[place] = {place}.union(*(above[one] for one in lines))
    return home, inherits


@given(histories())
def test_commits_are_placed_by_the_rule(history):
    contraction = Contraction({}, list)
    commits = [to_commit(place, *facts) for place, facts in enumerate(history)]
    trees = {commit.id: commit.tree for commit in commits}
    home, inherits = by_the_rule(history)
    for place, commit in enumerate(commits):
        found = contraction.place(commit, trees.__getitem__)
        expected = inherits.get(place)
        assert found == (None if expected is None else [f"{one:040x}" for one in expected])
        assert contraction.homes[commit.id] == (
            None if home[place] is None else f"{home[place]:040x}"
        )


@given(histories(), st.data())
def test_an_import_goes_on_where_an_earlier_one_ended(history, data):
    history = [(parents, tree or "a") for parents, tree in history]  # see the next test
    commits = [to_commit(place, *facts) for place, facts in enumerate(history)]
    trees = {commit.id: commit.tree for commit in commits}
    home, inherits = by_the_rule(history)
    done = data.draw(st.integers(0, len(history)))
    known = {
        commits[place].id: None if home[place] is None else home[place] for place in range(done)
    }
    edges = [Edge(newer, one, 0.5) for newer in inherits if newer < done for one in inherits[newer]]
    contraction = Contraction(known, lambda: edges)

    def named(one):
        return one if one < done else f"{one:040x}"

    for place in range(done, len(commits)):
        found = contraction.place(commits[place], trees.__getitem__)
        expected = inherits.get(place)
        assert found == (None if expected is None else [named(one) for one in expected])


def test_what_comes_back_after_it_was_gone_is_recorded_again_by_a_later_import():
    commits = [to_commit(0, [], "a"), to_commit(1, [0], None), to_commit(2, [1], "a")]
    trees = {commit.id: commit.tree for commit in commits}
    whole = Contraction({}, list)
    assert [whole.place(commit, trees.__getitem__) for commit in commits] == [[], None, None]
    later = Contraction({commits[0].id: 7, commits[1].id: 7}, list)
    assert later.place(commits[2], trees.__getitem__) == [7]
