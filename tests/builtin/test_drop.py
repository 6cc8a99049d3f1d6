"""Which change of an input goes with a drop: by hand-made edges."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from omprov.builtin.demo._drop import find_drop, measured_steps
from omprov.records import AssetName, Because, Inherits, Kind, Origin, Version

BORN = datetime(2026, 1, 1, tzinfo=UTC)


def version(kind, number):
    name = AssetName("default", Kind(kind), "x")
    key = number + 100 * list(Kind).index(Kind(kind))
    return Version(f"{kind}{number}", key, name, number, None, 0, 0, BORN, "me")


def edge(newer, older, **roles):
    because = [
        Because(role, version(role, new), version(role, old), 0.0 if new == old else 0.5)
        for role, (new, old) in roles.items()
    ]
    return Inherits(
        version("model", newer), version("model", older), 0.1, Origin.INFERRED, tuple(because)
    )


EDGES = [
    edge(2, 1, algorithm=(2, 1), dataset=(1, 1)),
    edge(3, 1, algorithm=(1, 1), dataset=(2, 1)),
    edge(4, 2, algorithm=(2, 2), dataset=(2, 1)),
    edge(4, 3, algorithm=(2, 1), dataset=(2, 2)),
]


def find(accuracies, edges=EDGES):
    metric = {version("model", number).key: value for number, value in accuracies.items()}
    return find_drop(measured_steps(edges, metric))


def numbers(steps):
    return [(step.edge.newer.number, step.edge.older.number) for step in steps]


def test_the_largest_drop_names_the_input_that_changed():
    drop = find({1: 0.9, 2: 0.95, 3: 0.7, 4: 0.72})
    assert numbers([drop.step]) == [(4, 2)]
    assert drop.step.change == pytest.approx(-0.23)
    assert drop.edges == 4
    (suspect,) = drop.suspects
    assert str(suspect.reason.newer) == "dataset/x:v2"
    assert numbers(suspect.alone) == [(3, 1)]
    assert sorted(numbers(suspect.without)) == [(2, 1), (4, 3)]


def test_code_can_be_to_blame_as_well():
    drop = find({1: 0.9, 2: 0.5, 3: 0.91, 4: 0.52})
    assert numbers([drop.step]) == [(2, 1)]
    assert [suspect.reason.role for suspect in drop.suspects] == ["algorithm"]
    assert numbers(drop.suspects[0].alone) == [(4, 3)]


def test_two_changes_at_once_are_both_suspects():
    both = [
        edge(2, 1, algorithm=(2, 1), dataset=(2, 1)),
        edge(3, 1, algorithm=(1, 1), dataset=(2, 1)),
    ]
    drop = find({1: 0.9, 2: 0.3, 3: 0.4}, both)
    assert {s.reason.role: numbers(s.alone) for s in drop.suspects} == {
        "algorithm": [],
        "dataset": [(3, 1)],
    }


def test_there_may_be_no_drop_and_nothing_measured():
    assert find({1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4}) is None
    assert find({1: 0.1}) is None
    assert find({}) is None
