"""The measure ``packages``: environments, package by package."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from omprov.records import show_digest

from ._mappings import compare_mappings
from ._structured import find_value, is_structured

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from omprov.records import Difference, Digest

    from ._trees import Leaf, Tree

_SEPARATORS = re.compile(r"[-_.]+")
_NAME = "environment.json"


class PackagesMeasure:
    """Packages that were added, removed or changed version, out of the packages of both sides.

    They are read from ``environment.json``, which holds for instance
    ``{"python": "3.11.7", "packages": {"numpy": "2.4.6"}}``. Python itself counts as a package;
    other facts in the file do not count. Any other file, and an ``environment.json`` that cannot be
    read, is one entry whose value is the digest of the file.
    """

    name = "packages"

    def compare(
        self,
        old: Tree | None,
        new: Tree | None,
        *,
        sample: int = 100,
        word_counts: MutableMapping[Digest, int] | None = None,  # noqa: ARG002  no words here
    ) -> Difference:
        """Compute by how much `new` differs from `old`; see `Measure.compare`."""
        problems: list[str] = []
        entries = [_read(tree, problems) for tree in (old, new)]
        note = "; ".join(
            f"{problem}: it counts as one entry" for problem in dict.fromkeys(problems)
        )
        return compare_mappings(self.name, entries[0], entries[1], sample, note)


def compare_packages(
    old: Mapping[str, str] | None, new: Mapping[str, str] | None, *, sample: int = 100
) -> Difference:
    """Compute by how much two sets of packages differ.

    Args:
        old: package → version of the older environment; names count as PEP 503 normalises them.
            ``None`` is none at all.
        new: those of the newer one.
        sample: how many changes to keep as evidence at most, in order of their names.
    """
    return compare_mappings("packages", _normalised(old or {}), _normalised(new or {}), sample)


def _normalised(packages: Mapping[str, Any]) -> dict[str, Any]:
    return {_SEPARATORS.sub("-", name).lower(): version for name, version in packages.items()}


def _read(tree: Tree | None, problems: list[str]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for leaf in tree.walk() if tree is not None else ():
        packages = None
        if tree is not None and leaf.path == _NAME and is_structured(leaf):
            packages = _find_packages(tree, leaf, problems)
        entries |= {leaf.path: show_digest(leaf.digest)} if packages is None else packages
    return entries


def _find_packages(tree: Tree, leaf: Leaf, problems: list[str]) -> dict[str, Any] | None:
    value, problem = find_value(tree, leaf)
    packages = value.get("packages", {}) if isinstance(value, dict) else None
    if not isinstance(packages, dict):
        problems.append(problem or f'{leaf.path} holds no mapping "packages"')
        return None
    entries = _normalised(packages)
    if "python" in value:
        entries["python"] = value["python"]
    return entries
