import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omprov.diff import MemoryTree, compare, compare_keys

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)
params = st.dictionaries(st.sampled_from(["lr", "depth", "a.b", "a", "b\\"]), values)


def changed(old, new):
    return {change.name: change.change for change in compare_keys(old, new).changes}


@given(params)
def test_parameters_do_not_differ_from_themselves(values):
    assert compare_keys(values, values).amount == 0
    assert compare_keys(values, json.loads(json.dumps(values))).amount == 0


@given(params, params)
def test_sides_may_be_exchanged(old, new):
    there, back = compare_keys(old, new), compare_keys(new, old)
    assert (there.amount, there.total) == (back.amount, back.total)
    assert 0 <= there.weight <= 1
    assert there.amount == sum(there.counts.values())


@given(params, params)
def test_a_file_of_parameters_differs_as_the_parameters_do(old, new):
    trees = [MemoryTree({"params.json": json.dumps(side).encode()}) for side in (old, new)]
    assert compare(*trees, "keys") == compare_keys(old, new)


def test_inner_keys_are_dotted_and_dots_in_keys_escaped():
    old = {"optimizer": {"name": "adam", "lr": 0.1}, "a": {"b": 1}}
    new = {"optimizer": {"name": "adam", "lr": 0.2}, "a.b": 1}
    assert changed(old, new) == {"optimizer.lr": "changed", "a.b": "removed", "a\\.b": "added"}


def test_the_weight_is_over_the_union_of_keys():
    assert compare_keys({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 0, "d": 4}).weight == 3 / 4


def test_values_are_kept_as_evidence():
    [change] = compare_keys({"lr": 0.1}, {"lr": 0.2}).changes
    assert (change.old, change.new) == (0.1, 0.2)


def test_nan_is_nan_and_one_is_one_but_true_is_not_one():
    assert compare_keys({"x": math.nan}, {"x": math.nan}).amount == 0
    assert compare_keys({"x": [math.nan]}, {"x": [math.nan]}).amount == 0
    assert compare_keys({"x": 1}, {"x": 1.0}).amount == 0
    assert compare_keys({"x": 1}, {"x": True}).amount == 1
    assert compare_keys({"x": 0}, {"x": None}).amount == 1
    assert compare_keys({"x": "1"}, {"x": 1}).amount == 1


def test_a_list_is_one_value():
    difference = compare_keys({"layers": [64, 64]}, {"layers": [32, 64, 64]})
    assert (difference.amount, difference.total) == (1, 1)


def test_nothing_and_empty_parameters_are_the_same():
    assert compare_keys(None, {}).weight == 0
    assert compare_keys(None, {"a": 1}).weight == 1


def test_evidence_is_json_that_every_reader_takes():
    difference = compare_keys({"x": math.nan}, {"x": list(range(10_000))})
    text = json.dumps(difference.to_json(), allow_nan=False)
    assert len(text) < 2_000


def test_toml_and_json_of_equal_keys_are_equal():
    old = MemoryTree({"a.json": b'{"model": {"depth": 3}}'})
    new = MemoryTree({"b.toml": b"[model]\ndepth = 3\n"})
    assert compare(old, new, "keys").amount == 0


def test_several_files_name_their_keys():
    old = MemoryTree({"a.json": b'{"x": 1}', "b/c.json": b'{"x": 1}'})
    new = MemoryTree({"a.json": b'{"x": 1}', "b/c.json": b'{"x": 2}'})
    difference = compare(old, new, "keys")
    assert [change.name for change in difference.changes] == ["b/c.json:x"]
    assert difference.weight == 1 / 2


def test_another_sort_of_file_is_one_key():
    old, new = MemoryTree({"conf.yaml": b"a: 1"}), MemoryTree({"conf.yaml": b"a: 2"})
    assert compare(old, new, "keys").weight == 1
    assert compare(old, old, "keys").amount == 0


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff\xfe", b"", b'{"a": ' + b"[" * 5_000 + b"]" * 5_000 + b"}", b"[" * 70 + b"]" * 70],
    ids=["cut", "no UTF-8", "empty", "far too deep", "too deep"],
)
def test_a_file_that_cannot_be_read_is_one_key_and_is_named(content):
    old, new = MemoryTree({"params.json": content}), MemoryTree({"params.json": b'{"a": 1}'})
    difference = compare(old, new, "keys")
    assert difference.weight == 1
    assert "params.json" in difference.note
    assert compare(old, old, "keys").amount == 0
