"""add and status of a folder in which nothing changed: known at a look."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from omprov.content import ContentStore

ENTRY = "from omprov.cli import main; main()"
NOTHING = "dataset/digits:v1  nothing changed\n"


@pytest.fixture(autouse=True)
def _settled_at_once(monkeypatch):
    """Tests do not wait until what they have just written counts as settled."""
    monkeypatch.setattr("omprov.content._adding._scan.SETTLED", -(10**18))


@pytest.fixture
def no_closer_look(monkeypatch):
    """Let nothing find out more than can be seen at a look."""
    for name in ("open", "put_tree", "changes_on_disk"):
        monkeypatch.setattr(ContentStore, name, None)


def test_it_is_known_at_a_look(omprov, request):
    omprov.write({"data/a.txt": "1", "data/b/c.txt": "2"})
    omprov("add", "data", "--as", "dataset/digits")
    request.getfixturevalue("no_closer_look")
    assert omprov("add", "data") == NOTHING
    assert omprov("add", "data", "--as", "dataset/digits") == NOTHING
    (omprov.folder / "data/a.txt").write_text("longer")
    omprov("add", "data", code=1)  # this is looked at


def test_what_a_version_holds_decides_not_what_was_stored_last(omprov):
    omprov.write({"data/a.txt": "1"})
    omprov("add", "data", "--as", "dataset/digits")
    omprov.write({"data/a.txt": "22"})
    assert "digits:v2" in omprov("add", "data")
    assert omprov("add", "data").endswith("v2  nothing changed\n")
    omprov("checkout", "dataset/digits:v1", "data")
    assert omprov("add", "data") == NOTHING
    (omprov.folder / "data/a.txt").write_text("1 ")
    assert "digits:v3" in omprov("add", "data")
    omprov("rm", "dataset/digits:v3", "--yes")
    assert "nothing changed" not in omprov("add", "data")


def test_status_believes_its_eyes_as_well(omprov, monkeypatch):
    omprov.write({"data/a.txt": "1"})
    omprov("add", "data", "--as", "dataset/digits")
    with monkeypatch.context() as patch:
        patch.setattr(ContentStore, "changes_on_disk", None)
        assert "unchanged" in omprov("status")
    omprov.write({"data/b.txt": "2"})
    assert "b.txt" in omprov("status")


def test_the_memory_may_be_deleted(omprov):
    omprov.write({"data/a.txt": "1"})
    omprov("add", "data", "--as", "dataset/digits")
    (file,) = (omprov.folder / ".omprov/cache/folders").iterdir()
    for text in ("", "[1]", '{"digest": 1}', '{"digest": "x", "looks": []}'):
        file.write_text(text)
        assert omprov("add", "data") == NOTHING
    shutil.rmtree(omprov.folder / ".omprov/cache")
    assert omprov("add", "data") == NOTHING


def test_a_process_that_looks_loads_no_database(omprov):
    omprov.write({"data/a.txt": "1"})
    omprov("add", "data", "--as", "dataset/digits")
    looked = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", ENTRY, "add", "data"],
        cwd=omprov.folder,
        capture_output=True,
        check=True,
        text=True,
    )
    assert looked.stdout == NOTHING
    loaded = {line.rpartition("|")[2].strip() for line in looked.stderr.splitlines()}
    assert not loaded & {"sqlite3", "sqlalchemy", "numpy", "rich", "multiprocessing.connection"}
