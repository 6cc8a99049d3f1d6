"""The measure ``rows``: tables, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from omprov.records import Change, Difference

from ._evidence import largest, listed
from ._pairs import pair_files
from ._parquet import is_parquet_readable, missing_tables
from ._sources import Unreadable
from ._tables import compare_rows, count_rows, is_parquet, is_table

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from omprov.records import Digest

    from ._pairs import Pairs, Place
    from ._trees import Leaf, Tree


class RowsMeasure:
    """Rows that only one side has, out of the rows of both sides.

    A table is a multiset of rows: their order does not count. Tables are compared at the same path;
    one that was renamed costs nothing. CSV, TSV and JSON Lines, compressed by gzip or not, and
    Parquet are tables; any other file, and one that cannot be read, is one row: its digest.
    """

    name = "rows"

    def compare(
        self,
        old: Tree | None,
        new: Tree | None,
        *,
        sample: int = 100,
        word_counts: MutableMapping[Digest, int] | None = None,  # noqa: ARG002  no words here
    ) -> Difference:
        """Compute by how much `new` differs from `old`; see `Measure.compare`.

        Raises:
            MissingExtra: the only tables are Parquet files, and what reads them is missing.
            StorageFull: there is no room for the temporary file in which rows wait.
        """
        pairs = pair_files(old, new)
        _refuse_if_blind(pairs, old, new)
        comparison = _Comparison()
        changes = comparison.changes(pairs)
        unchanged = comparison.count_all([*pairs.same, *pairs.renamed])
        removed = sum(int(change.counts.get("removed", 0)) for change in changes)
        added = sum(int(change.counts.get("added", 0)) for change in changes)
        return Difference(
            measure=self.name,
            amount=added + removed,
            total=2 * unchanged + comparison.rows,
            counts={"added": added, "removed": removed},
            changes=largest(changes, sample, _size),
            changed=len(changes),
            exact=not comparison.unread,
            note=listed(comparison.problems),
        )


class _Comparison:
    """What is met on the way through two trees.

    Attributes:
        rows: of both sides, in the files that changed.
        problems: what the reader of the figure should know.
        unread: whether a table was not read for want of a library.
    """

    def __init__(self) -> None:
        self.rows = 0
        self.problems: list[str] = []
        self.unread = False

    def changes(self, pairs: Pairs) -> list[Change]:
        """Compare the files that differ, renames first."""
        result = [Change(new.path, "renamed", old_name=old.path) for old, new in pairs.renames]
        result += [self._compare(before, after) for before, after in pairs.changed]
        result += [self._whole(place, "removed") for place in pairs.removed]
        result += [self._whole(place, "added") for place in pairs.added]
        return result

    def count_all(self, places: list[Place]) -> int:
        """Count the rows of some files."""
        return sum(self._count(place) for place in places)

    def _whole(self, place: Place, change: Literal["added", "removed"]) -> Change:
        rows = self._count(place)
        self.rows += rows
        return Change(place[1].path, change, counts={change: rows})

    def _compare(self, before: Place, after: Place) -> Change:
        counts = None
        if self._is_read(before[1]) and self._is_read(after[1]):
            try:
                counts = compare_rows(before, after)
            except Unreadable as problem:
                self._tell(f"{problem}: all of it differs")
        if counts is None:
            old, new = self._count(before), self._count(after)
            counts = old, new, old, new
        old, new, removed, added = counts
        self.rows += old + new
        return Change(after[1].path, "changed", counts={"added": added, "removed": removed})

    def _count(self, place: Place) -> int:
        if not self._is_read(place[1]):
            return 1
        try:
            return count_rows(*place)
        except Unreadable as problem:
            self._tell(f"{problem}: it counts as one row")
            return 1

    def _is_read(self, leaf: Leaf) -> bool:
        """Tell whether a file is read as a table."""
        if leaf.mode == "symlink" or not is_table(leaf.path):
            return False
        if not is_parquet(leaf.path) or is_parquet_readable():
            return True
        self.unread = True
        self._tell(f"Parquet files count as one row each: {missing_tables()}")
        return False

    def _tell(self, problem: str) -> None:
        self.problems.append(problem)


def _refuse_if_blind(pairs: Pairs, old: Tree | None, new: Tree | None) -> None:
    """Raise if nothing but Parquet files could be compared and they cannot be read."""
    if is_parquet_readable():
        return
    leaves = [leaf for tree in (old, new) if tree is not None for leaf in tree.walk()]
    tables = [leaf for leaf in leaves if leaf.mode != "symlink" and is_table(leaf.path)]
    differ = pairs.changed or pairs.removed or pairs.added
    if differ and tables and all(is_parquet(leaf.path) for leaf in tables):
        raise missing_tables()


def _size(change: Change) -> float:
    return sum(change.counts.values())
