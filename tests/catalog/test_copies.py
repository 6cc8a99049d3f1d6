"""A copy of a catalog is one state of it, whoever writes meanwhile."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

import pytest

from omprov.catalog import open_catalog
from omprov.errors import OmprovError

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WRITER = """
import sys
from datetime import datetime, UTC
from omprov.catalog import open_catalog
catalog = open_catalog(sys.argv[1])
n = 0
while True:
    with catalog.write("w", datetime.now(UTC)) as writer:
        writer.add_project(f"a{n}")
        writer.add_project(f"b{n}")
    n += 1
    print(n, flush=True)
"""


def test_a_copy_has_what_was_committed_and_nothing_else(catalog, tmp_path):
    with catalog.write("ann", NOW) as writer:
        writer.add_project("one")
    with catalog.write("ann", NOW) as writer:
        writer.add_project("two")
        catalog.copy_to(tmp_path / "copy")
    with closing(open_catalog(tmp_path / "copy")) as copy, copy.read() as reader:
        assert [project.name for project in reader.list_projects()] == ["one"]
        assert copy.check() == []
    (tmp_path / "empty").touch()
    catalog.copy_to(tmp_path / "empty")
    assert sorted(p.name for p in tmp_path.glob("empty*")) == ["empty"]


@pytest.mark.slow
def test_copies_beside_a_writer_are_whole(path, catalog, tmp_path):
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    try:
        for n in range(20):
            known = int(writer.stdout.readline())
            catalog.copy_to(tmp_path / f"copy{n}")
            with closing(sqlite3.connect(tmp_path / f"copy{n}")) as copy:
                (odd,) = copy.execute("SELECT count(*) % 2 FROM project").fetchone()
                (count,) = copy.execute("SELECT count(*) FROM project").fetchone()
                assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert odd == 0
            assert count >= 2 * known
    finally:
        writer.kill()
        writer.communicate()


def test_a_copy_that_cannot_be_made_leaves_nothing(catalog, tmp_path):
    with pytest.raises(OmprovError):
        catalog.copy_to(tmp_path / "no folder" / "copy")
