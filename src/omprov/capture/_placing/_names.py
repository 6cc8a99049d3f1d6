"""Names for what has none: from paths, without what changes from run to run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from omprov.records import name_like

from ._file_sorts import CONTAINERS, HELD_OUT, OUTPUT_CONTAINERS, PARTS, STAGES, stem_of
from ._word_sets import words

if TYPE_CHECKING:
    from collections.abc import Sequence

_COUNTED = (
    "v|ver|version|run|exp|experiment|trial|fold|seed|epoch|ep|e|step|iter|iteration|it|ckpt|"
    "checkpoint|model|job|rank|part|shard|try|attempt|iters|steps|epochs"
)
_NUMBERED = re.compile(rf"(?:{_COUNTED})?\d+(?:k|m|th)?")
_ASSIGNED = re.compile(r"[a-z][a-z0-9_/]*=[-+]?[0-9.]*[0-9](?:e[-+]?[0-9]+)?|[a-z][a-z0-9_]*=")
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
_HASH = re.compile(r"(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,64}")
_RANDOM = re.compile(r"(?=(?:[a-z]*\d){4})[0-9a-z]{16,}")
_TIME = re.compile(
    r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)\d{1,2}|\d+h\d+m(?:\d+s)?|\d{8}t\d{4,6}z?|"
    r"\d+[dhms]"
)
_SPLIT = re.compile(r"[^a-z0-9]+")
_GENERIC = words(
    "best last latest final current pytorch tf torch keras sklearn state dict params trained net "
    "network lightning save saves optimizer scheduler rng args adapter default snapshot snapshots "
    "epoch step iter iteration version of trainer export exported new old loss acc accuracy val "
    "hydra date time id seed fold trial"
)
_RUN_WORDS = words(
    "python python3 sh bash env torchrun accelerate train training trainer main run runner fit "
    "script experiment exp start launch cli job"
)
_MOST_PARTS = 4


def steady_part(part: str) -> str:
    """Return what of a folder's or file's name is the same each time a program runs.

    Dates, times, numbers, hashes and words that say nothing (``best``, ``checkpoint``) go; ``""``
    where nothing stays.
    """
    text = _UUID.sub(" ", _ASSIGNED.sub(" ", part.lower()))
    words = [word for word in _SPLIT.split(text) if word]
    kept = [word for word in words if not _varies(word) and not _says_nothing(word)]
    if kept == words and text == part.lower():
        return name_like(part, "")
    return "-".join(kept)


def output_name(parts: Sequence[str], otherwise: str) -> str:
    """Name what a run made, the same for the same program run again.

    Args:
        parts: the folders below the project, and the file, without its suffixes.
        otherwise: a name, where nothing stays.
    """
    steady = [word for word in map(steady_part, parts) if word]
    distinct = list(dict.fromkeys(steady))
    return name_like("-".join(distinct[-_MOST_PARTS:]), otherwise)


def data_name(parts: Sequence[str], otherwise: str) -> str:
    """Name a dataset after its place: by its last folder that says what it is.

    ``data/cifar10`` is ``cifar10``; what says too little takes the folders above along:
    ``data/raw`` is ``data-raw``, ``faces/v2`` is ``faces-v2``.
    """
    taken: list[str] = []
    for part in reversed(parts):
        taken.insert(0, part)
        if not _is_weak(part):
            break
    return name_like("-".join(taken[-_MOST_PARTS:]), otherwise)


def long_name(parts: Sequence[str], otherwise: str) -> str:
    """Name something by its whole place, where a shorter name is taken by something else."""
    return name_like("-".join(parts[-2 * _MOST_PARTS :]), otherwise)


def owner_name(run_name: str, project: str) -> str:
    """Name what has no name of its own: after the program, or the project if that says nothing."""
    words = [word for word in _SPLIT.split(stem_of(run_name)) if word not in _RUN_WORDS]
    kept = "-".join(word for word in words if word)
    return name_like(kept, "") or name_like(project, "") or name_like(run_name, "run")


def is_part(name: str) -> bool:
    """Say whether a folder or file is by its name a part of a dataset."""
    return stem_of(name) in PARTS


def is_held_out(name: str) -> bool:
    """Say whether a name speaks of data that a model is not fitted to."""
    return not HELD_OUT.isdisjoint(_SPLIT.split(name.lower()))


def _varies(word: str) -> bool:
    return any(pattern.fullmatch(word) for pattern in (_NUMBERED, _HASH, _RANDOM, _TIME))


def _says_nothing(word: str) -> bool:
    return word in _GENERIC or word in OUTPUT_CONTAINERS


def _is_weak(part: str) -> bool:
    word = stem_of(part)
    return (
        word in CONTAINERS
        or word in OUTPUT_CONTAINERS
        or word in PARTS
        or word in STAGES
        or not steady_part(part)
    )
