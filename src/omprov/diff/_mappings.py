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
    either = old.keys() | new.keys()
    differing = sorted(
        name
        for name in either
        if name not in old or name not in new or not is_same(old[name], new[name])
    )
    added = sum(name not in old for name in differing)
    removed = sum(name not in new for name in differing)
    return Difference(
        measure=measure,
        amount=len(differing),
        total=len(either),
        counts={
            "added": added,
            "removed": removed,
            "changed": len(differing) - added - removed,
        },
        changes=tuple(_change(name, old, new) for name in differing[:sample]),
        changed=len(differing),
        note=note,
    )


def _change(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Change:
    if name not in old:
        return Change(name, "added", new=shown(new[name]))
    if name not in new:
        return Change(name, "removed", old=shown(old[name]))
    return Change(name, "changed", old=shown(old[name]), new=shown(new[name]))


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
