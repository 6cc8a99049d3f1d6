"""Values of frameworks as JSON values and numbers."""

from __future__ import annotations

import json
import math
from enum import Enum, StrEnum
from pathlib import Path

import numpy as np
import pytest

from omprov.capture.hooks._plain import number, numbers, plain


class Color(Enum):
    RED = "red"


class Word(StrEnum):
    ONE = "one"


class Thing:
    pass


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (Color.RED, "red"),
        (Word.ONE, "one"),
        (Path("a/b"), "a/b"),
        ({1: (2, {3})}, {"1": [2, [3]]}),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.bool_(True), True),
        (np.array([1.5]), 1.5),
        (Thing, "test_hooks_values.Thing"),
        (math.sqrt, "math.sqrt"),
    ],
)
def test_values_become_json(value, expected):
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)
    assert json.loads(json.dumps(found)) == found


def test_objects_are_named_without_their_address_and_cut():
    assert plain(Thing()) == "<test_hooks_values.Thing object>"
    assert len(plain(np.arange(10_000))) <= 500


def test_only_numbers_are_numbers():
    given = {"a": 1, "b": np.float64(2), "c": "3", "d": None, "e": np.arange(3), "f": True, "g": 1j}
    assert numbers(given) == {"a": 1.0, "b": 2.0, "f": 1.0}
    assert math.isnan(number(math.nan))
