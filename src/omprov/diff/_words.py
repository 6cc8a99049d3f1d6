"""The measure ``words``: trees of text, file by file as ``wdiff -s`` counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from omprov.records import Change, Difference, Digest

from ._alignment import WordCounts
from ._evidence import largest
from ._renames import Rename, find_renames
from ._similar import find_similar
from ._texts import compare_files, count_words
from ._trees import changes_between

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from ._pairs import Place
    from ._trees import Delta, Leaf, Tree

    Counted = tuple[Change, WordCounts]


class WordsMeasure:
    """Words that do not match, of both sides, out of all words of both sides.

    A file that was renamed costs nothing, one that was renamed and edited costs the edit, one that
    was added or removed costs all its words. A symlink's text is its target. A binary file (a NUL
    among its first 8000 bytes) is one word.
    """

    name = "words"

    def compare(
        self,
        old: Tree | None,
        new: Tree | None,
        *,
        sample: int = 100,
        word_counts: MutableMapping[Digest, int] | None = None,
    ) -> Difference:
        """Compute by how much `new` differs from `old`; see `Measure.compare`."""
        reader = TextReader({} if word_counts is None else word_counts)
        return compare_by_words(self.name, old, new, reader, sample)


class WordReader(Protocol):
    """What knows the words of a file, and which of them two files share."""

    def count(self, tree: Tree, leaf: Leaf) -> int:
        """Count the words of a file."""
        ...

    def match(self, old: Place, new: Place) -> WordCounts:
        """Match the words of two files of different content."""
        ...

    def totals(self, old: Tree | None, new: Tree | None, counts: WordCounts) -> tuple[int, int]:
        """Return how many words there are in all of two trees.

        Args:
            old: the older tree.
            new: the newer one.
            counts: what was counted in the files that they do not share.
        """
        ...


class WordMemory(dict[Digest, int]):
    """What is known of words, for comparing many versions of the same files one after the other.

    As a mapping: digest → number of words. Merges meet the same pairs of files again.

    Attributes:
        matches: digests of two files → which words they share; more than `most` are not kept.
    """

    def __init__(self, most: int = 50_000) -> None:
        super().__init__()
        self._most = most
        self.matches: dict[tuple[Digest, Digest], WordCounts] = {}

    def remember(self, old: Digest, new: Digest, counts: WordCounts) -> None:
        """Keep which words two files share."""
        if len(self.matches) >= self._most:
            self.matches.clear()
        self.matches[old, new] = counts


class TextReader:
    """Files as text; remembers how many words each content, and each whole tree, has."""

    def __init__(self, known: MutableMapping[Digest, int]) -> None:
        """Take a mapping from digest to number of words; it is filled.

        A tree stands in it as ``tree:`` with its digest.
        """
        self._known = known

    def count(self, tree: Tree, leaf: Leaf) -> int:
        """Count the words of a file; only one not met before is read."""
        known = self._known.get(leaf.digest)
        if known is None:
            known = self._known[leaf.digest] = count_words(tree, leaf)
        return known

    def match(self, old: Place, new: Place) -> WordCounts:
        """Match the words of two files as ``wdiff -s`` does."""
        pair = old[1].digest, new[1].digest
        memory = self._known if isinstance(self._known, WordMemory) else None
        words = None if memory is None else memory.matches.get(pair)
        if words is None:
            words = compare_files(old, new)
            if memory is not None:
                memory.remember(*pair, words)
        self._known[pair[0]], self._known[pair[1]] = words.old, words.new
        return words

    def totals(self, old: Tree | None, new: Tree | None, counts: WordCounts) -> tuple[int, int]:
        """Return how many words there are in all; what both trees share is counted once."""
        before = self._total(old)
        after = before - counts.old + counts.new
        if new is not None:
            self._known[_tree_key(new)] = after
        return before, after

    def _total(self, tree: Tree | None) -> int:
        if tree is None:
            return 0
        known = self._known.get(_tree_key(tree))
        if known is None:
            known = self._known[_tree_key(tree)] = words_of(tree, self)
        return known


def _tree_key(tree: Tree) -> Digest:
    return Digest(f"tree:{tree.digest}")


def words_of(tree: Tree | None, reader: WordReader) -> int:
    """Count the words of all files of a tree."""
    return 0 if tree is None else sum(reader.count(tree, leaf) for leaf in tree.walk())


def compare_by_words(
    measure: str, old: Tree | None, new: Tree | None, reader: WordReader, sample: int
) -> Difference:
    """Sum up the words of all files that two trees do not share."""
    comparison = _Comparison(old, new, reader)
    compared = comparison.changes()
    counts = sum((words for _, words in compared), WordCounts())
    old_words, new_words = reader.totals(old, new, counts)
    unfinished = [change.name for change, words in compared if not words.exact]
    return Difference(
        measure=measure,
        amount=counts.amount,
        total=old_words + new_words,
        counts={
            "old": old_words,
            "new": new_words,
            "common": old_words - counts.deleted - counts.changed_old,
            "deleted": counts.deleted,
            "inserted": counts.inserted,
            "changed_old": counts.changed_old,
            "changed_new": counts.changed_new,
        },
        changes=largest([change for change, _ in compared], sample, _size),
        changed=len(compared),
        exact=not unfinished,
        note=_note(unfinished),
    )


class _Comparison:
    """Two trees, and what knows the words of their files."""

    def __init__(self, old: Tree | None, new: Tree | None, reader: WordReader) -> None:
        self._old, self._new, self._reader = old, new, reader

    def changes(self) -> list[Counted]:
        """Compare the files that differ, in order, renames first."""
        renames, deltas = find_renames(changes_between(self._old, self._new))
        result = [(_renamed(rename), WordCounts()) for rename in renames]
        if self._old is not None and self._new is not None:
            edited, deltas = find_similar(self._old, self._new, deltas)
            result += [self._compare_renamed(rename) for rename in edited]
        return result + [self._compare(delta) for delta in deltas]

    def _count(self, tree: Tree, leaf: Leaf) -> int:
        return self._reader.count(tree, leaf)

    def _compare_renamed(self, rename: Rename) -> Counted:
        words = self._match(rename.old, rename.new)
        return _renamed(rename, _counts(words)), words

    def _compare(self, delta: Delta) -> Counted:
        if delta.old is not None and delta.new is not None:
            words = self._match(delta.old, delta.new)
            return Change(delta.path, "changed", counts=_counts(words)), words
        if delta.old is not None and self._old is not None:
            size = self._count(self._old, delta.old)
            words = WordCounts(old=size, deleted=size)
            return Change(delta.path, "removed", counts=_counts(words)), words
        assert delta.new is not None
        assert self._new is not None
        size = self._count(self._new, delta.new)
        words = WordCounts(new=size, inserted=size)
        return Change(delta.path, "added", counts=_counts(words)), words

    def _match(self, old: Leaf, new: Leaf) -> WordCounts:
        assert self._old is not None
        assert self._new is not None
        if old.digest == new.digest:  # only the mode differs
            size = self._count(self._old, old)
            return WordCounts(old=size, new=size, common=size)
        return self._reader.match((self._old, old), (self._new, new))


def _renamed(rename: Rename, counts: dict[str, float] | None = None) -> Change:
    return Change(rename.new.path, "renamed", old_name=rename.old.path, counts=counts or {})


def _counts(words: WordCounts) -> dict[str, float]:
    counts = {
        "deleted": words.deleted,
        "inserted": words.inserted,
        "changed_old": words.changed_old,
        "changed_new": words.changed_new,
    }
    return {name: count for name, count in counts.items() if count}


def _size(change: Change) -> float:
    return sum(change.counts.values())


def _note(unfinished: list[str]) -> str:
    if not unfinished:
        return ""
    more = f" and {len(unfinished) - 1} more" if len(unfinished) > 1 else ""
    return (
        f"{unfinished[0]}{more}: matched window by window, not proven longest; "
        "a few more words may be common"
    )
