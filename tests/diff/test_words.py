import random
from itertools import pairwise

import numpy as np
import pytest
from diff_oracle import longest_common, texts, trees
from hypothesis import given
from hypothesis import strategies as st

from omprov.diff import FolderTree, MemoryTree, WordMemory, compare, compare_words
from omprov.diff import _alignment as alignment
from omprov.diff import _texts as texts_module
from omprov.diff._edit_path import match_little
from omprov.diff._short_alignment import SHORT
from omprov.diff._windows import match_windows

words = st.lists(st.integers(0, 4), max_size=14)


def is_common_subsequence(blocks, old, new):
    spelled = [(i + k, j + k) for i, j, length in sorted(blocks) for k in range(length)]
    rising = all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(spelled))
    return rising and all(old[i] == new[j] for i, j in spelled)


def matched(blocks):
    return sum(length for _, _, length in blocks)


def random_text(rng, size, vocabulary):
    return [int(rng.paretovariate(0.7)) % vocabulary for _ in range(size)]


def edited(rng, sequence, share, vocabulary):
    return [
        word
        for old in sequence
        for word in (
            [old]
            if rng.random() >= share
            else random_text(rng, rng.choice([0, 1, 1, 2]), vocabulary)
        )
    ]


def as_text(sequence):
    return b" ".join(b"w%d" % word for word in sequence)


@given(texts(), texts())
def test_common_words_are_the_longest_common_subsequence(old, new):
    counts = compare_words(old, new)
    assert counts.common == longest_common(old.split(), new.split())
    assert counts.exact


@given(texts(), texts(), texts(), texts())
def test_what_both_begin_and_end_with_changes_no_figure(first, old, new, last):
    old, new = first + old + last, first + new + last
    assert compare_words(old, new) == texts_module.match_words(old.split(), new.split())


@given(st.binary(max_size=40), st.integers(1, 3))
def test_words_are_counted_without_splitting(text, step):
    assert texts_module.count_in(text) == len(text.split())
    spaced = b" \x1c\t".join(text[at : at + step] for at in range(0, len(text), step))
    assert texts_module.count_in(spaced) == len(spaced.split())


@given(texts(), texts())
def test_counts_add_up(old, new):
    counts = compare_words(old, new)
    assert counts.old == len(old.split()) == counts.common + counts.deleted + counts.changed_old
    assert counts.new == len(new.split()) == counts.common + counts.inserted + counts.changed_new
    assert bool(counts.changed_old) == bool(counts.changed_new)


@given(texts(), texts(), texts())
def test_unmatched_words_obey_the_triangle_inequality(a, b, c):
    direct = compare_words(a, c).amount
    assert direct <= compare_words(a, b).amount + compare_words(b, c).amount


@given(words, words)
def test_short_texts_are_matched_as_long_ones_are(old, new):
    assert alignment.align_short(old, new) == alignment.align(*texts_module.number(old, new))


@pytest.mark.parametrize("vocabulary", [2, 5, 40, 400])
def test_edited_texts_on_both_sides_of_what_counts_as_short_are_matched_alike(vocabulary):
    rng = random.Random(vocabulary)
    for size in (30, 200, SHORT // 2 - 20):
        old = random_text(rng, size, vocabulary)
        new = edited(rng, old, 0.1, vocabulary)
        assert alignment.align_short(old, new) == alignment.align(*texts_module.number(old, new))


@given(words, words)
def test_the_search_from_both_ends_finds_a_longest_match(old, new):
    blocks = list(match_little(old, new))
    assert is_common_subsequence(blocks, old, new)
    assert matched(blocks) == longest_common(old, new)


@pytest.mark.parametrize("seed", range(6))
def test_every_way_of_matching_finds_as_many_common_words(seed, monkeypatch):
    rng = random.Random(seed)
    old = random_text(rng, 600, 40)
    new = edited(rng, old, 0.3, 40)
    expected = longest_common(old, new)
    searched = compare_words(as_text(old), as_text(new))
    monkeypatch.setattr(alignment, "_LITTLE_STEPS", 0)
    tabled = compare_words(as_text(old), as_text(new))
    monkeypatch.setattr(alignment, "_WHOLE_CELLS", 0)
    windowed = compare_words(as_text(old), as_text(new))
    assert searched.common == tabled.common == windowed.common == expected


@pytest.mark.parametrize("share", [0.002, 0.05, 0.4, 1.0])
def test_windows_give_a_common_subsequence(share):
    rng = random.Random(1)
    old = random_text(rng, 20_000, 3_000)
    new = edited(rng, old, share, 3_000)
    old_words, new_words = alignment._compact(np.array(old)), alignment._compact(np.array(new))
    blocks = match_windows(old_words, new_words)
    assert is_common_subsequence(blocks, old, new)


@pytest.mark.parametrize("share", [0.002, 0.05, 0.2])
def test_windows_miss_no_common_word_of_texts_that_are_alike(share):
    rng = random.Random(2)
    old = random_text(rng, 20_000, 3_000)
    new = edited(rng, old, share, 3_000)
    new[5_000:5_000] = random_text(rng, 1_500, 3_000)
    del new[12_000:13_000]
    old_words, new_words = alignment._compact(np.array(old)), alignment._compact(np.array(new))
    longest = alignment.LCSseq.similarity(old_words, new_words)
    assert matched(match_windows(old_words, new_words)) == longest


def test_a_long_text_with_few_edits_is_proven_exact():
    rng = random.Random(3)
    old = random_text(rng, 30_000, 3_000)
    assert compare_words(as_text(old), as_text(edited(rng, old, 0.005, 3_000))).exact


def test_a_long_text_that_was_rewritten_says_that_the_match_is_not_proven():
    rng = random.Random(4)
    old = MemoryTree({"a.txt": as_text(random_text(rng, 40_000, 3_000))})
    new = MemoryTree({"a.txt": as_text(random_text(rng, 40_000, 3_000))})
    difference = compare(old, new, "words")
    assert not difference.exact
    assert "a.txt" in difference.note
    assert 0 < difference.weight < 1


@given(texts(40), texts(40), st.integers(1, 50))
def test_slices_of_large_files_lose_no_word(old, new, size):
    trees_of_one = MemoryTree({"f": old}), MemoryTree({"f": new})
    whole = compare(*trees_of_one, "words")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(texts_module, "_SLICE", size)
        patch.setattr(texts_module, "_HEAD", 3)
        sliced = compare(*trees_of_one, "words")
    for count in ("old", "new"):
        assert sliced.counts[count] == whole.counts[count]
    assert sliced.counts["common"] <= whole.counts["common"]
    assert sliced.total == whole.total
    assert sliced.exact or max(len(old), len(new)) > size


@given(trees(), trees())
def test_a_tree_counts_all_words_of_all_its_files(old, new):
    def words_in(tree):
        contents = [tree.open(leaf.path).read() for leaf in tree.walk()]
        return sum(1 if b"\0" in content else len(content.split()) for content in contents)

    difference = compare(old, new, "words")
    assert difference.counts["old"] == words_in(old)
    assert difference.counts["new"] == words_in(new)
    assert difference.total == words_in(old) + words_in(new)
    counts = difference.counts
    assert counts["old"] == counts["common"] + counts["deleted"] + counts["changed_old"]
    assert counts["new"] == counts["common"] + counts["inserted"] + counts["changed_new"]
    assert difference.amount == counts["old"] + counts["new"] - 2 * counts["common"]


@given(trees(), trees())
def test_known_word_counts_change_nothing(old, new):
    known = {}
    first = compare(old, new, "words", word_counts=known)
    assert compare(old, new, "words", word_counts=known) == first
    assert compare(old, new, "words") == first
    assert known.keys() >= {leaf.digest for tree in (old, new) for leaf in tree.walk()}


@given(st.lists(trees(), min_size=2, max_size=6))
def test_along_a_history_each_step_counts_as_by_itself(history):
    known = {}
    for old, new in [(None, history[0]), *pairwise(history), (history[-1], history[0])]:
        found = compare(old, new, "words", word_counts=known)
        assert found == compare(old, new, "words")


@given(st.lists(trees(), min_size=2, max_size=6))
def test_a_memory_of_pairs_changes_nothing(history):
    memory = WordMemory(most=3)
    for old, new in [*pairwise(history), *pairwise(history)]:
        found = compare(old, new, "words", word_counts=memory)
        assert found == compare(old, new, "words")
        assert len(memory.matches) <= 3


def test_files_of_known_word_counts_are_not_read():
    class Unreadable(MemoryTree):
        def open(self, path):
            raise AssertionError(path)

    known = {}
    tree = MemoryTree({"a": b"one two", "b/c": b"three"})
    compare(None, tree, "words", word_counts=known)
    unreadable = Unreadable({"a": b"one two", "b/c": b"three"})
    assert compare(None, unreadable, "words", word_counts=known).amount == 3


def test_a_renamed_file_costs_nothing_and_is_named():
    old = MemoryTree({"train.py": b"lr = 1", "old/model.py": b"layers = 3"})
    new = MemoryTree({"train.py": b"lr = 1", "new/model.py": b"layers = 3"})
    difference = compare(old, new, "words")
    assert difference.weight == 0
    [change] = difference.changes
    assert (change.change, change.old_name, change.name) == (
        "renamed",
        "old/model.py",
        "new/model.py",
    )


def test_among_equal_files_the_one_of_the_same_name_is_the_renamed_one():
    old = MemoryTree({"x/a.py": b"same", "x/b.py": b"same"})
    new = MemoryTree({"y/b.py": b"same", "y/a.py": b"same"})
    renames = {change.old_name: change.name for change in compare(old, new, "words").changes}
    assert renames == {"x/a.py": "y/a.py", "x/b.py": "y/b.py"}


def test_a_renamed_and_edited_file_costs_the_edit():
    old = MemoryTree({"train.py": b"one two three four five six"})
    new = MemoryTree({"src/train.py": b"one two three 4 five six"})
    difference = compare(old, new, "words")
    assert difference.amount == 2
    [change] = difference.changes
    assert (change.change, change.old_name) == ("renamed", "train.py")
    assert change.counts == {"changed_old": 1, "changed_new": 1}


def test_an_added_file_costs_all_its_words():
    old = MemoryTree({"a": b"one two"})
    new = MemoryTree({"a": b"one two", "b": b"three four five"})
    difference = compare(old, new, "words")
    assert (difference.amount, difference.total) == (3, 7)
    [change] = difference.changes
    assert (change.name, change.change, change.counts) == ("b", "added", {"inserted": 3})


def test_a_binary_file_is_one_word():
    old = MemoryTree({"m.bin": b"\0 one two", "t": b"word"})
    new = MemoryTree({"m.bin": b"\0 one two three", "t": b"word"})
    difference = compare(old, new, "words")
    assert (difference.amount, difference.total) == (2, 4)


def test_white_space_alone_is_no_difference():
    assert compare_words(b"a  b\n\nc", b"a b c\n").amount == 0


def test_changes_come_largest_first_and_are_cut_to_the_sample():
    new = MemoryTree({f"{size:02}": b"w " * size for size in range(1, 30)})
    difference = compare(None, new, "words", sample=3)
    assert [change.name for change in difference.changes] == ["29", "28", "27"]
    assert difference.changed == 29


def test_a_symlink_counts_as_the_text_of_its_target(tmp_path):
    (tmp_path / "link").symlink_to("no such//place")
    difference = compare(None, FolderTree(tmp_path), "words")
    assert difference.amount == 2
