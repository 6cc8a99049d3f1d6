"""The layout of lanes, and their drawing read back by following the characters."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from omprov.cli._glyphs import ASCII, UNICODE
from omprov.cli._lane_drawing import draw_row
from omprov.cli._lanes import Arrow, lay_out, newest_first


@st.composite
def graphs(draw):
    """Any DAG: numbers need not rise along its edges; criss-cross and octopus merges included."""
    count = draw(st.integers(1, 12))
    names = draw(st.permutations(range(count)))
    edges = [
        Arrow(names[newer], names[older])
        for newer in range(count)
        for older in draw(st.sets(st.integers(0, newer - 1), max_size=5) if newer else st.just(()))
    ]
    return list(range(count)), edges


def ordered(graph):
    nodes, edges = graph
    return newest_first(nodes, edges, rank=lambda node: (node,))


@given(graphs())
def test_every_node_stands_above_what_it_inherits(graph):
    order = ordered(graph)
    place = {node: row for row, node in enumerate(order)}
    assert sorted(order) == graph[0]
    assert all(place[edge.newer] < place[edge.older] for edge in graph[1])


@given(st.integers(1, 30))
def test_unrelated_nodes_come_newest_first(count):
    assert ordered((list(range(count)), [])) == list(range(count))[::-1]


@given(graphs())
def test_every_edge_holds_one_lane_from_end_to_end(graph):
    rows = list(lay_out(ordered(graph), graph[1]))
    place = {row.node: number for number, row in enumerate(rows)}
    for edge in graph[1]:
        start, end = rows[place[edge.newer]], rows[place[edge.older]]
        (column,) = [at for at, other in start.leaving.items() if other == edge]
        assert end.arriving[column] == edge
        for row in rows[place[edge.newer] + 1 : place[edge.older]]:
            assert row.passing[column] == edge
    assert sum(len(row.leaving) for row in rows) == len(graph[1])


@given(graphs())
def test_no_lane_is_shared_by_two_edges_or_runs_through_a_node(graph):
    for row in lay_out(ordered(graph), graph[1]):
        assert row.column not in row.passing
        assert not row.passing.keys() & row.arriving.keys()
        assert not row.passing.keys() & row.leaving.keys()
        assert not row.arriving or row.column == next(iter(row.arriving))
        assert not row.leaving or row.column == next(iter(row.leaving))


@given(graphs(), st.integers(1, 12))
def test_edges_below_a_cut_stay_open_to_the_last_row(graph, rows):
    order = ordered(graph)[:rows]
    last = list(lay_out(order, graph[1]))[-1]
    open_lanes = {*last.passing.values(), *last.leaving.values()}
    shown = set(order)
    assert open_lanes == {e for e in graph[1] if e.newer in shown and e.older not in shown}


def drawn(graph, glyphs):
    order = ordered(graph)
    return [
        line
        for row in lay_out(order, graph[1])
        for line in draw_row(row, glyphs, mark=glyphs.node, is_inferred=lambda e: e.older % 2 == 0)
    ]


def followed(lines):
    """Read edges back from characters alone: walk each lane from a node down to the next node."""
    grid = [line.text for line in lines]

    def at(row, column):
        return grid[row][column] if 0 <= column < len(grid[row]) else " "

    def turns(row, column, corners):
        """The columns that a joint is connected with, itself included."""
        found = [column]
        for step in (-1, 1):
            here = column + step
            while at(row, here) in "─│┊┬┴╮╭╯╰" and at(row, here - step) not in "╮╭╯╰":
                if at(row, here) in corners:
                    found.append(here)
                here += step
                if here % 2 and at(row, here) != "─":
                    break
        return found

    edges = Counter()
    for top, line in enumerate(lines):
        if line.part != "leaves":
            continue
        node = next(c for c in range(0, len(grid[top - 1]), 2) if at(top - 1, c) == "●")
        for start in turns(top, node, "┬╮╭"):
            row, column = top + 1, start
            while at(row, column) in "│┊":
                row += 1
            if at(row, column) in "├┤┼┴╯╰" and lines[row].part == "joins":
                row += 1
            edges[lines[top].node, lines[row].node] += 1
    return edges


@given(graphs())
def test_every_edge_can_be_followed_with_a_finger(graph):
    assert followed(drawn(graph, UNICODE)) == Counter(tuple(edge) for edge in graph[1])


@given(graphs())
def test_the_fallback_has_the_same_shape_in_ascii(graph):
    plain = drawn(graph, ASCII)
    assert all(line.text.isascii() for line in plain)
    for one, other in zip(plain, drawn(graph, UNICODE), strict=True):
        assert [c == " " for c in one.text] == [c == " " for c in other.text]


def test_a_criss_cross_reads_as_it_should():
    edges = [Arrow(5, 4), Arrow(5, 3), Arrow(4, 2), Arrow(4, 1), Arrow(3, 2), Arrow(3, 1)]
    picture = [line.text for line in drawn(([1, 2, 3, 4, 5], edges), UNICODE)]
    assert picture == [
        "●",
        "├─╮",
        "● │",
        "├─│─╮",
        "┊ ● │",
        "┊ ├─│─╮",
        "├─╯ │ │",
        "●   │ │",
        "    ├─╯",
        "    ●",
    ]


def test_lanes_of_inferred_edges_are_drawn_differently():
    assert len({UNICODE.inferred, UNICODE.declared}) == 2
    rows = [line.text for line in drawn(([0, 1, 2, 3], [Arrow(3, 2), Arrow(2, 1)]), UNICODE)]
    assert rows == ["●", "┊", "●", "│", "●", "●"]
    assert all(a != b for a, b in pairwise(rows[:5]))


def test_a_set_of_glyphs_falls_back_where_the_encoding_lacks_them():
    assert UNICODE.fit("utf-8") is UNICODE
    assert UNICODE.fit("latin-1") is ASCII
    assert UNICODE.fit("no-such-encoding") is ASCII
