import gzip
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omprov.diff import MemoryTree, compare

values = st.none() | st.integers(0, 2) | st.sampled_from([1.0, 0.5, "a"])
records = st.fixed_dictionaries({}, optional={"id": st.integers(0, 3) | st.just("1"), "x": values})
files = st.dictionaries(
    st.sampled_from(["images", "annotations", "info"]),
    st.lists(records | values, max_size=4) | records,
    max_size=3,
)


def as_tree(value, **options):
    return MemoryTree({"a.json": json.dumps(value, **options).encode()})


def spelled(value):
    match value:
        case dict():
            return "object" + repr(sorted((key, spelled(inner)) for key, inner in value.items()))
        case int() | float():
            return repr(float(value))
        case _:
            return repr(value)


def known(file):
    """Every record with where it stands and by what it is matched."""
    keys, contents = Counter(), Counter()
    for section, content in file.items():
        for record in content if isinstance(content, list) else [content]:
            key = spelled(record)
            if not isinstance(content, list):
                key = "only"
            elif isinstance(record, dict) and "id" in record:
                key = f"id {record['id']!r}"
            where = section, isinstance(content, list), key
            keys[where] += 1
            contents[where, spelled(record)] += 1
    return keys, contents


@given(files, files)
def test_records_are_matched_as_written_out(old, new):
    difference = compare(as_tree(old), as_tree(new, indent=1), "records")
    (old_keys, old_records), (new_keys, new_records) = known(old), known(new)
    added, removed = (new_keys - old_keys).total(), (old_keys - new_keys).total()
    changed = (old_keys & new_keys).total() - (old_records & new_records).total()
    assert difference.counts == {"added": added, "removed": removed, "changed": changed}
    assert difference.total == (old_keys | new_keys).total()
    assert difference.amount == added + removed + changed


def test_annotations_are_matched_by_their_ids_section_by_section():
    old = {
        "info": {"year": 2023},
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
        "annotations": [{"id": 1, "image_id": 1, "bbox": [0, 0, 4, 4]}],
        "categories": [{"id": 1, "name": "cat"}],
    }
    new = {
        "categories": [{"name": "cat", "id": 1}],
        "annotations": [
            {"id": 7, "image_id": 2, "bbox": [1, 1, 2, 2]},
            {"id": 1, "image_id": 1, "bbox": [0, 0, 4, 5]},
        ],
        "images": [{"id": 2, "file_name": "b.jpg"}, {"id": 1, "file_name": "a.jpg"}],
        "info": {"year": 2023.0},
    }
    difference = compare(as_tree(old), as_tree(new), "records")
    assert (difference.amount, difference.total) == (2, 6)
    assert [(change.name, change.counts) for change in difference.changes] == [
        ("a.json:annotations", {"added": 1, "changed": 1})
    ]


def test_a_list_of_records_may_be_the_whole_file():
    old, new = [{"id": 1, "x": 1}, {"id": 2}], [{"id": 2}, {"id": 1, "x": 2}, {"id": 3}]
    difference = compare(as_tree(old), as_tree(new), "records")
    assert (difference.amount, difference.total) == (2, 3)
    assert difference.changes[0].name == "a.json"


def test_a_file_that_was_only_written_anew_differs_in_no_record():
    value = {"images": [{"id": 1, "x": 1.0}]}
    difference = compare(as_tree(value), as_tree(value, indent=4), "records")
    assert (difference.amount, difference.changed) == (0, 1)


def test_compressed_files_are_read():
    trees = [
        MemoryTree({"a.json.gz": gzip.compress(json.dumps([{"id": number}]).encode())})
        for number in (1, 2)
    ]
    assert compare(*trees, "records").counts == {"added": 1, "removed": 1, "changed": 0}


@pytest.mark.parametrize("block", [1, 3, 64])
def test_records_that_cross_blocks_are_whole(monkeypatch, block):
    monkeypatch.setattr("omprov.diff._json_stream.BLOCK", block)
    old = {"a": [{"id": number, "x": "é" * number} for number in range(30)], "n": 12345, "m": 1.5}
    new = {**old, "a": old["a"][1:], "n": 123}
    difference = compare(as_tree(old, ensure_ascii=False), as_tree(new), "records")
    assert difference.counts == {"added": 0, "removed": 1, "changed": 1}


def test_many_records_are_counted_exactly(monkeypatch):
    monkeypatch.setattr("omprov.diff._waiting._MOST", 50)
    old = [{"id": number, "x": number} for number in range(10_000)]
    new = [{"id": number, "x": number + (number % 100 == 0)} for number in range(9_990, -20, -1)]
    difference = compare(as_tree(old), as_tree(new), "records")
    assert difference.counts == {"added": 19, "removed": 9, "changed": 100}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"a": [1, 2', b'{"a" 1}', b"[1] 2", b"{1: 2}", b'["\xff"]', b"[" * 5_000],
    ids=["empty", "cut", "cut in a list", "no colon", "more", "a number", "no UTF-8", "deep"],
)
def test_a_file_that_cannot_be_read_is_one_record_and_is_named(content):
    broken, good = MemoryTree({"a.json": content}), as_tree([{"id": 1}, {"id": 2}])
    there, back = compare(broken, good, "records"), compare(good, broken, "records")
    assert there.weight == back.weight == 1
    assert there.total == back.total
    assert "a.json" in there.note
    assert compare(broken, broken, "records").amount == 0


def test_other_files_are_one_record():
    old, new = MemoryTree({"a.txt": b"1", "b": b"1"}), MemoryTree({"a.txt": b"2", "b": b"1"})
    assert compare(old, new, "records").weight == 1 / 2
