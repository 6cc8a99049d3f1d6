"""The laws that every measure keeps, and the registry."""

import io
import json
import sys
from importlib.metadata import EntryPoint

import numpy as np
import pytest
from diff_oracle import trees as plain_trees
from hypothesis import given
from hypothesis import strategies as st

from omprov.diff import MemoryTree, _registry, compare, get_measure, measure_for, measures
from omprov.errors import Conflict, InvalidInput, NotFound, Unavailable
from omprov.records import Difference, Kind

BUILT_IN = ("cells", "files", "keys", "packages", "records", "rows", "tensors", "words")
names = st.sampled_from(BUILT_IN)


TABLE = st.lists(st.sampled_from(["1,2", "a,b", '"a",b', "3"]), max_size=4).map("\n".join)
OBJECT = st.fixed_dictionaries({"id": st.integers(0, 2)}, optional={"x": st.integers(0, 1)})
CELL = st.fixed_dictionaries(
    {"cell_type": st.just("code"), "source": st.sampled_from(["a b", "c"])}
)


def npz(numbers):
    sink = io.BytesIO()
    np.savez(sink, w=np.array(numbers, np.float32))
    return sink.getvalue()


CONTENTS = {
    "a.csv": TABLE.map(str.encode),
    "b/a.csv": TABLE.map(str.encode),
    "a.jsonl": st.lists(OBJECT).map(lambda rows: "\n".join(map(json.dumps, rows)).encode()),
    "a.json": st.lists(OBJECT, max_size=3).map(json.dumps).map(str.encode),
    "a.ipynb": st.lists(CELL, max_size=3).map(lambda c: json.dumps({"cells": c}).encode()),
    "a.npz": st.lists(st.sampled_from([0.0, 1.5, -2.0]), max_size=3).map(npz),
    "b/b.npz": st.lists(st.sampled_from([0.0, 1.5]), max_size=2).map(npz),
}


@st.composite
def typed_trees(draw):
    """Trees of files that the finer measures read, and now and then of files that lie."""
    paths = draw(st.lists(st.sampled_from(list(CONTENTS)), unique=True, max_size=4))
    lies = st.sampled_from([b"", b"{", b"\0", b"PK\3\4"])
    mixed = {path: draw(st.one_of(CONTENTS[path], CONTENTS[path], lies)) for path in paths}
    return MemoryTree(mixed)


trees = st.one_of(plain_trees(), typed_trees())


@given(names, trees, trees)
def test_weights_lie_between_nothing_and_everything(name, old, new):
    difference = compare(old, new, name)
    assert 0 <= difference.amount <= difference.total
    assert 0 <= difference.weight <= 1
    assert difference.measure == name


@given(names, trees, trees)
def test_sides_may_be_exchanged(name, old, new):
    there, back = compare(old, new, name), compare(new, old, name)
    assert (there.amount, there.total) == (back.amount, back.total)


@given(names, trees)
def test_equal_trees_do_not_differ(name, tree):
    difference = compare(tree, tree, name)
    assert (difference.amount, difference.changed, difference.changes) == (0, 0, ())


@given(names, trees)
def test_nothing_is_the_empty_tree(name, tree):
    assert compare(None, tree, name) == compare(MemoryTree({}), tree, name)
    assert compare(tree, None, name) == compare(tree, MemoryTree({}), name)
    assert compare(None, tree, name).amount == compare(None, tree, name).total


@given(names, trees, trees)
def test_evidence_survives_as_json(name, old, new):
    difference = compare(old, new, name)
    assert Difference.from_json(difference.to_json()) == difference


@given(names, trees, trees, st.integers(0, 3))
def test_the_sample_is_bounded_and_the_count_is_not(name, old, new, sample):
    whole, sampled = compare(old, new, name), compare(old, new, name, sample=sample)
    assert sampled.changes == whole.changes[:sample]
    assert sampled.changed == whole.changed == len(whole.changes)


def test_nothing_in_common_weighs_one_and_nothing_at_all_weighs_nothing():
    old, new = MemoryTree({"a": b"1"}), MemoryTree({"b": b"2"})
    for name in BUILT_IN:
        assert compare(None, None, name).weight == 0
        assert compare(None, new, name).weight == 1
    assert compare(old, new, "words").weight == 1
    assert compare(old, new, "files").weight == 1


def test_every_kind_has_a_measure():
    chosen = {str(kind): measure_for(kind).name for kind in Kind}
    assert chosen == {
        "algorithm": "words",
        "dataset": "files",
        "model": "files",
        "params": "keys",
        "environment": "packages",
        "summary": "files",
        "file": "files",
    }
    assert measure_for("dataset", "words").name == "words"


def test_an_unknown_kind_is_refused_with_the_kinds_there_are():
    with pytest.raises(InvalidInput, match=r"'table' is no kind .*dataset"):
        measure_for("table")


def test_an_unknown_measure_is_refused_with_the_names_there_are():
    with pytest.raises(NotFound, match=r"no measure 'miles'.*words"):
        get_measure("miles")


@pytest.fixture
def install(monkeypatch):
    """Pretend that entry points of the group are installed."""
    installed = []

    def entry_points(*, group, name=None):
        assert group == "omprov.measures"
        return [point for point in installed if name is None or point.name == name]

    def add(name, value):
        installed.append(EntryPoint(name, value, "omprov.measures"))

    monkeypatch.setattr(_registry, "entry_points", entry_points)
    _registry._load.cache_clear()
    yield add
    _registry._load.cache_clear()


class LinesMeasure:
    name = "lines"

    def compare(self, old, new, *, sample=100, word_counts=None):
        return Difference(self.name, 1, 2)


lines = LinesMeasure()


def test_an_installed_measure_is_found_by_name(install):
    install("lines", f"{__name__}:lines")
    assert "lines" in measures()
    assert get_measure("lines") is sys.modules[__name__].lines
    assert compare(None, None, "lines").weight == 0.5
    assert measure_for("dataset", "lines").name == "lines"


def test_installed_measures_are_not_loaded_to_be_listed(install):
    install("broken", "no_such_module_anywhere:measure")
    assert measures() == ("broken", *BUILT_IN)


def test_a_measure_that_cannot_be_loaded_is_named(install):
    install("broken", "no_such_module_anywhere:measure")
    with pytest.raises(Unavailable, match=r"'broken' of .*no_such_module_anywhere:measure"):
        get_measure("broken")


def test_what_is_no_measure_is_refused(install):
    install("odd", f"{__name__}:LinesMeasure")
    with pytest.raises(Unavailable, match=r"'odd'.*is no measure"):
        get_measure("odd")


def test_an_installed_measure_does_not_replace_a_built_in_one(install):
    install("words", f"{__name__}:lines")
    assert get_measure("words") is not lines


def test_two_installed_measures_of_one_name_are_refused(install):
    install("lines", f"{__name__}:lines")
    install("lines", f"{__name__}:LinesMeasure")
    with pytest.raises(Conflict, match="'lines' comes from"):
        get_measure("lines")
