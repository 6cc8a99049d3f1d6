"""The data of the demo: real digits in a folder that evolves."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from omprov.builtin.demo._digits import (
    CLASSES,
    dataset_steps,
    held_out_images,
    load_digits,
    write_images,
)
from omprov.errors import MissingExtra


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.fixture(scope="module")
def steps(digits):
    return {step.name: step for step in dataset_steps(digits)}


def wrong(images, digits):
    label = {digit.name: digit.label for digit in digits}
    plain = {path: path.split("/") for path in images if "moved" not in path}
    return {path for path, (folder, name) in plain.items() if int(folder) != label[name]}


def test_the_digits_are_those_of_scikit_learn_each_once(digits):
    from sklearn.datasets import load_digits as load

    real = load()
    assert len(digits) == len({digit.name for digit in digits}) == 1797
    for digit in digits:
        place = int(digit.name.removesuffix(".png"))
        assert digit.label == real.target[place]
        assert np.array_equal(digit.pixels, real.images[place] * 15)


def test_each_step_changes_what_it_says(digits, steps):
    first, more, corrected, copies, batch, repaired, merged = (s.images for s in steps.values())
    assert (len(first), len(wrong(first, digits))) == (600, 50)
    assert more.keys() - first.keys() == more.keys() - wrong(more, digits) - first.keys()
    assert len(more) == 900
    assert (len(corrected), wrong(corrected, digits)) == (900, set())
    assert {path.split("/")[1] for path in corrected} == {path.split("/")[1] for path in more}
    assert len(copies) == 1050
    assert len(wrong(batch, digits)) == len(batch) - len(corrected) == 300
    assert (len(repaired), wrong(repaired, digits)) == (1200, set())
    assert merged.keys() == repaired.keys() | (copies.keys() - more.keys())


def test_parents_come_before_children(steps):
    seen = set()
    for step in steps.values():
        assert set(step.parents) <= seen
        seen.add(step.name)


def test_no_step_holds_a_digit_that_is_held_out(digits, steps):
    held_out = {path.split("/")[1] for path in held_out_images(digits)}
    for step in steps.values():
        assert not held_out & {path.split("/")[1].replace("-moved", "") for path in step.images}


def test_a_folder_holds_exactly_the_images_written_last(tmp_path, steps):
    for step in steps.values():
        write_images(tmp_path, step.images)
        found = {p.relative_to(tmp_path).as_posix(): p for p in tmp_path.rglob("*.png")}
        assert found.keys() == step.images.keys()
    for path, file in found.items():
        with Image.open(file) as image:
            assert np.array_equal(np.asarray(image), step.images[path])
    assert {p.name for p in tmp_path.iterdir()} == {str(label) for label in range(CLASSES)}


@pytest.mark.parametrize("module", ["sklearn.datasets", "PIL.Image"])
def test_a_missing_library_is_told_with_what_to_install(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtra, match=r"omprov\[demo\]"):
        load_digits()
