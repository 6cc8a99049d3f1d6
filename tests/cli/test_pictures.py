"""graph, lineage, log, show and diff as people see them, and as Graphviz reads them."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omprov.cli import _wording
from omprov.cli._dot import history_dot
from omprov.cli._glyphs import ASCII
from omprov.cli._graph_picture import draw_history
from omprov.diff import _finer
from omprov.records import AssetName, Inherits, Kind, Origin, Version
from omprov.repository import History

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NET = AssetName("default", Kind.MODEL, "net")


def version(number, asset=NET, **facts):
    key = number + (1000 if asset is not NET else 0)
    given = {"digest": None, "size": 0, "files": 0, "created": NOW, "creator": "ada"} | facts
    return Version(id=f"id-{key}", key=key, asset=asset, number=number, **given)


def test_a_graph_shows_weights_aliases_metrics_and_who_said_so():
    versions = [version(3, aliases=("champion",), message="Best"), version(2), version(1)]
    three, two, one = versions
    edges = (
        Inherits(three, two, 0.25, Origin.INFERRED),
        Inherits(three, one, 0.0421, Origin.DECLARED),
        Inherits(two, one, 1.0, Origin.INFERRED),
    )
    picture = draw_history(History(NET, tuple(versions), edges), {3: {"accuracy": 0.97}})
    assert picture.plain.splitlines() == [
        "●    v3  ⚑ champion  accuracy 0.97  Best",
        "├─╮  0.0421 → v1 · 0.25 → v2",
        "│ ●  v2",
        "│ ┊  1 → v1",
        "├─╯",
        "●    v1",
    ]


def test_a_fork_to_another_asset_ends_in_a_stub_of_that_name():
    old = version(4, AssetName("default", Kind.MODEL, "older"))
    new = version(1)
    history = History(NET, (new,), (Inherits(new, old, 0.5, Origin.DECLARED),))
    assert draw_history(history).plain.splitlines() == [
        "●  v1",
        "│  0.5 → model/older:v4",
        "◌  model/older:v4",
    ]


def test_a_version_that_was_made_late_stands_where_its_inputs_put_it():
    late, early = version(9), version(5)
    history = History(NET, (late, early), (Inherits(early, late, 0.1, Origin.INFERRED),))
    assert [line[-2:] for line in draw_history(history).plain.splitlines()] == ["v5", "v9", "v9"]


def test_a_graph_that_is_cut_says_so():
    versions = tuple(version(number) for number in range(9, 0, -1))
    picture = draw_history(History(NET, versions, ()), limit=4, glyphs=ASCII).plain
    assert picture.splitlines()[-1] == ": 5 older versions; -n shows more"
    assert len(picture.splitlines()) == 5


def test_a_removed_version_is_drawn_hollow():
    history = History(NET, (version(1, removed=NOW),), ())
    assert draw_history(history).plain == "○  v1  removed"


def test_a_long_message_does_not_break_the_lines_of_a_picture(omprov, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    omprov.write({"d/a": "1"})
    omprov("add", "d", "--as", "dataset/x", "-m", "word " * 60)
    omprov.write({"d/a": "2"})
    omprov("add", "d")
    shown = omprov("graph", "dataset/x").splitlines()
    assert len(shown) == 4
    assert all(len(line) <= 40 for line in shown)
    monkeypatch.delenv("COLUMNS")
    assert "word " * 59 in omprov("graph", "dataset/x")  # nothing is cut in a pipe


NASTY = 'say "hi" \\ back\nnew {line} <b>|</b> 数'


def test_graphviz_text_is_quoted_whatever_the_names():
    versions = (version(2, message=NASTY, aliases=("best",)), version(1))
    history = History(NET, versions, (Inherits(*versions, 0.5, Origin.INFERRED),))
    text = history_dot(NASTY, history.versions, history.edges, {2: {'a"b': 1.0}})
    outside = re.sub(r'"(?:[^"\\]|\\.)*"', "", text)
    assert set(outside) <= set("digraph {}\n[]=,;->abcdefghijklmnopqrstuvwxyzBT")
    assert '"model/net:v2" -> "model/net:v1" [label="0.5", style=dashed];' in text


@pytest.mark.skipif(shutil.which("dot") is None, reason="needs Graphviz")
def test_graphviz_reads_what_is_written_for_it(story):
    for words in (("graph", "model/net", "--dot"), ("lineage", "model/net", "--dot")):
        subprocess.run(["dot", "-Tsvg"], input=story(*words).encode(), check=True)


def test_lineage_in_graphviz_names_runs_and_roles(story):
    text = story("lineage", "model/net:v2", "--dot")
    assert 'label="algorithm"' in text
    assert "shape=ellipse" in text
    assert text.count("shape=box") == 5
    story("graph", "--dot", code=2)


def test_lineage_goes_to_causes_or_to_effects(story):
    up = story("lineage", "model/net:v2")
    for name in ("model/net:v2", "algorithm algorithm/train:v1", "dataset dataset/digits:v2"):
        assert name in up
    assert "accuracy 0.95" in up
    down = story("lineage", "dataset/digits:v1", "--down")
    assert "model model/net:v1" in down
    assert "model/net:v2" not in down
    assert "dataset/digits:v1" in story("lineage", "dataset/digits:v2", "--inherits")
    assert "No run made it" in story("lineage", "dataset/digits:v1")


def test_lineage_says_when_it_is_cut_and_what_is_shared(story):
    command = ["-o", "model/student=s", "--", "sh", "-c", "echo > s"]
    inputs = ["-i", "first=model/net:v1", "-i", "second=model/net:v2"]
    story("run", *inputs, *command)
    whole = story("lineage", "model/student")
    assert whole.count("algorithm algorithm/train:v1") == 2
    assert "There is more" not in whole
    assert "There is more: raise --depth." in story("lineage", "model/student", "--depth", "1")
    story("lineage", "model/student", "--depth", "0", code=2)
    story(
        "run",
        "-i",
        "a=model/student",
        "-i",
        "b=model/net:v2",
        "-o",
        "model/end=e",
        "--",
        "sh",
        "-c",
        "echo > e",
    )
    assert "as above" in story("lineage", "model/end")


def test_show_says_why_a_version_inherits(story):
    shown = story("show", "model/net:v2")
    assert "because algorithm 0 · dataset 0.667 (dataset/digits:v2 → dataset/digits:v1)" in shown
    assert "accuracy=0.95" in shown
    assert "model/net:v2" in story("show", "model/net:v1").split("inherited by")[1]


def test_diff_shows_the_weight_and_what_it_is_made_of(story):
    shown = story("diff", "dataset/digits:v1", "dataset/digits:v2")
    assert "weight 0.667  files: 2 of 3 differ (added 1, changed 1)" in shown
    assert re.search(r"added +c\.txt", shown)
    assert story("diff", "dataset/digits:v2") == shown  # against its lightest parent
    assert "words:" in story("diff", "dataset/digits:v1", "dataset/digits:v2", "--measure", "words")
    story("diff", "dataset/digits:v1", code=3)
    story("diff", "dataset/digits", "algorithm/train", code=2)
    story("diff", "dataset/digits", "--measure", "nonsense", code=3)
    assert "nothing differs" in story("diff", "dataset/digits:v1", "dataset/digits:v1")


def test_diff_tells_of_rows_and_tensors_in_the_files_that_changed(omprov):
    omprov.write({"data/t.csv": "id,x\n1,a\n2,b\n", "data/same.csv": "1\n" * 50})
    omprov("add", "data", "--as", "dataset/tables")
    omprov.write({"data/t.csv": "id,x\n1,a\n2,c\n3,c\n"})
    (omprov.folder / "data/net.bin").write_bytes(b"no weights")
    omprov("add", "data")
    shown = omprov("diff", "dataset/tables:v2")
    assert "files: 2 of 3 differ (added 1, changed 1)" in shown
    assert "rows: 3 of 7 differ (added 2, removed 1), in files that changed" in shown
    assert "tensors" not in shown
    answer = omprov.json("diff", "dataset/tables:v2")
    assert [further["measure"] for further in answer["evidence"]] == ["rows"]
    named = ["diff", "dataset/tables:v1", "dataset/tables:v2", "--measure", "rows"]
    assert "rows: 4 of 108 differ (added 3, removed 1)" in omprov(*named)
    assert omprov.json(*named)["evidence"] == []


def test_diff_says_of_tensors_how_many_and_of_each_how_far(omprov):
    for number in (1.0, 3.0):
        (omprov.folder / "net").mkdir(exist_ok=True)
        np.savez(omprov.folder / "net/w.npz", bias=np.ones(2), weight=np.full(2, number))
        omprov("add", "net", "--as", "model/net")
    shown = omprov("diff", "model/net:v2", "model/net:v1", "--measure", "tensors")
    assert "weight 0.25  tensors: 1 of 2 differ (changed 1)" in shown
    assert re.search(r"changed +weight +distance 0.5, numbers 2", shown)
    assert "tensors: 1 of 2 differ (changed 1), in files that changed" in omprov(
        "diff", "model/net:v2"
    )


def test_diff_says_what_it_did_not_compare(omprov, monkeypatch):
    monkeypatch.setitem(_finer._MOST_BYTES, "rows", 3)
    for rows in ("1\n", "2\n"):
        omprov.write({"data/t.csv": rows})
        omprov("add", "data", "--as", "dataset/tables")
    shown = omprov("diff", "dataset/tables:v2")
    assert "rows: not compared\n" in shown
    assert "ask for the measure rows" in shown


def test_log_lists_versions_with_parents_and_runs(story):
    story("alias", "dataset/digits:v1", "base")
    lines = story("log", "dataset/digits").splitlines()
    assert lines[0] == "dataset/digits"
    assert re.search(r"v2 +just now +\w+ +v1 0\.667 +Second", lines[1])
    assert re.search(r"v1 +just now .*⚑ base +First", lines[2])
    assert len(story("log", "dataset/digits", "-n", "1").splitlines()) == 2
    assert "run " in story("log", "model/net")


def test_a_message_of_several_lines_is_shown_whole_by_show_and_in_brief_elsewhere(omprov):
    omprov.write({"d/a": "1"})
    omprov("add", "d", "--as", "dataset/x", "-m", "First line\n\nMore\x07 words")
    assert "  First line\n  \n  More\\x07 words\n" in omprov("show", "dataset/x")
    for words in (("log",), ("graph",), ("lineage", "dataset/x")):
        assert "First line" in omprov(*words)
        assert "More" not in omprov(*words)


@given(st.integers(0, 2**59))
def test_a_size_is_written_with_its_unit_and_never_as_thousands_of_one(count):
    number, unit = _wording.size(count).split()
    assert float(number) < 1024
    assert unit in {"B", "KiB", "MiB", "GiB", "TiB", "PiB"}


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=5), "5 hours ago"),
        (timedelta(days=8), "1 week ago"),
        (timedelta(days=800), "2 years ago"),
    ],
)
def test_an_age_is_written_in_its_largest_unit(passed, words):
    assert _wording.age(NOW, NOW + passed) == words
    assert len(_wording.short_age(NOW, NOW + passed)) <= 8


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (1, "1"), (0.04166, "0.0417"), (0.00012345, "1.2e-04"), (None, "?")],
)
def test_a_weight_has_three_digits(value, words):
    assert _wording.weight(value) == words


@given(st.floats())
def test_any_number_can_be_written(value):
    assert _wording.number(value)


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.25, "0.2 s"), (61, "1 min 1 s"), (7_260, "2 h 1 min")]
)
def test_a_duration_is_written_in_its_units(seconds, words):
    assert _wording.duration(timedelta(seconds=seconds)) == words
