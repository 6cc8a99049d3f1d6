import json

import pytest
from diff_oracle import longest_common
from hypothesis import given
from hypothesis import strategies as st

from omprov.diff import MemoryTree, compare

sources = st.lists(st.sampled_from(["a", "b", "the", "x = 1", "\n"]), max_size=3).map(" ".join)
cells = st.lists(st.tuples(st.sampled_from(["code", "markdown"]), sources), max_size=6)


def notebook(cells, **extra):
    written = [{"cell_type": sort, "source": text, "metadata": {}, **extra} for sort, text in cells]
    return json.dumps({"cells": written, "metadata": {}, "nbformat": 4}).encode()


def as_tree(cells, **extra):
    return MemoryTree({"a.ipynb": notebook(cells, **extra)})


def words(cells):
    return [word for sort, text in cells for word in (f"cell {sort}", *text.split())]


@given(cells, cells)
def test_cells_differ_by_no_less_than_their_words_and_by_no_more_than_unlike_cells(old, new):
    difference = compare(as_tree(old), as_tree(new), "cells")
    assert difference.total == len(words(old)) + len(words(new))
    least = difference.total - 2 * longest_common(words(old), words(new))
    most = difference.total - 2 * min(
        (len(words(cell)) for cell in [[cell] for cell in old if cell in new]), default=0
    )
    assert least <= difference.amount <= most
    back = compare(as_tree(new), as_tree(old), "cells")
    assert (difference.amount, difference.total) == (back.amount, back.total)
    assert difference.counts["cells_added"] == back.counts["cells_removed"]


@given(cells, st.integers(0, 6), st.tuples(st.just("code"), sources))
def test_an_added_cell_costs_its_words(old, place, cell):
    new = [*old[:place], cell, *old[place:]]
    difference = compare(as_tree(old), as_tree(new), "cells")
    assert difference.amount == len(words([cell]))
    assert (difference.counts["cells_added"], difference.counts["cells_removed"]) == (1, 0)


@given(cells)
def test_outputs_counts_and_metadata_do_not_count(cells):
    run = as_tree(cells, outputs=[{"text": "1\n"}], execution_count=3)
    difference = compare(as_tree(cells), run, "cells")
    assert difference.amount == 0
    assert difference.counts["cells_changed"] == 0


def test_a_changed_cell_costs_the_words_that_changed():
    old = [("markdown", "# Title"), ("code", "lr = 0.1\ntrain(lr)"), ("code", "plot()")]
    new = [("markdown", "# Title"), ("code", "lr = 0.2\ntrain(lr)"), ("code", "plot()")]
    difference = compare(as_tree(old), as_tree(new), "cells")
    assert (difference.amount, difference.total) == (2, 20)
    assert difference.counts["cells_changed"] == 1


def test_source_may_be_a_list_of_lines_and_notebooks_of_format_3_are_read():
    lines = {"cells": [{"cell_type": "code", "source": ["a b\n", "c"]}]}
    sheets = {"worksheets": [{"cells": [{"cell_type": "code", "input": "a b\nc"}]}]}
    old, new = (MemoryTree({"a.ipynb": json.dumps(value).encode()}) for value in (lines, sheets))
    assert compare(old, new, "cells").amount == 0
    assert compare(old, new, "cells").total == 8


def test_another_type_of_cell_is_one_word():
    difference = compare(as_tree([("code", "a b")]), as_tree([("markdown", "a b")]), "cells")
    assert (difference.amount, difference.total) == (2, 6)


def test_other_files_count_as_by_words():
    old, new = MemoryTree({"a.py": b"x = 1"}), MemoryTree({"b.py": b"x = 2 y"})
    by_cells, by_words = compare(old, new, "cells"), compare(old, new, "words")
    assert (by_cells.amount, by_cells.total) == (by_words.amount, by_words.total) == (3, 7)


def test_words_of_notebooks_are_not_taken_for_words_of_text():
    counts = {}
    tree = as_tree([("code", "a b")])
    compare(None, tree, "cells", word_counts=counts)
    assert compare(None, tree, "words", word_counts=counts) == compare(None, tree, "words")


@pytest.mark.parametrize(
    "content",
    [b"{", b"[]", b'{"cells": 1}', b'{"cells": [1]}', b'{"cells": [{"source": 1}]}', b"[" * 9_999],
)
def test_a_notebook_that_cannot_be_read_is_one_cell_and_is_named(content):
    broken, good = MemoryTree({"a.ipynb": content}), as_tree([("code", "a b c")])
    there, back = compare(broken, good, "cells"), compare(good, broken, "cells")
    assert (there.amount, there.total) == (back.amount, back.total) == (6, 6)
    assert "a.ipynb" in there.note
    assert compare(broken, broken, "cells").amount == 0


def test_a_renamed_and_edited_notebook_costs_the_edit():
    text = " ".join(f"word{number}" for number in range(40))
    old = MemoryTree({"a.ipynb": notebook([("code", text)])})
    new = MemoryTree({"b.ipynb": notebook([("code", text + " more")])})
    difference = compare(old, new, "cells")
    assert difference.amount == 1
    assert difference.changes[0].old_name == "a.ipynb"
