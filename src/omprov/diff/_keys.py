"""The measure ``keys``: parameters, key by key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omprov.records import show_digest

from ._mappings import compare_mappings
from ._structured import find_value, is_structured

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, MutableMapping

    from omprov.records import Difference, Digest

    from ._trees import Tree

    Files = dict[str, dict[str, Any]]

_WHOLE = "(whole)"  # the key of a file that is no mapping


class KeysMeasure:
    """Keys that were added, removed or changed, out of the keys of both sides.

    Every ``.json`` and ``.toml`` file counts by its keys; any other file, and one that cannot be
    read, is one key whose value is the digest of the file. Where either tree holds more than one
    file, keys are named with the file before them: ``train.json:lr``.
    """

    name = "keys"

    def compare(
        self,
        old: Tree | None,
        new: Tree | None,
        *,
        sample: int = 100,
        word_counts: MutableMapping[Digest, int] | None = None,  # noqa: ARG002  no words here
    ) -> Difference:
        """Compute by how much `new` differs from `old`; see `Measure.compare`."""
        return compare_keys_read(read_keys(old), read_keys(new), sample=sample)


@dataclass(frozen=True, slots=True)
class KeysRead:
    """What the keys of a tree are: whoever compares it with several reads it once.

    Attributes:
        files: path → key → value.
        problems: why some files could not be read.
    """

    files: Files
    problems: tuple[str, ...]


def read_keys(tree: Tree | None) -> KeysRead:
    """Read the keys of a tree, for `compare_keys_read`."""
    problems: list[str] = []
    return KeysRead(_read(tree, problems), tuple(problems))


def compare_keys_read(old: KeysRead, new: KeysRead, *, sample: int = 100) -> Difference:
    """Compute what the measure ``keys`` does of two trees, of which the keys were read."""
    named = max(len(old.files), len(new.files)) > 1
    problems = dict.fromkeys((*old.problems, *new.problems))
    return compare_mappings(
        KeysMeasure.name,
        _joined(old.files, named=named),
        _joined(new.files, named=named),
        sample,
        "; ".join(f"{problem}: it counts as one key" for problem in problems),
    )


def compare_keys(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None, *, sample: int = 100
) -> Difference:
    """Compute by how much two sets of parameters differ.

    Keys of inner mappings are joined by dots (``optimizer.lr``); a dot or backslash within a key is
    written with a backslash before it. A list is one value, and so is an empty mapping. Numbers are
    equal by value (1 is 1.0), NaN equals NaN, and true is not 1.

    Args:
        old: the older parameters, JSON data; ``None`` is none at all.
        new: the newer ones.
        sample: how many changes to keep as evidence at most, in order of their keys.
    """
    return compare_mappings("keys", dict(_flat(old or {})), dict(_flat(new or {})), sample)


def _read(tree: Tree | None, problems: list[str]) -> Files:
    if tree is None:
        return {}
    files: Files = {}
    for leaf in tree.walk():
        content: Mapping[str, Any] = {_WHOLE: show_digest(leaf.digest)}
        if is_structured(leaf):
            value, problem = find_value(tree, leaf)
            if problem:
                problems.append(problem)
            else:
                content = value if isinstance(value, dict) else {_WHOLE: value}
        files[leaf.path] = dict(_flat(content))
    return files


def _joined(files: Files, *, named: bool) -> dict[str, Any]:
    return {
        f"{path}:{key}" if named else key: value
        for path, values in files.items()
        for key, value in values.items()
    }


def _flat(values: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        key = start + str(name).replace("\\", "\\\\").replace(".", "\\.")
        if isinstance(value, dict) and value:
            yield from _flat(value, key + ".")
        else:
            yield key, value
