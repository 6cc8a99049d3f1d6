"""Files as words: what a word is, which files are text, and how large ones are read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ._alignment import WordCounts, align

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ._trees import Leaf, Tree

_HEAD = 8000  # bytes in which a NUL makes a file binary: git's rule
_SLICE = 4 << 20  # bytes of a file that are split into words at once


def is_binary(content: bytes) -> bool:
    """Tell whether a file with this content is binary: a NUL in its first 8000 bytes."""
    return b"\0" in content[:_HEAD]


def split_words(content: bytes) -> Sequence[bytes]:
    """Split into words as ``wdiff`` does: longest runs of anything but ASCII white space.

    A binary file is one single word: its whole content.
    """
    return [content] if is_binary(content) else content.split()


def compare_words(old: bytes, new: bytes) -> WordCounts:
    """Count the words of two files and match them, as ``wdiff -s`` does."""
    return match_words(split_words(old), split_words(new))


def compare_files(old: tuple[Tree, Leaf], new: tuple[Tree, Leaf]) -> WordCounts:
    """Count the words of two files, each given by its tree and leaf, and match them.

    Files beyond 4 MiB are compared in slices, as many of either: time grows with their size and
    memory does not, but a word that moved to another slice does not match any more.
    """
    parts = _slices_of(old[1], new[1])
    counts = WordCounts()
    for words in zip(_word_slices(*old, parts), _word_slices(*new, parts), strict=True):
        counts += match_words(*words)
    return counts if parts == 1 else replace(counts, exact=counts.amount == 0)


def count_words(tree: Tree, leaf: Leaf) -> int:
    """Count the words of a file."""
    return sum(len(words) for words in _word_slices(tree, leaf, _slices_of(leaf)))


def _slices_of(*leaves: Leaf) -> int:
    return max(1, -(-max(leaf.size for leaf in leaves) // _SLICE))


def _word_slices(tree: Tree, leaf: Leaf, parts: int) -> Iterator[Sequence[bytes]]:
    """Yield the words of a file in `parts` slices; a word on a cut goes to the second one."""
    with tree.open(leaf.path) as file:
        rest = file.read(_HEAD)
        if is_binary(rest):
            yield [b"\0" + leaf.digest.encode()]  # stands for the whole content
            yield from ([] for _ in range(parts - 1))
            return
        done = len(rest)
        for part in range(1, parts + 1):
            end = leaf.size * part // parts
            blocks = [rest]
            while done < end and (block := file.read(end - done)):
                blocks.append(block)
                done += len(block)
            content = b"".join(blocks)
            words = content.split()
            cut_short = part < parts and words and not content[-1:].isspace()
            rest = words.pop() if cut_short else b""
            yield words


def match_words(old: Sequence[bytes], new: Sequence[bytes]) -> WordCounts:
    """Count two sequences of words and match them."""
    if old == new:
        return WordCounts(old=len(old), new=len(new), common=len(old))
    return align(*number(old, new))


def number(
    old: Sequence[Hashable], new: Sequence[Hashable]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give equal integers for equal members of two sequences."""
    distinct = dict.fromkeys(old) | dict.fromkeys(new)
    numbers = {member: place for place, member in enumerate(distinct)}
    return _numbered(old, numbers), _numbered(new, numbers)


def _numbered(members: Sequence[Hashable], numbers: Mapping[Hashable, int]) -> NDArray[np.int64]:
    return np.fromiter(map(numbers.__getitem__, members), np.int64, len(members))
