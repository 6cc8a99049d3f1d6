import csv
import gzip
import io
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omprov.diff import MemoryTree, compare, get_measure
from omprov.diff import _parquet as parquet_module
from omprov.diff._delimited import fields_of, iter_delimited
from omprov.diff._sources import iter_line_blocks
from omprov.errors import Damaged, MissingExtra

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

fields = st.text(st.sampled_from('ab1,"\n \té'), max_size=4)
records = st.lists(st.lists(fields, min_size=1, max_size=3), max_size=8)


def rows(old, new, name="a.csv"):
    """(only old, only new, total)"""
    difference = compare(MemoryTree({name: old}), MemoryTree({name: new}), "rows")
    counts = difference.counts
    assert difference.amount == counts["added"] + counts["removed"]
    return counts["removed"], counts["added"], difference.total


def multiset_difference(old, new):
    old, new = Counter(map(tuple, old)), Counter(map(tuple, new))
    return (old - new).total(), (new - old).total(), old.total() + new.total()


def as_csv(lines, **options):
    text = io.StringIO()
    csv.writer(text, **options).writerows(lines)
    return text.getvalue().encode()


def parquet_file(table, **options):
    sink = io.BytesIO()
    parquet.write_table(pyarrow.table(table), sink, **options)
    return sink.getvalue()


def split(content, delimiter=b","):
    blocks = iter_line_blocks(io.BytesIO(content), "a.csv")
    batches = iter_delimited(blocks, delimiter, "a.csv")
    return [fields_of(row, delimiter) for batch in batches for row in batch]


@given(
    records, st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]), st.sampled_from(["\n", "\r\n"])
)
def test_csv_is_split_as_the_standard_library_does(lines, quoting, terminator):
    content = as_csv(lines, quoting=quoting, lineterminator=terminator)
    assert [[field.decode() for field in row] for row in split(content)] == lines


@given(st.text(st.sampled_from('a,"\n\r'), max_size=12))
def test_odd_quotes_are_taken_as_the_standard_library_does(text):
    text = text.replace("\r", "\r\n") + "\n"
    expected = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    found = [[field.decode() for field in row] for row in split(text.encode())]
    for lines in (expected, found):  # whether an open quote takes in the last line's end
        if lines:
            lines[-1][-1] = lines[-1][-1].rstrip("\r\n")
    assert found == expected


@given(records, records, st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
def test_rows_of_csv_differ_as_multisets_of_their_fields(old, new, quoting):
    if old and new and sorted(old[0]) == sorted(new[0]):
        new = new[1:]  # names in another order are tested below
    found = rows(as_csv(old), as_csv(new, quoting=quoting))
    if not (old and new and sorted(old[0]) == sorted(new[0])):
        assert found == multiset_difference(old, new)


@given(records, st.randoms())
def test_the_order_of_rows_does_not_count(lines, random):
    shuffled = list(lines[1:])
    random.shuffle(shuffled)
    assert rows(as_csv(lines), as_csv([*lines[:1], *shuffled]))[:2] == (0, 0)


def test_columns_with_names_may_be_in_another_order():
    old, new = b"id,label\n1,cat\n2,dog\n", b"label,id\ndog,2\ncat,1\nowl,3\n"
    assert rows(old, new) == (0, 1, 7)
    assert rows(new, old) == (1, 0, 7)


@pytest.mark.parametrize("old", [b"1,2\n5,6\n", b"a,a\n5,6\n", b"a,\n5,6\n"])
def test_a_first_row_of_numbers_or_without_distinct_names_is_no_heading(old):
    new = b"\n".join(b",".join(line.split(b",")[::-1]) for line in old.split(b"\n")[:2]) + b"\n"
    assert rows(old, new)[0] >= 1


def test_a_new_column_changes_every_row():
    assert rows(b"id\n1\n2\n", b"id,label\n1,a\n2,b\n") == (3, 3, 6)


def test_blank_lines_line_ends_and_a_byte_order_mark_do_not_count():
    assert rows(b"a,b\n1,2\n", b"\xef\xbb\xbfa,b\r\n\r\n1,2") == (0, 0, 4)


def test_tabs_separate_tsv():
    assert rows(b"a\t1,2\nb\t3\n", b"a\t1,2\nb\t4\n", "x.tsv") == (1, 1, 4)
    assert rows(b'a\t"1"\n', b"a\t1\n", "x.tsv") == (0, 0, 2)


def test_rows_that_cross_blocks_are_whole(monkeypatch):
    lines = [[f"{number}", 'a "quoted"\nname'] for number in range(50)]
    for block in (1, 2, 7, 64):
        monkeypatch.setattr("omprov.diff._sources.BLOCK", block)
        assert [[field.decode() for field in row] for row in split(as_csv(lines))] == lines


def test_rows_that_wait_too_long_are_counted_all_the_same(monkeypatch):
    monkeypatch.setattr("omprov.diff._waiting._MOST", 3)
    monkeypatch.setattr("omprov.diff._sources.BLOCK", 16)
    old = [[f"{number % 40}", "x"] for number in range(100)]
    new = [[f"{number % 30}", "x"] for number in reversed(range(101))]
    assert rows(as_csv(old), as_csv(new)) == multiset_difference(old, new)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, 2.0, "a", "1"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=4,
)
objects = st.lists(st.dictionaries(st.sampled_from("xyz"), values, max_size=3), max_size=6)


def spelled(value):
    """Equal for values that are equal as JSON, and only for those."""
    match value:
        case bool() | str() | None:
            return repr(value)
        case int() | float():
            return repr(float(value))
        case list():
            return repr([spelled(inner) for inner in value])
    return "object" + repr(sorted((key, spelled(inner)) for key, inner in value.items()))


@given(objects, objects)
def test_json_lines_differ_as_multisets_of_values(old, new):
    files = ["\n".join(map(json.dumps, side)).encode() for side in (old, new)]
    expected = multiset_difference([[spelled(v)] for v in old], [[spelled(v)] for v in new])
    assert rows(*files, "a.jsonl") == expected
    assert rows(*map(gzip.compress, files), "a.ndjson.gz") == expected


def test_keys_of_json_lines_have_no_order_and_numbers_are_equal_by_value():
    assert rows(b'{"a": 1, "b": [2.0]}\n', b'{"b":[2],"a":1.0}\n', "a.jsonl") == (0, 0, 2)
    assert rows(b'{"a": 1}\n', b'{"a": "1"}\n', "a.jsonl") == (1, 1, 2)
    assert rows(b"no json\n", b"no  json\n", "a.jsonl") == (1, 1, 2)


def test_compressed_csv_is_read():
    old, new = gzip.compress(b"a,b\n1,2\n"), gzip.compress(b"a,b\n1,3\n")
    assert rows(old, new, "a.csv.gz") == (1, 1, 4)


typed = st.fixed_dictionaries(
    {
        "number": st.none() | st.integers(-5, 5),
        "real": st.none() | st.sampled_from([0.0, -0.0, 0.5, float("inf")]),
        "text": st.none() | st.sampled_from(["", "a", "é"]),
        "flag": st.none() | st.booleans(),
        "list": st.none() | st.lists(st.none() | st.integers(0, 2), max_size=3),
        "inner": st.none() | st.fixed_dictionaries({"x": st.none() | st.sampled_from(["", "b"])}),
        "vectors": st.none()
        | st.lists(st.lists(st.sampled_from([0.5, 1.5]), max_size=2), max_size=2),
    }
)
SCHEMA = [
    ("number", "int64"),
    ("real", "double"),
    ("text", "string"),
    ("flag", "bool"),
]


def schema():
    kinds = [(name, pyarrow.type_for_alias(kind)) for name, kind in SCHEMA]
    kinds.append(("list", pyarrow.list_(pyarrow.int32())))
    kinds.append(("inner", pyarrow.struct([("x", pyarrow.string())])))
    kinds.append(("vectors", pyarrow.list_(pyarrow.list_(pyarrow.float32()))))
    return pyarrow.schema(kinds)


def typed_file(lines):
    sink = io.BytesIO()
    parquet.write_table(pyarrow.Table.from_pylist(lines, schema=schema()), sink, row_group_size=3)
    return sink.getvalue()


@given(st.lists(typed, max_size=8), st.lists(typed, max_size=8))
def test_parquet_rows_differ_as_multisets_of_typed_values(old, new):
    def known(lines):
        return [[repr(sorted(line.items())).replace("-0.0", "0.0")] for line in lines]

    expected = multiset_difference(known(old), known(new))
    assert rows(typed_file(old), typed_file(new), "a.parquet") == expected


def test_how_parquet_stores_a_value_does_not_count():
    plain = {"n": pyarrow.array([1, 2, 2]), "t": pyarrow.array(["a", "b", None])}
    other = {
        "t": pyarrow.array(["a", "b", None], pyarrow.large_string()).dictionary_encode(),
        "n": pyarrow.array([1, 2, 2], pyarrow.int8()),
    }
    assert rows(parquet_file(plain), parquet_file(other, compression="zstd"), "a.parquet")[:2] == (
        0,
        0,
    )


def test_columns_of_parquet_go_by_name_and_type():
    one, two = pyarrow.array([1, 2]), pyarrow.array([3, 4])
    base = parquet_file({"a": one, "b": two})
    assert rows(base, parquet_file({"b": two, "a": one}), "a.parquet") == (0, 0, 4)
    assert rows(base, parquet_file({"a": two, "b": one}), "a.parquet") == (2, 2, 4)
    assert rows(base, parquet_file({"a": one, "c": two}), "a.parquet") == (2, 2, 4)
    real = pyarrow.array([3.0, 4.0])
    assert rows(base, parquet_file({"a": one, "b": real}), "a.parquet") == (2, 2, 4)


def test_every_sort_of_column_is_read():
    import datetime as dt
    import decimal

    day = dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC)
    columns = {
        "u": pyarrow.array([2**64 - 1, None], pyarrow.uint64()),
        "time": pyarrow.array([day, None], pyarrow.timestamp("us", "UTC")),
        "date": pyarrow.array([day.date(), None], pyarrow.date32()),
        "money": pyarrow.array([decimal.Decimal("1.50"), None], pyarrow.decimal128(9, 2)),
        "raw": pyarrow.array([b"\0", None], pyarrow.binary()),
        "fixed": pyarrow.array([b"ab", None], pyarrow.binary(2)),
        "vector": pyarrow.array([[1.0, 2.0], None], pyarrow.list_(pyarrow.float32(), 2)),
        "map": pyarrow.array([[("k", 1)], None], pyarrow.map_(pyarrow.string(), pyarrow.int32())),
        "none": pyarrow.nulls(2),
        "half": pyarrow.array([0.5, None], pyarrow.float16()),
    }
    table = pyarrow.table(columns)
    old, new = parquet_file(table), parquet_file(table.slice(0, 1))
    assert rows(old, new, "a.parquet") == (1, 0, 3)
    for name in columns:
        if name != "none":
            changed = table.set_column(
                table.schema.get_field_index(name), name, table[name].take([1, 0])
            )
            assert rows(old, parquet_file(changed), "a.parquet") == (2, 2, 4), name


def test_files_that_are_no_tables_count_as_one_row():
    old = MemoryTree({"a.csv": b"1\n2\n", "img.png": b"\0\1"})
    new = MemoryTree({"a.csv": b"1\n2\n", "img.png": b"\0\2"})
    difference = compare(old, new, "rows")
    assert (difference.amount, difference.total) == (2, 6)


def test_a_renamed_table_costs_nothing_and_a_symlink_is_no_table():
    old, new = MemoryTree({"a.csv": b"1\n2\n"}), MemoryTree({"b/c.csv": b"1\n2\n"})
    difference = compare(old, new, "rows")
    assert (difference.amount, difference.total) == (0, 4)
    assert difference.changes[0].old_name == "a.csv"
    link = MemoryTree({"a.csv": b"1\n2\n"}, modes={"a.csv": "symlink"})
    assert compare(old, link, "rows").weight == 1


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("a.csv", b"1,2\0\n"),
        ("a.parquet", b"PAR1 and no more"),
        ("a.csv.gz", b"no gzip"),
        ("a.csv.gz", gzip.compress(b"1\n2\n")[:-6]),
    ],
    ids=["binary", "no Parquet", "no gzip", "cut gzip"],
)
def test_a_table_that_cannot_be_read_is_one_row_and_is_named(name, broken):
    good = parquet_file({"n": pyarrow.array([1, 2])}) if name.endswith("t") else b"1\n2\n"
    good = gzip.compress(good) if name.endswith("gz") else good
    there = compare(MemoryTree({name: broken}), MemoryTree({name: good}), "rows")
    back = compare(MemoryTree({name: good}), MemoryTree({name: broken}), "rows")
    assert (there.amount, there.total) == (back.amount, back.total) == (3, 3)
    assert name in there.note
    assert compare(MemoryTree({name: broken}), MemoryTree({name: broken}), "rows").amount == 0


def test_a_parquet_file_with_damaged_pages_differs_wholly():
    good = parquet_file({"n": pyarrow.array(range(5_000))}, compression="zstd")
    broken = good[:4] + bytes(200) + good[204:]
    difference = compare(MemoryTree({"a.parquet": good}), MemoryTree({"a.parquet": broken}), "rows")
    assert (difference.weight, difference.total) == (1, 10_000)
    assert "a.parquet cannot be read" in difference.note


class FailingTree(MemoryTree):
    def open(self, path):
        class Failing(io.BytesIO):
            def read(self, size=-1, /):
                raise Damaged("a pack is damaged")

        return Failing(bytes(100))


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet", "a.jsonl"])
def test_what_the_store_cannot_give_is_no_unreadable_table(name):
    with pytest.raises(Damaged, match="a pack"):
        compare(FailingTree({name: b"1"}), MemoryTree({name: b"2"}), "rows")


@pytest.fixture
def without_arrow(monkeypatch):
    monkeypatch.setattr(parquet_module, "_find_arrow", lambda: None)


def test_without_the_extra_parquet_files_are_one_row_and_the_note_says_so(without_arrow):
    old = MemoryTree({"a.parquet": b"1", "b.csv": b"1\n"})
    new = MemoryTree({"a.parquet": b"2", "b.csv": b"1\n"})
    difference = compare(old, new, "rows")
    assert (difference.amount, difference.total, difference.exact) == (2, 4, False)
    assert "pip install 'omprov[tables]'" in difference.note


def test_without_the_extra_a_tree_of_parquet_alone_is_refused(without_arrow):
    with pytest.raises(MissingExtra, match=r"omprov\[tables\]"):
        get_measure("rows").compare(
            MemoryTree({"a.parquet": b"1"}), MemoryTree({"a.parquet": b"2"})
        )
