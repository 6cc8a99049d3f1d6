"""What a measure is. The built-in ones have a module each; `_registry` knows them all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from omprov.records import Difference, Digest

    from ._trees import Tree


class Measure(Protocol):
    """A way to compute an amount of difference between two trees.

    A measure is a pure function of the leaves of both trees: it keeps no state, and may be called
    from several threads at once. It promises ``0 ≤ amount ≤ total``; 0 for equal trees; ``total``
    for trees with nothing in common; the same amount and total with the sides exchanged.
    """

    @property
    def name(self) -> str:
        """Its name in the registry."""
        ...

    def compare(
        self,
        old: Tree | None,
        new: Tree | None,
        *,
        sample: int = 100,
        word_counts: MutableMapping[Digest, int] | None = None,
    ) -> Difference:
        """Compute by how much `new` differs from `old`.

        Args:
            old: the older tree; ``None`` is the empty one.
            new: the newer tree; ``None`` is the empty one.
            sample: how many changes to keep as evidence at most, the largest first.
            word_counts: digest of a file → its number of words; measures that count words read
                and fill it, others leave it alone. Safe to keep for ever.

        Raises:
            InvalidInput: the trees do not hold what this measure compares.
        """
        ...
