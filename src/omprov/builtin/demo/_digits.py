"""The data of the demo: real handwritten digits, and how the folder of images came to be.

The digits are the UCI set that ships with scikit-learn (1,797 scans of 8 × 8 pixels), so that no
network is needed. What happens to the folder is the demo's own story.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from omprov.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[np.uint8]
    Images: TypeAlias = Mapping[str, Pixels]
    """Path in the folder → pixels: ``3/0042.png`` is an image filed as a three."""

CLASSES = 10
TEST, FIRST, MORE, BATCH, COPIES = 400, 600, 300, 300, 150
"""How many digits are held out, come first, come next, come in the bad batch, are copied."""


@dataclass(frozen=True, slots=True)
class Digit:
    """One scan.

    Attributes:
        name: of its file.
        pixels: 8 × 8, 0 is paper.
        label: the digit it shows.
    """

    name: str
    pixels: Pixels
    label: int

    def filed_as(self, label: int) -> str:
        """Return its path where it is filed under `label`."""
        return f"{label % CLASSES}/{self.name}"

    @property
    def path(self) -> str:
        """Its path where it is filed correctly."""
        return self.filed_as(self.label)


@dataclass(frozen=True, slots=True)
class DataStep:
    """One version of the folder.

    Attributes:
        name: what the story calls it.
        message: what changed.
        parents: names of the steps that it was made from.
        images: everything in the folder afterwards.
    """

    name: str
    message: str
    parents: tuple[str, ...]
    images: Images


def load_digits() -> list[Digit]:
    """Return all digits in an order drawn once and for all.

    Raises:
        MissingExtra: scikit-learn or Pillow is not installed.
    """
    _load("PIL.Image")  # needed soon: better to hear of it before anything is written
    found = _load("sklearn.datasets").load_digits()
    order = np.random.default_rng(2020).permutation(len(found.target))
    return [
        Digit(
            f"{place:04}.png", (found.images[place] * 15).astype(np.uint8), int(found.target[place])
        )
        for place in order
    ]


def held_out_images(digits: list[Digit]) -> Images:
    """Return the digits that models are judged by; none of them is ever learned from."""
    return _filed(digits[:TEST])


def dataset_steps(digits: list[Digit]) -> list[DataStep]:
    """Tell how the dataset evolved: a branch, a merge, and one bad batch.

    Args:
        digits: as `load_digits` gives them.
    """
    rest = iter(digits[TEST:])
    early, more, batch = (_take(rest, count) for count in (FIRST, MORE, BATCH))
    hasty = early[::12]
    corrected = _filed(early + more)
    as_first = dict(_filed(early)) | _misfiled(hasty)
    for digit in hasty:
        del as_first[digit.path]
    as_more = as_first | _filed(more)
    copies = {
        digit.filed_as(digit.label).replace(".", "-moved."): np.roll(digit.pixels, 1, axis=1)
        for digit in more[:COPIES]
    }
    repaired = corrected | _filed(batch)
    return [
        DataStep("first", f"{FIRST} scans, filed in haste", (), as_first),
        DataStep("more", f"{MORE} more scans", ("first",), as_more),
        DataStep("corrected", f"File {len(hasty)} scans where they belong", ("more",), corrected),
        DataStep(
            "copies", f"Copies of {COPIES} scans, moved by a pixel", ("more",), as_more | copies
        ),
        DataStep(
            "batch",
            f"A batch of {BATCH} scans from the night shift",
            ("corrected",),
            corrected | _misfiled(batch),
        ),
        DataStep("repaired", "File the night shift's scans again", ("batch",), repaired),
        DataStep("merged", "Take the moved copies in", ("repaired", "copies"), repaired | copies),
    ]


def write_images(folder: Path, images: Images) -> None:
    """Make a folder hold exactly these images; files that are right already are left alone.

    Raises:
        MissingExtra: Pillow is not installed.
    """
    image = _load("PIL.Image")
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}
    for path in present - images.keys():
        (folder / path).unlink()
    for path in sorted(images.keys() - present):
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        image.fromarray(images[path]).save(file)


def _take(digits: Iterator[Digit], count: int) -> list[Digit]:
    return [next(digits) for _ in range(count)]


def _filed(digits: Iterable[Digit]) -> dict[str, Pixels]:
    return {digit.path: digit.pixels for digit in digits}


def _misfiled(digits: Iterable[Digit]) -> dict[str, Pixels]:
    return {digit.filed_as(digit.label + 1): digit.pixels for digit in digits}


def _load(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtra("demo", "the demo") from error
