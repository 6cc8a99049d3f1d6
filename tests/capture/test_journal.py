"""Journals: what is appended is read back, whole records only."""

from __future__ import annotations

import math
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omprov.capture._journal import _writer
from omprov.capture._journal._folders import is_closed
from omprov.capture._journal._format import encode
from omprov.capture._journal._tail import JournalTail, peek
from omprov.capture._journal._writer import JournalWriter

FIRST = {"run": "r", "owner": True, "time": 1.0, "host": ""}
TEXT = st.text(st.characters(codec=None), max_size=20)
POINTS = st.tuples(
    st.just("point"),
    st.tuples(TEXT, st.integers(-(1 << 60), 1 << 60), st.floats(0, 1e10), st.floats()),
)
OTHERS = st.tuples(
    st.sampled_from(["params", "tags", "later"]),
    st.dictionaries(TEXT, st.none() | st.booleans() | st.integers() | TEXT, max_size=3),
)


def writer_to(path, troubles=None):
    return JournalWriter(
        path, lambda: encode("open", FIRST), (troubles if troubles is not None else []).append
    )


def write(journal, said):
    for kind, data in said:
        if kind == "point":
            name, step, time, value = data
            journal.append_point(name, step, time, value)
        else:
            journal.append(kind, data)


def same(one, other):
    return one == other or (
        one[0] == "point" == other[0]
        and one[1][:3] == other[1][:3]
        and math.isnan(one[1][3])
        and math.isnan(other[1][3])
    )


@given(st.lists(POINTS | OTHERS, max_size=30), st.data())
def test_what_was_written_is_read_back_whole_wherever_it_is_cut(tmp_path_factory, said, data):
    path = tmp_path_factory.mktemp("journal") / "a.journal"
    journal = writer_to(path)
    journal.append("begun", {})
    write(journal, said)
    assert journal.close() == []
    tail = JournalTail(path)
    read = [(kind, value) for kind, value, _ in tail.read()]
    assert len(read) == len(said) + 1
    assert all(map(same, read[1:], said))
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    torn = JournalTail(path)
    first = [(kind, value) for kind, value, _ in torn.read()]
    assert all(map(same, first, read))
    assert torn.at <= cut
    path.write_bytes(whole)
    rest = [(kind, value) for kind, value, _ in torn.read()]
    assert len(first) + len(rest) == len(read)
    assert torn.opened == FIRST


def test_a_flipped_bit_ends_the_reading_before_it(tmp_path):
    journal = writer_to(tmp_path / "a.journal")
    for step in range(10):
        journal.append_point("loss", step, 1.0, 0.5)
    journal.close()
    ends = [said.end for said in JournalTail(journal.path).read()]
    data = bytearray(journal.path.read_bytes())
    data[ends[5] - 3] ^= 4
    journal.path.write_bytes(data)
    assert [said.end for said in JournalTail(journal.path).read()] == ends[:5]


def test_a_record_that_is_longer_than_a_part_is_read(tmp_path):
    journal = writer_to(tmp_path / "a.journal")
    journal.append("params", {"x": "y" * (9 << 20)})
    journal.append("tags", {})
    assert [said.kind for said in JournalTail(journal.path).read()] == ["params", "tags"]
    assert peek(journal.path).opened == FIRST


def test_threads_append_whole_records(tmp_path):
    journal = writer_to(tmp_path / "a.journal")

    def log(number):
        for step in range(500):
            journal.append_point(f"metric{number}", step, 1.0, number)

    threads = [threading.Thread(target=log, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    points = [said.data for said in JournalTail(journal.path).read()]
    for number in range(8):
        assert [p[1] for p in points if p[0] == f"metric{number}"] == list(range(500))


def test_a_disk_that_is_full_for_a_while_loses_nothing(tmp_path, monkeypatch):
    """A real full disk is in test_run_troubles; here it fills at every single byte."""
    troubles = []
    room = [0]
    write_bytes = os.write

    def bounded(fd, data):
        if room[0] <= 0:
            raise OSError(28, os.strerror(28))
        part = data[: room[0]]
        room[0] -= len(part)
        return write_bytes(fd, part)

    monkeypatch.setattr(_writer.os, "write", bounded)
    for free in range(0, 260, 7):
        journal = writer_to(tmp_path / f"{free}.journal", troubles)
        room[0] = free
        journal.append("params", {"a": 1})
        for step in range(5):
            journal.append_point("loss", step, 1.0, 0.5)
        journal.sync()
        room[0] = 1 << 30
        journal.append_point("loss", 5, 1.0, 0.5)
        assert journal.close() == []
        said = list(JournalTail(journal.path).read())
        assert [one.kind for one in said] == ["params", *["point"] * 6]
        assert [one.data[1] for one in said[1:]] == list(range(6))
    assert troubles


def test_what_no_disk_takes_comes_back_with_its_names(tmp_path, monkeypatch):
    journal = writer_to(tmp_path / "a.journal")
    journal.append_point("loss", 0, 1.0, 0.5)
    monkeypatch.setattr(_writer.os, "write", lambda fd, data: 0)
    journal.append_point("loss", 1, 1.0, 0.5)
    left = journal.close()
    monkeypatch.undo()
    elsewhere = tmp_path / "b.journal"
    other = writer_to(elsewhere)
    other.append("begun", {})
    other.close()
    elsewhere.write_bytes(elsewhere.read_bytes() + b"".join(left))
    assert [said.data for said in JournalTail(elsewhere).read()][1:] == [("loss", 1, 1.0, 0.5)]


def test_whoever_can_lock_a_journal_knows_that_its_writer_is_gone(tmp_path):
    journal = writer_to(tmp_path / "a.journal")
    journal.append("begun", {})
    assert not is_closed(journal.path, "")
    pid = os.fork()
    if pid == 0:
        journal.abandon()
        os._exit(0)
    os.waitpid(pid, 0)
    assert not is_closed(journal.path, "")
    journal.append("tags", {})
    journal.close()
    assert is_closed(journal.path, "")
    assert not is_closed(journal.path, "another-machine")
    os.utime(journal.path, (1, 1))
    assert is_closed(journal.path, "another-machine")
    assert [said.kind for said in JournalTail(journal.path).read()] == ["begun", "tags"]


def test_a_closed_journal_takes_nothing(tmp_path):
    journal = writer_to(tmp_path / "a.journal")
    journal.append("begun", {})
    journal.close()
    journal.append_point("loss", 0, 1.0, 0.5)
    journal.append("tags", {})
    assert len(list(JournalTail(journal.path).read())) == 1


def test_what_is_no_json_is_refused_before_anything_is_written(tmp_path):
    journal = writer_to(tmp_path / "a.journal")
    with pytest.raises(TypeError):
        journal.append("params", {"a": object()})
    assert not journal.path.exists()
