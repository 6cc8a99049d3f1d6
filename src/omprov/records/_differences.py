"""Amounts of difference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one file, key or package.

    Attributes:
        name: path, dotted key or package, as it is named in the newer side (in the older one when
            removed).
        change: which sort of change.
        old_name: the older name of a renamed one.
        counts: the measure's own counts, for instance ``{"deleted": 3, "inserted": 5}``.
        old: the older value, where the measure compares values.
        new: the newer value.
    """

    name: str
    change: Literal["added", "removed", "changed", "renamed"]
    old_name: str | None = None
    counts: Mapping[str, float] = field(default_factory=dict)
    old: Any = None
    new: Any = None


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much two states differ, and the evidence.

    Attributes:
        measure: its name in the registry, for instance ``words``.
        amount: how much differs, in the measure's unit; 0 ≤ amount ≤ total.
        total: how much there is to differ, in the same unit.
        counts: the sums the amount is made of.
        changes: a sample of what changed, largest first.
        changed: how many changes there are in all; ``changes`` may hold fewer.
        exact: False where a stated fallback stands in for the exact figure.
        note: what the reader should know about the figure, such as which fallback was used.
    """

    measure: str
    amount: float
    total: float
    counts: Mapping[str, float] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()
    changed: int = 0
    exact: bool = True
    note: str = ""

    @property
    def weight(self) -> float:
        """``amount / total`` in [0, 1]; 0 where there is nothing to differ."""
        return self.amount / self.total if self.total else 0.0

    def to_json(self) -> dict[str, Any]:
        """Give JSON data that `from_json` reads back."""
        return {
            "measure": self.measure,
            "amount": self.amount,
            "total": self.total,
            "weight": self.weight,
            "counts": dict(self.counts),
            "changed": self.changed,
            "changes": [_change_to_json(change) for change in self.changes],
            "exact": self.exact,
            "note": self.note,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls(
            measure=data["measure"],
            amount=data["amount"],
            total=data["total"],
            counts=data.get("counts", {}),
            changes=tuple(Change(**change) for change in data.get("changes", ())),
            changed=data.get("changed", 0),
            exact=data.get("exact", True),
            note=data.get("note", ""),
        )


def _change_to_json(change: Change) -> dict[str, Any]:
    data: dict[str, Any] = {"name": change.name, "change": change.change}
    if change.old_name is not None:
        data["old_name"] = change.old_name
    if change.counts:
        data["counts"] = dict(change.counts)
    if change.old is not None:
        data["old"] = change.old
    if change.new is not None:
        data["new"] = change.new
    return data
