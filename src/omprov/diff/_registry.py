"""Which measures there are: the built-in ones, and those of installed packages."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from omprov.errors import Conflict, InvalidInput, NotFound, Unavailable
from omprov.records import Kind

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from omprov.records import Difference, Digest

    from ._measures import Measure
    from ._trees import Tree

_GROUP = "omprov.measures"

_BUILT_IN = {
    "words": ("._words", "WordsMeasure"),
    "files": ("._files", "FilesMeasure"),
    "keys": ("._keys", "KeysMeasure"),
    "packages": ("._packages", "PackagesMeasure"),
    "rows": ("._rows", "RowsMeasure"),
    "records": ("._records", "RecordsMeasure"),
    "cells": ("._cells", "CellsMeasure"),
    "tensors": ("._tensors", "TensorsMeasure"),
}
"""Name → where it is: each is loaded when it is first asked for, for some draw in much."""

_DEFAULTS = {
    Kind.ALGORITHM: "words",
    Kind.DATASET: "files",
    Kind.MODEL: "files",
    Kind.PARAMS: "keys",
    Kind.ENVIRONMENT: "packages",
    Kind.SUMMARY: "files",
    Kind.FILE: "files",
}


def measures() -> tuple[str, ...]:
    """Return the names of all measures, built-in and installed; loads none of them."""
    return tuple(sorted({*_BUILT_IN, *(point.name for point in entry_points(group=_GROUP))}))


def get_measure(name: str) -> Measure:
    """Return a measure.

    A built-in measure is found first: an installed one cannot take its name.

    Raises:
        NotFound: no measure has this name.
        Unavailable: the package that brings it fails to load, or brings something else.
        Conflict: two installed packages bring measures of this name.
    """
    return _built_in(name) if name in _BUILT_IN else _load(name)


def measure_for(kind: Kind | str, name: str | None = None) -> Measure:
    """Return the measure of an asset.

    Args:
        kind: of the asset; the default measure follows from it.
        name: of the measure that was chosen for the asset, if one was.

    Raises:
        InvalidInput: there is no such kind.
        NotFound: and others, as `get_measure`.
    """
    if name is not None:
        return get_measure(name)
    if kind not in set(Kind):
        raise InvalidInput(f"{kind!r} is no kind (one of {', '.join(Kind)})")
    return get_measure(_DEFAULTS[Kind(kind)])


def compare(
    old: Tree | None,
    new: Tree | None,
    measure: str | Measure,
    *,
    sample: int = 100,
    word_counts: MutableMapping[Digest, int] | None = None,
) -> Difference:
    """Compute by how much `new` differs from `old`.

    Args:
        old: the older tree; ``None`` is the empty one.
        new: the newer tree; ``None`` is the empty one.
        measure: one, or its name.
        sample: see `Measure.compare`.
        word_counts: see `Measure.compare`.

    Raises:
        NotFound: and others, as `get_measure`.
    """
    chosen = get_measure(measure) if isinstance(measure, str) else measure
    return chosen.compare(old, new, sample=sample, word_counts=word_counts)


@cache
def _built_in(name: str) -> Measure:
    module, measure = _BUILT_IN[name]
    made: Measure = getattr(import_module(module, __package__), measure)()
    return made


@cache
def _load(name: str) -> Measure:
    found = list(entry_points(group=_GROUP, name=name))
    if not found:
        raise NotFound("measure", name, near=_BUILT_IN)
    if len({point.value for point in found}) > 1:
        sources = " and ".join(_source(point) for point in found)
        raise Conflict(f"measure {name!r} comes from {sources}; uninstall one of them")
    try:
        measure = found[0].load()
    except Exception as error:  # a plug-in may fail in any way
        raise Unavailable(
            f"measure {name!r} of {_source(found[0])} cannot be loaded: {error!r}"
        ) from error
    if getattr(measure, "name", None) != name or not callable(getattr(measure, "compare", None)):
        raise Unavailable(
            f"measure {name!r} of {_source(found[0])} is no measure: it needs the attribute "
            f"name = {name!r} and a method compare"
        )
    loaded: Measure = measure
    return loaded


def _source(point: EntryPoint) -> str:
    package = point.dist.name if point.dist is not None else "an unknown package"
    return f"{package} ({point.value})"
