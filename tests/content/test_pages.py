from __future__ import annotations

import itertools
import random

from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from omprov.content import StoredTree
from omprov.content._adding._putting import NodeSink, write_tree
from omprov.content._format._lists import chunk_piece, decode_list, encode_list, piece_mark
from omprov.content._format._nodes import Entry, EntryKind, decode_node, encode_node, name_mark
from omprov.content._format._paging import SHORT, paginate
from omprov.content._tree import find_entry, iter_changes, iter_folder
from omprov.diff import merge_walks
from omprov.errors import Damaged


def entry(number: int, content: int = 0) -> Entry:
    digest = blake3(b"%d" % content).digest()
    return Entry(b"img-%07d.png" % number, EntryKind.FILE, content % 1000, 1, digest)


def stored(entries) -> tuple[dict[bytes, bytes], bytes]:
    sink = NodeSink()
    top = write_tree(sorted(entries), sink)
    return sink.nodes, top.digest


def reader(nodes):
    return lambda digest: decode_node(nodes[digest])


def cut_naively(items, mark):
    """The rule as docs/format.md words it, over whole lists."""
    level = 0
    pages = [list(items)]
    levels = []
    while True:
        if len(items) > 64 and level < 12:
            ends = [i + 1 for i, item in enumerate(items) if (mark(item) >> (5 * level)) % 32 == 0]
            borders = sorted({0, *ends, len(items)})
            pages = [items[a:b] for a, b in itertools.pairwise(borders)]
        else:
            pages = [list(items)]
        levels.append(pages)
        if len(pages) == 1:
            return levels
        items = [page[-1] for page in pages]
        level += 1


@settings(max_examples=60, deadline=None)
@given(
    count=st.one_of(st.integers(0, 300), st.integers(SHORT - 2, SHORT + 2), st.integers(0, 40_000)),
    seed=st.integers(0, 5),
)
def test_pages_are_those_of_the_written_rule(count, seed):
    marks = [random.Random(seed * 100_000 + i).getrandbits(64) for i in range(count)]
    written: list[tuple[int, list[int]]] = []

    def write(level, page):
        written.append((level, list(page)))
        return page[-1] if page else 0

    paginate(iter(marks), mark=lambda mark: mark, write=write)
    expected = cut_naively(marks, lambda mark: mark)
    by_level = sorted(written, key=lambda one: one[0])
    assert by_level == [(n, page) for n, pages in enumerate(expected) for page in pages]


def test_a_list_that_never_ends_a_page_is_one_page():
    pages = []
    paginate(range(5000), mark=lambda _: 1, write=lambda level, page: pages.append(page) or 1)
    assert pages == [list(range(5000))]


def test_a_list_that_always_ends_a_page_comes_to_an_end():
    pages = []
    paginate(range(1000), mark=lambda _: 0, write=lambda level, page: pages.append(level) or 1)
    assert max(pages) == 12


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_folder_has_one_digest_whatever_its_history(data):
    numbers = data.draw(st.sets(st.integers(0, 10**6), min_size=200, max_size=3000))
    order = data.draw(st.permutations(sorted(numbers)[:50]))
    expected = stored(map(entry, numbers))[1]
    present = set(numbers) - set(order)
    for number in order:
        present.add(number)
        nodes, digest = stored(map(entry, present))
        assert {e.name for e in iter_folder(reader(nodes), digest)} == {
            entry(n).name for n in present
        }
    assert digest == expected


def test_one_added_file_rewrites_few_small_nodes():
    numbers = range(0, 200_000, 2)
    before, _ = stored(map(entry, numbers))
    after, _ = stored(map(entry, [*numbers, 77_777]))
    new = [raw for digest, raw in after.items() if digest not in before]
    assert len(new) <= 4
    assert sum(map(len, new)) < 60_000


@settings(max_examples=30, deadline=None)
@given(
    size=st.sampled_from([0, 1, 50, 64, 65, 300, 5000]),
    changes=st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 2)), max_size=30),
)
def test_differences_of_paged_folders_are_those_of_dictionaries(size, changes):
    old = {entry(n).name: entry(n) for n in range(size)}
    new = dict(old)
    for number, content in changes:
        if content == 0:
            new.pop(entry(number).name, None)
        else:
            new[entry(number).name] = entry(number, content)
    old_nodes, old_root = stored(old.values())
    new_nodes, new_root = stored(new.values())
    found = list(iter_changes((reader(old_nodes), old_root), (reader(new_nodes), new_root)))
    expected = [
        (name, old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]
    assert found == expected


def test_a_difference_reads_only_the_pages_that_differ():
    numbers = range(50_000)
    old_nodes, old_root = stored(map(entry, numbers))
    new_nodes, new_root = stored(entry(n, n in {7, 30_000}) for n in numbers)
    read: list[bytes] = []

    def counting(nodes):
        return lambda digest: (read.append(digest), decode_node(nodes[digest]))[1]

    found = list(iter_changes((counting(old_nodes), old_root), (counting(new_nodes), new_root)))
    assert len(found) == 2
    assert len(read) <= 14


def test_every_entry_of_a_paged_folder_is_found_by_name():
    nodes, root = stored(map(entry, range(0, 3000, 3)))
    for number in range(3001):
        found = find_entry(reader(nodes), root, entry(number).name)
        assert found == (entry(number) if number % 3 == 0 and number < 3000 else None)


def test_trees_compare_with_trees_of_another_kind():
    def never_open(digest, size):
        raise AssertionError

    nodes, root = stored(map(entry, range(300)))
    other_nodes, other_root = stored(entry(n, n == 5) for n in range(300))
    tree = StoredTree(root, reader(nodes), never_open)
    other = StoredTree(other_root, reader(other_nodes), never_open)

    class Foreign:
        digest = other.digest
        walk = staticmethod(other.walk)

    assert list(tree.changes_from(Foreign())) == list(merge_walks(other, tree))
    assert list(tree.changes_from(other)) == list(merge_walks(other, tree))


@settings(max_examples=100, deadline=None)
@given(
    rows=st.dictionaries(
        st.binary(min_size=1, max_size=8).filter(lambda b: not {0, 47} & set(b) and b.strip(b".")),
        st.tuples(
            st.sampled_from([1, 2, 3, 4, 5]), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)
        ),
        max_size=20,
    )
)
def test_a_node_reads_back_as_it_was_written(rows):
    entries = sorted(
        Entry(name + b"/" * (kind == EntryKind.FOLDER), kind, size, files, blake3(name).digest())
        for name, (kind, size, files) in rows.items()
    )
    node = decode_node(encode_node(0, entries))
    assert (node.level, list(node.entries)) == (0, entries)


@settings(max_examples=100, deadline=None)
@given(cut=st.integers(0, 200), flip=st.integers(0, 10_000), junk=st.binary(max_size=60))
def test_bytes_that_are_no_node_are_refused_or_read_without_harm(cut, flip, junk):
    raw = encode_node(0, [Entry(b"a", 1, 5, 1, b"d" * 32), Entry(b"b/", 4, 9, 2, b"e" * 32)])
    flipped = bytearray(raw)
    flipped[flip % len(raw)] ^= 1 + flip % 255
    for candidate in (raw[:cut], raw + junk[:-1], bytes(flipped), junk, b"OMT\x01" + junk):
        try:
            node = decode_node(candidate)
        except Damaged:
            continue
        for each in node.entries:
            assert each.name.rstrip(b"/") not in {b"", b".", b".."}
            assert b"/" not in each.name[:-1]


def test_names_that_lead_out_of_the_folder_are_refused():
    for name in (b"..", b".", b"", b"../", b"./", b"/", b"a/b", b"/etc", b"a//"):
        kind = EntryKind.FOLDER if name.endswith(b"/") else EntryKind.FILE
        with_it = encode_node(0, [Entry(name, kind, 0, 1, bytes(32))])
        try:
            decode_node(with_it)
        except Damaged:
            continue
        raise AssertionError(name)
    unsorted = encode_node(0, [Entry(b"b", 1, 0, 1, bytes(32)), Entry(b"a", 1, 0, 1, bytes(32))])
    twice = encode_node(0, [Entry(b"b", 1, 0, 1, bytes(32))] * 2)
    for raw in (unsorted, twice):
        try:
            decode_node(raw)
        except Damaged:
            continue
        raise AssertionError(raw)


@given(lengths=st.lists(st.integers(1, 2**40), max_size=50), level=st.integers(0, 8))
def test_a_chunk_list_reads_back_as_it_was_written(lengths, level):
    pieces = [chunk_piece(n, blake3(b"%d" % n).digest()) for n in lengths]
    page = decode_list(encode_list(level, pieces))
    assert (page.level, list(page.pieces)) == (level, pieces)
    assert all(piece_mark(piece) < 2**64 for piece in page.pieces)


def test_marks_come_from_names_alone():
    assert name_mark(entry(1, 1)) == name_mark(entry(1, 2)) != name_mark(entry(2, 1))
