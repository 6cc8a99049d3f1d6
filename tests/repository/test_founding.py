"""Making a repository: interrupted, twice at once, where it cannot be."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import omprov
from omprov.errors import AlreadyExists, Conflict, Damaged, InvalidInput, NotFound, Unavailable
from omprov.repository import Repository

MAKER = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from omprov.repository import Repository

left = int(sys.argv[2])

def die_at(event, arguments):
    global left
    if event in {"open", "os.mkdir", "os.rename", "os.remove", "sqlite3.connect"} and any(
        sys.argv[1] in str(a) for a in arguments
    ):
        left -= 1
        if not left:
            os._exit(9)

sys.addaudithook(die_at)
Repository.create(Path(sys.argv[1]), who="ada", clock=lambda: datetime.now(UTC)).close()
"""


@pytest.mark.slow
def test_making_a_repository_again_completes_what_was_killed_at_any_step(tmp_path, clock):
    for step in range(1, 100):
        home = tmp_path / str(step)
        home.mkdir()
        code = subprocess.call([sys.executable, "-c", MAKER, str(home), str(step)])
        if (home / ".omprov" / "catalog.db").exists():
            with pytest.raises(AlreadyExists):
                Repository.create(home, who="bob", clock=clock)
        else:
            Repository.create(home, who="bob", clock=clock).close()
        with Repository.open(home, who="bob", clock=clock) as repository:
            assert [project.name for project in repository.list_projects()] == ["default"]
            repository.add_version("dataset/d", {"a": b"1"})
            assert repository.check() == []
        if not code:
            break
    assert step > 8


def test_connect_completes_a_repository_that_has_no_catalog_yet(tmp_path):
    (tmp_path / ".omprov" / "content" / "packs").mkdir(parents=True)
    (tmp_path / ".omprov" / "catalog.new").write_bytes(b"half")
    with pytest.raises(NotFound, match="omprov init"):
        omprov.connect(tmp_path, create=False)
    with omprov.connect(tmp_path) as made:
        assert made.check() == []
    with omprov.connect(tmp_path / ".omprov") as same:
        assert same.path == tmp_path / ".omprov"


def test_a_repository_that_lost_a_part_says_so(tmp_path, clock):
    Repository.create(tmp_path, who="ada", clock=clock).close()
    catalog = tmp_path / ".omprov" / "catalog.db"
    os.truncate(catalog, 0)
    with pytest.raises(Damaged, match=r"catalog\.db.*backup"):
        Repository.open(tmp_path, who="ada", clock=clock)


def test_a_file_in_the_way_of_a_repository_is_named(tmp_path, clock):
    (tmp_path / "file").write_text("x")
    with pytest.raises(Conflict, match="file"):
        Repository.create(tmp_path / "file", who="ada", clock=clock)


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_no_place_for_a_repository(tmp_path, clock):
    tmp_path.chmod(0o555)
    with pytest.raises(Unavailable, match="ermission"):
        Repository.create(tmp_path, who="ada", clock=clock)


def test_content_without_its_catalog_is_never_taken_for_a_new_repository(tmp_path, clock):
    with Repository.create(tmp_path, who="ada", clock=clock) as repository:
        repository.add_version("dataset/d", {"a": b"1"})
    (tmp_path / ".omprov" / "catalog.db").unlink()
    with pytest.raises(Damaged, match=r"catalog\.db.*backup"):
        Repository.create(tmp_path, who="ada", clock=clock)


def test_the_repository_s_own_folder_is_neither_recorded_nor_written_into(repo, tmp_path):
    repo.add_version("dataset/d", {"a": b"1"})
    (tmp_path / "link").symlink_to(repo.path / "content")
    for path in (repo.path, repo.path / "content" / "packs", tmp_path / "link"):
        with pytest.raises(InvalidInput, match="within the repository"):
            repo.checkout("dataset/d", path)
        with pytest.raises(InvalidInput, match="within the repository"):
            repo.add_version("dataset/own", path)
    assert repo.check() == []
    assert repo.add_version("dataset/same", repo.local_copy("dataset/d")).created


def test_settings_that_cannot_be_read_are_told_in_one_line(repo):
    (repo.path / "config").write_text("[omprov]\nproject default\n[", encoding="utf-8")
    with pytest.raises(Damaged, match="mend or delete") as told:
        repo.config.get("project")
    assert "\n" not in str(told.value)
