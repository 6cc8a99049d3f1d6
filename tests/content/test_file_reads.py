"""Files of a tree, read like any other file."""

from __future__ import annotations

import io
import pickle
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from content_folders import make_folder, random_bytes
from hypothesis import given
from hypothesis import strategies as st

from omprov.content import ContentStore, _reading
from omprov.errors import NotFound

CONTENT = random_bytes(1, 3_000_000) + bytes(500_000) + b"end"


@pytest.fixture(scope="module")
def opened():
    with tempfile.TemporaryDirectory() as name, ContentStore.create(Path(name) / "s") as store:
        digest = store.put_files({"large": CONTENT}).digest
        yield lambda: store.open_file(digest, "large")


steps = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(0, 400_000)),
        st.tuples(st.just("read1"), st.integers(1, 100_000)),
        st.tuples(st.just("seek"), st.integers(0, len(CONTENT) + 10)),
        st.tuples(st.just("readline"), st.just(1000)),
        st.tuples(st.just("tell")),
    ),
    max_size=12,
)


@given(steps=steps)
def test_reading_and_seeking_is_as_in_memory(opened, steps):
    ours, model = opened(), io.BytesIO(CONTENT)
    for name, *arguments in steps:
        if name == "read1":  # it may give less
            part = ours.read1(*arguments)
            assert part == model.read(len(part))
            assert part or model.read(1) == b""
        else:
            assert getattr(ours, name)(*arguments) == getattr(model, name)(*arguments)
    assert ours.read() == model.read()


def test_few_chunks_are_read_for_a_small_range(opened, monkeypatch):
    asked = []
    get = _reading.ObjectReader.get
    monkeypatch.setattr(
        _reading.ObjectReader, "get", lambda self, key: asked.append(key) or get(self, key)
    )
    file = opened()
    for place in (1_000_000, 1_000_050, 2_000_000, 1_000_000):
        file.seek(place)
        assert file.read(10) == CONTENT[place : place + 10]
    assert len(asked) <= 6  # the file, its list, and a chunk or two around each place


def test_many_threads_read_one_store(opened):
    def read(start):
        file = opened()
        file.seek(start)
        return file.read(100_000)

    starts = range(0, 3_000_000, 100_000)
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(read, starts))
    assert parts == [CONTENT[start : start + 100_000] for start in starts]


@pytest.fixture
def tree(store, tmp_path):
    folder = make_folder(
        tmp_path / "in",
        {
            "labels.csv": b"7",
            "data": {"a": b"1", "up": ("->", "../labels.csv"), "down": ("->", "./sub/x/..")},
            "data2": ("->", "data"),
            "out": ("->", "../outside"),
            "root": ("->", "/etc/passwd"),
            "round": ("->", "round"),
            "gone": ("->", "nowhere"),
        },
    )
    (folder / "data" / "sub" / "x").mkdir(parents=True)
    return store.tree(store.put_tree(folder).digest)


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("labels.csv", "labels.csv"),
        ("data2/up", "labels.csv"),
        ("data2/a", "data/a"),
        ("data/down", "data/sub"),
        ("gone", "nowhere"),
        ("./data//a", "data/a"),
    ],
)
def test_symlinks_are_followed_within_the_tree(tree, path, meant):
    assert tree.follow(path) == meant


@pytest.mark.parametrize("path", ["out", "root", "round", "../x"])
def test_no_symlink_leads_out_of_the_tree(tree, path):
    with pytest.raises(NotFound):
        tree.follow(path)


def test_a_missing_file_is_told_with_what_there_is(tree):
    with pytest.raises(NotFound, match=r"no file 'lables.csv'; did you mean labels.csv\?"):
        tree.open("lables.csv")
    with pytest.raises(NotFound, match=r"did you mean data/up\?") as caught:
        tree.open("data/upp")
    assert pickle.loads(pickle.dumps(caught.value)).near == ("data/up",)
    with pytest.raises(NotFound, match="It is a folder"):
        tree.open("data")
    with pytest.raises(NotFound, match="no file 'x/y'"):
        tree.open("x/y")
