"""What an operation on an inferred graph changed: the rows to write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from omprov.records import Edge

Id = TypeVar("Id")


@dataclass(frozen=True, slots=True)
class GraphChange(Generic[Id]):
    """The difference between the stored edges before and after one operation.

    The stored edges after are those before, without `removed`, with `added`, and with the weights
    of `reweighted`. An edge stands in one of the three lists at most.

    Attributes:
        added: edges to store; the weight is ``None`` where it was put off.
        removed: edges to delete, with the weight they had.
        reweighted: edges that stay, with the weight they have now.
        grown: existing versions that inherit more existing versions than before. An added version
            is in none of them: nothing can have used it yet.
        nearer: `grown`, and every version whose distance to one that it inherits may have shrunk.
            Graphs that take these versions as inputs are brought up to date with this list.
    """

    added: list[Edge[Id]] = field(default_factory=list)
    removed: list[Edge[Id]] = field(default_factory=list)
    reweighted: list[Edge[Id]] = field(default_factory=list)
    grown: list[Id] = field(default_factory=list)
    nearer: list[Id] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Tell whether there is anything to write or to pass on."""
        return bool(self.added or self.removed or self.reweighted or self.grown or self.nearer)
