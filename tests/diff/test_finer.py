import io
import json

import numpy as np
import pytest
from diff_oracle import trees
from hypothesis import given

from omprov.diff import FolderTree, MemoryTree, _finer, finer_differences, finer_measures
from omprov.diff import _parquet as parquet_module
from omprov.errors import Damaged
from omprov.records import Difference


def npz(*numbers):
    sink = io.BytesIO()
    np.savez(sink, w=np.array(numbers))
    return sink.getvalue()


OLD = MemoryTree(
    {
        "a.csv": b"1\n2\n",
        "same.csv": b"1\n2\n3\n",
        "b/labels.json": json.dumps([{"id": 1}]).encode(),
        "look.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": "a b"}]}).encode(),
        "net.npz": npz(1.0, 2.0),
        "img.png": b"\0\1",
        "moved.csv": b"x\n",
    }
)
NEW = MemoryTree(
    {
        "a.csv": b"1\n3\n",
        "same.csv": b"1\n2\n3\n",
        "b/labels.json": json.dumps([{"id": 1, "x": 1}, {"id": 2}]).encode(),
        "look.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": "a c"}]}).encode(),
        "net.npz": npz(1.0, 3.0),
        "img.png": b"\0\2",
        "elsewhere.csv": b"x\n",
    }
)


def test_the_names_of_files_that_changed_tell_which_measures_fit():
    assert finer_measures(OLD, NEW) == ("rows", "records", "cells", "tensors")
    assert finer_measures(OLD, OLD) == ()
    only_image = MemoryTree({"same.csv": b"1\n", "img.png": b"\0"})
    assert finer_measures(only_image, MemoryTree({"same.csv": b"1\n", "img.png": b"\1"})) == ()
    assert finer_measures(None, only_image) == ("rows",)
    assert finer_measures(None, None) == ()


def test_no_file_is_opened_to_tell_which_measures_fit():
    class Closed(MemoryTree):
        def open(self, path):
            raise AssertionError(path)

    old = Closed({"a.csv": b"1", "b.safetensors": b"1"})
    assert finer_measures(old, Closed({"a.csv": b"2", "b.safetensors": b"2"})) == (
        *("rows", "tensors"),
    )


def test_only_the_files_that_changed_count():
    found = {difference.measure: difference for difference in finer_differences(OLD, NEW)}
    assert list(found) == ["rows", "records", "cells", "tensors"]
    assert (found["rows"].amount, found["rows"].total) == (2, 4)
    assert found["records"].counts == {"added": 1, "removed": 0, "changed": 1}
    assert (found["cells"].amount, found["cells"].total) == (2, 6)
    assert [change.name for change in found["tensors"].changes] == ["w"]


def test_what_is_known_already_is_not_said_again():
    rest = [difference.measure for difference in finer_differences(OLD, NEW, besides="rows")]
    assert rest == ["records", "cells", "tensors"]
    params = MemoryTree({"params.json": b"{}"}), MemoryTree({"params.json": b'{"a": 1}'})
    assert finer_differences(*params, besides="keys") == ()
    assert finer_differences(*params)[0].measure == "records"


def test_files_that_are_no_weights_in_spite_of_their_names_are_passed_over():
    old, new = MemoryTree({"a.bin": b"1"}), MemoryTree({"a.bin": b"2"})
    assert finer_differences(old, new) == ()


def test_what_is_too_large_is_not_compared_unasked(monkeypatch):
    monkeypatch.setitem(_finer._MOST_BYTES, "rows", 7)
    rows, *rest = finer_differences(OLD, NEW)
    assert (rows.amount, rows.total, rows.exact) == (0, 0, False)
    assert "ask for the measure rows" in rows.note
    assert len(rest) == 3


def test_a_missing_library_is_a_note(monkeypatch):
    monkeypatch.setattr(parquet_module, "_find_arrow", lambda: None)
    [found] = finer_differences(MemoryTree({"a.parquet": b"1"}), MemoryTree({"a.parquet": b"2"}))
    assert "omprov[tables]" in found.note
    assert not found.exact


@pytest.mark.parametrize("error", [Damaged("a pack is damaged"), OSError("no disk"), KeyError(1)])
def test_what_cannot_be_read_is_a_note(error):
    class Failing(MemoryTree):
        def open(self, path):
            raise error

    [found] = finer_differences(Failing({"a.csv": b"1"}), MemoryTree({"a.csv": b"2"}))
    assert str(error) in found.note
    assert Difference.from_json(found.to_json()) == found


@given(trees(), trees())
def test_any_two_trees_can_be_told_of(old, new):
    for difference in finer_differences(old, new):
        assert 0 <= difference.amount <= difference.total


def test_folders_on_disk_are_compared_too(tmp_path):
    for name, content in (("old", "1\n2\n"), ("new", "1\n")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.csv").write_text(content)
    [found] = finer_differences(FolderTree(tmp_path / "old"), FolderTree(tmp_path / "new"))
    assert found.counts == {"added": 0, "removed": 1}
