"""Differences of two mappings, entry by entry; what ``keys`` and ``packages`` share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from omprov.records import Change, Difference

from ._evidence import shown

if TYPE_CHECKING:
    from collections.abc import Mapping


def compare_mappings(
    measure: str, old: Mapping[str, Any], new: Mapping[str, Any], sample: int, note: str = ""
) -> Difference:
    """Count added, removed and changed names, out of the names in either mapping."""
    changes: list[Change] = []
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            changes.append(Change(name, "added", new=shown(new[name])))
        elif name not in new:
            changes.append(Change(name, "removed", old=shown(old[name])))
        elif not is_same(old[name], new[name]):
            changes.append(Change(name, "changed", old=shown(old[name]), new=shown(new[name])))
    sorts = [change.change for change in changes]
    return Difference(
        measure=measure,
        amount=len(changes),
        total=len(old.keys() | new.keys()),
        counts={sort: sorts.count(sort) for sort in ("added", "removed", "changed")},
        changes=tuple(changes[:sample]),
        changed=len(changes),
        note=note,
    )


def is_same(old: Any, new: Any) -> bool:
    """Tell whether two JSON values are equal, as `omprov.diff.compare_keys` means it."""
    if isinstance(old, bool) or isinstance(new, bool):
        return old is new
    if isinstance(old, float) and isinstance(new, float) and math.isnan(old):
        return math.isnan(new)
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(is_same(old[key], new[key]) for key in old)
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return len(old) == len(new) and all(map(is_same, old, new))
    return bool(old == new)
