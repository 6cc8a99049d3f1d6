"""The measure ``cells``: notebooks, by the words of their cells; anything else as by ``words``."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import chain, pairwise
from typing import TYPE_CHECKING

import numpy as np

from ._alignment import WordCounts, find_unmatched
from ._evidence import listed
from ._notebooks import is_notebook, read_cells
from ._texts import match_words, number
from ._words import TextReader, compare_by_words, words_of

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

    from omprov.records import Difference, Digest

    from ._notebooks import Cell
    from ._pairs import Place
    from ._trees import Leaf, Tree


class CellsMeasure:
    """Words of notebook cells that do not match, of both sides, out of all words of both sides.

    Only the source of a cell counts, and its type as one word more. Cells are matched by a longest
    common subsequence; between two that match, the cells of either side are compared as one text.
    Any other file counts as by ``words``.
    """

    name = "cells"

    def compare(
        self,
        old: Tree | None,
        new: Tree | None,
        *,
        sample: int = 100,
        word_counts: MutableMapping[Digest, int] | None = None,
    ) -> Difference:
        """Compute by how much `new` differs from `old`; see `Measure.compare`."""
        reader = _CellReader(TextReader({} if word_counts is None else word_counts))
        found = compare_by_words(self.name, old, new, reader, sample)
        cells = {f"cells_{sort}": reader.cells[sort] for sort in ("changed", "added", "removed")}
        notes = [found.note] if found.note else []
        return replace(
            found, counts={**cells, **found.counts}, note=listed([*notes, *reader.problems])
        )


def compare_cells(old: list[Cell], new: list[Cell]) -> tuple[WordCounts, Counter[str]]:
    """Match two notebooks.

    Returns:
        The words that match and that do not; and how many cells were changed, added and removed.
        Exchanging the sides exchanges the counts and changes nothing else.
    """
    if new < old:
        words, cells = compare_cells(new, old)
        return _exchanged(words), Counter(
            changed=cells["changed"], added=cells["removed"], removed=cells["added"]
        )
    changed_old, changed_new, exact = find_unmatched(*number(old, new))
    matched_old, matched_new = np.flatnonzero(~changed_old), np.flatnonzero(~changed_new)
    common = sum(len(old[place].words()) for place in matched_old)
    counts = WordCounts(common, common, common, exact=exact)
    cells = Counter[str]()
    for (start_old, end_old), (start_new, end_new) in zip(
        _gaps(matched_old.tolist(), len(old)), _gaps(matched_new.tolist(), len(new)), strict=True
    ):
        left, right = old[start_old:end_old], new[start_new:end_new]
        counts += match_words(_words(left), _words(right))
        both = min(len(left), len(right))
        cells.update(changed=both, added=len(right) - both, removed=len(left) - both)
    return counts, cells


class _CellReader:
    """Notebooks as cells, other files as text.

    Attributes:
        cells: how many were changed, added and removed in notebooks that both sides have.
        problems: what the reader of the figure should know.
    """

    def __init__(self, texts: TextReader) -> None:
        self._texts = texts
        self._known: dict[Digest, int] = {}
        self.cells: Counter[str] = Counter()
        self.problems: list[str] = []

    def count(self, tree: Tree, leaf: Leaf) -> int:
        if not _is_read(leaf):
            return self._texts.count(tree, leaf)
        if leaf.digest not in self._known:
            self._known[leaf.digest] = len(_words(self._read(tree, leaf)))
        return self._known[leaf.digest]

    def match(self, old: Place, new: Place) -> WordCounts:
        if not _is_read(old[1]) and not _is_read(new[1]):
            return self._texts.match(old, new)
        if not _is_read(old[1]) or not _is_read(new[1]):
            return self._unlike(old, new)
        words, cells = compare_cells(self._read(*old), self._read(*new))
        self._known[old[1].digest], self._known[new[1].digest] = words.old, words.new
        self.cells += cells
        return words

    def totals(self, old: Tree | None, new: Tree | None, counts: WordCounts) -> tuple[int, int]:
        del counts  # a file that is renamed may count otherwise: by its name it is a notebook
        return words_of(old, self), words_of(new, self)

    def _unlike(self, old: Place, new: Place) -> WordCounts:
        """Match nothing of a notebook and a file that is none."""
        before, after = self.count(*old), self.count(*new)
        return WordCounts(before, after, changed_old=before, changed_new=after)

    def _read(self, tree: Tree, leaf: Leaf) -> list[Cell]:
        cells, problem = read_cells(tree, leaf)
        if problem:
            self.problems.append(f"{problem}: it counts as one cell")
        return cells


def _is_read(leaf: Leaf) -> bool:
    return leaf.mode != "symlink" and is_notebook(leaf.path)


def _words(cells: list[Cell]) -> list[bytes]:
    return list(chain.from_iterable(cell.words() for cell in cells))


def _gaps(matched: list[int], length: int) -> Iterator[tuple[int, int]]:
    """Yield where the cells before, between and after the matched ones begin and end."""
    for before, after in pairwise([-1, *matched, length]):
        yield before + 1, after


def _exchanged(words: WordCounts) -> WordCounts:
    return replace(
        words,
        old=words.new,
        new=words.old,
        deleted=words.inserted,
        inserted=words.deleted,
        changed_old=words.changed_new,
        changed_new=words.changed_old,
    )
