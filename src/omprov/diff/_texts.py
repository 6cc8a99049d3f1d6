"""Files as words: what a word is, which files are text, and how large ones are read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ._alignment import WordCounts, align, align_short
from ._short_alignment import SHORT

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ._trees import Leaf, Tree

_HEAD = 8000  # bytes in which a NUL makes a file binary: git's rule
_SLICE = 4 << 20  # bytes of a file that are split into words at once
_SPACES = (b" ", b"\n", b"\t", b"\r", b"\v", b"\f")
_IS_SPACE = np.isin(np.arange(256), list(b"".join(_SPACES)))
_STEP = 4096


def is_binary(content: bytes) -> bool:
    """Tell whether a file with this content is binary: a NUL in its first 8000 bytes."""
    return b"\0" in content[:_HEAD]


def split_words(content: bytes) -> Sequence[bytes]:
    """Split into words as ``wdiff`` does: longest runs of anything but ASCII white space.

    A binary file is one single word: its whole content.
    """
    return [content] if is_binary(content) else content.split()


def compare_words(old: bytes, new: bytes) -> WordCounts:
    """Count the words of two files and match them, as ``wdiff -s`` does.

    What both begin and end with is only counted: taking it in would change no figure.
    """
    if is_binary(old) or is_binary(new):
        return match_words(split_words(old), split_words(new))
    start, end = _common_ends(old, new)
    common = count_in(old[:start]) + count_in(old[len(old) - end :])
    between = match_words(old[start : len(old) - end].split(), new[start : len(new) - end].split())
    return between + WordCounts(common, common, common)


def compare_files(old: tuple[Tree, Leaf], new: tuple[Tree, Leaf]) -> WordCounts:
    """Count the words of two files, each given by its tree and leaf, and match them.

    Files beyond 4 MiB are compared in slices, as many of either: time grows with their size and
    memory does not, but a word that moved to another slice does not match any more.
    """
    parts = _slices_of(old[1], new[1])
    if parts == 1:
        return compare_words(_read(*old), _read(*new))
    counts = WordCounts()
    for words in zip(_word_slices(*old, parts), _word_slices(*new, parts), strict=True):
        counts += match_words(*words)
    return replace(counts, exact=counts.amount == 0)


def _read(tree: Tree, leaf: Leaf) -> bytes:
    with tree.open(leaf.path) as file:
        return file.read()


def _common_ends(old: bytes, new: bytes) -> tuple[int, int]:
    """Return how many bytes both begin and end with, none of them within a word."""
    start = _common_start(old, new)
    if start < len(old) or start < len(new):
        start = 1 + max(old.rfind(space, 0, start) for space in _SPACES)
    left = min(len(old), len(new)) - start
    end = _common_end(old, new, left)
    if end:
        found = [place for space in _SPACES if (place := old.find(space, len(old) - end)) >= 0]
        end = len(old) - min(found) if found else 0
    return start, end


def _common_start(old: bytes, new: bytes) -> int:
    """Return how many bytes both begin with."""
    least, done, step = min(len(old), len(new)), 0, _STEP
    while done < least and old[done : done + step] == new[done : done + step]:
        done += step
    if done >= least:
        return least
    while step > 1:
        step //= 2
        if old[done : done + step] == new[done : done + step]:
            done += step
    return min(done, least)


def _common_end(old: bytes, new: bytes, most: int) -> int:
    """Return how many bytes both end with, at most so many."""
    done, step = 0, _STEP

    def same(size: int) -> bool:
        ends = len(old) - done, len(new) - done
        return old[ends[0] - size : ends[0]] == new[ends[1] - size : ends[1]]

    while done + step <= most and same(step):
        done += step
    while step > 1:
        step //= 2
        if done + step <= most and same(step):
            done += step
    return done


def count_in(text: bytes) -> int:
    """Return ``len(text.split())``, in a fraction of the time where the text is long."""
    if len(text) < _STEP:
        return len(text.split())
    is_space = _IS_SPACE[np.frombuffer(text, np.uint8)]
    begins = np.count_nonzero(is_space[:-1] & ~is_space[1:])
    return int(begins) + (len(text) > 0 and not is_space[0])


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
    if len(old) + len(new) <= SHORT:
        return align_short(old, new)
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
