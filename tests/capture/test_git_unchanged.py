"""Importing with nothing new is answered from a memory, which never says so of something new."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from git_histories import git
from hypothesis import given, settings
from hypothesis import strategies as st

from omprov.capture import sync_git
from omprov.capture._git._unchanged import Asked, find_unchanged
from omprov.repository import Repository

ENTRY = "from omprov.cli import main; main()"
CLOCK = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def checkout(tmp_path):
    return make_checkout(tmp_path / "work")


def make_checkout(folder):
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "one")
    return folder


def commit(folder, text, *words):
    (folder / "f").write_text(text)
    git(folder, "add", "f")
    git(folder, "commit", "-q", "-m", text, "--allow-empty", *words)


def ask(repository, folder, **asked):
    facts = {"asset": None, "subfolder": "", "branches": (), "every": False, **asked}
    return find_unchanged(repository.path, Asked(str(folder), **facts))


def sync_twice(repository, folder, **asked):
    """Import; return what the second import brought."""
    sync_git(repository, folder, **asked)
    return sync_git(repository, folder, **asked)


def test_what_the_last_import_found_is_the_answer(repository, checkout):
    assert ask(repository, checkout) is None
    first = sync_git(repository, checkout)
    assert first.commits == 1
    assert ask(repository, checkout) == sync_git(repository, checkout)
    assert ask(repository, checkout / ".git") is None  # never asked so
    assert ask(repository, checkout, every=True) is None


OPERATIONS = {
    "commit": lambda folder, dice: commit(folder, f"text {dice.random()}"),
    "amend": lambda folder, dice: commit(folder, f"amended {dice.random()}", "--amend"),
    "go back": lambda folder, _: try_git(folder, "reset", "-q", "--hard", "HEAD~1"),
    "come back": lambda folder, _: try_git(folder, "reset", "-q", "--hard", "ORIG_HEAD"),
    "branch": lambda folder, dice: try_git(folder, "branch", "-f", f"b{dice.randrange(2)}"),
    "switch": lambda folder, dice: try_git(folder, "switch", "-q", f"b{dice.randrange(2)}"),
    "switch to main": lambda folder, _: try_git(folder, "switch", "-q", "main"),
    "detach": lambda folder, _: git(folder, "checkout", "-q", "--detach"),
    "delete": lambda folder, dice: try_git(folder, "branch", "-D", f"b{dice.randrange(2)}"),
    "tag": lambda folder, dice: git(folder, "tag", "-f", "-a", "-m", "x", f"t{dice.randrange(2)}"),
    "pack": lambda folder, _: git(folder, "pack-refs", "--all"),
    "clean up": lambda folder, _: git(folder, "gc", "-q", "--prune=now"),
    "name a remote": lambda folder, dice: git(
        folder, "config", "remote.origin.url", f"https://example.org/r{dice.randrange(2)}.git"
    ),
    "nothing": lambda *_: None,
}


def try_git(folder, *words):
    subprocess.run(["git", "-C", folder, *words], capture_output=True, check=False)


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(OPERATIONS)), min_size=2, max_size=6),
    st.integers(0, 2**32),
    st.sampled_from([{}, {"every": True}, {"asset": "algorithm/own"}, {"branches": ("main",)}]),
)
def test_it_never_says_nothing_new_of_something_new(operations, seed, asked):
    base = Path(tempfile.mkdtemp())
    try:
        folder, dice = make_checkout(base / "work"), random.Random(seed)
        with Repository.create(base / "home", who="x", clock=lambda: CLOCK) as repository:
            for operation in operations:
                OPERATIONS[operation](folder, dice)
                answer = ask(repository, folder, **asked)
                before = position(repository)
                synced = sync_git(repository, folder, **asked)
                assert answer is None or answer == synced
                assert answer is None or position(repository) == before
                if position(repository) == before:
                    assert ask(repository, folder, **asked) == synced
    finally:
        shutil.rmtree(base)


def position(repository):
    with repository._catalog.read() as reader:
        return reader.position()


def test_a_reference_that_went_away_and_came_back_is_looked_at(repository, checkout):
    commit(checkout, "two")
    sync_twice(repository, checkout)
    git(checkout, "reset", "-q", "--hard", "HEAD~1")
    assert ask(repository, checkout) is None
    git(checkout, "reset", "-q", "--hard", "ORIG_HEAD")
    assert ask(repository, checkout) is None
    assert sync_git(repository, checkout).commits == 0
    assert ask(repository, checkout) is not None


def test_another_import_into_the_asset_counts(repository, checkout):
    sync_twice(repository, checkout)
    git(checkout, "branch", "other")
    sync_git(repository, checkout)
    assert ask(repository, checkout) is not None
    sync_git(repository, checkout, every=True)  # it wrote down where the other branch is
    assert ask(repository, checkout) is None


def test_a_removed_asset_or_a_catalog_of_long_ago_counts(repository, checkout, tmp_path):
    sync_git(repository, checkout)
    old = tmp_path / "old" / ".omprov"
    shutil.copytree(repository.path, old)
    commit(checkout, "two")
    sync_twice(repository, checkout)
    assert ask(repository, checkout) is not None
    shutil.rmtree(old / "cache")
    shutil.copytree(repository.path / "cache", old / "cache")
    assert find_unchanged(old, Asked(str(checkout), None, "", (), every=False)) is None
    repository.remove_asset("algorithm/work")
    assert ask(repository, checkout) is None


@pytest.mark.parametrize("how", ["emptied", "broken", "of another kind", "gone"])
def test_a_memory_that_cannot_be_read_is_none(repository, checkout, how):
    sync_twice(repository, checkout)
    (file,) = (repository.path / "cache" / "git").iterdir()
    if how == "gone":
        shutil.rmtree(repository.path / "cache")
    else:
        file.write_text({"emptied": "", "broken": '{"state"', "of another kind": "[1]"}[how])
    assert ask(repository, checkout) is None
    assert sync_git(repository, checkout).commits == 0
    assert ask(repository, checkout) is not None


def test_what_makes_git_refuse_is_not_passed_over(repository, checkout):
    sync_twice(repository, checkout)
    (checkout / ".git" / "shallow").write_text("")
    assert ask(repository, checkout) is None
    (checkout / ".git" / "shallow").unlink()
    assert ask(repository, checkout) is not None
    (checkout / "inner").mkdir()
    assert ask(repository, checkout / "inner") is None
    sync_git(repository, checkout / "inner", asset="work")
    assert ask(repository, checkout / "inner", asset="work") is not None
    git(checkout / "inner", "init", "-q")
    assert ask(repository, checkout / "inner", asset="work") is None
    shutil.rmtree(checkout / ".git" / "objects")
    assert ask(repository, checkout) is None


def test_a_working_tree_beside_another_has_its_own_head(repository, checkout, tmp_path):
    git(checkout, "worktree", "add", "-q", str(tmp_path / "beside"), "-b", "side")
    sync_twice(repository, checkout, asset="work")
    sync_twice(repository, tmp_path / "beside", asset="work")
    sync_git(repository, checkout, asset="work")
    assert ask(repository, checkout, asset="work").tips.keys() == {"refs/heads/main"}
    assert ask(repository, tmp_path / "beside", asset="work").tips.keys() == {"refs/heads/side"}
    commit(tmp_path / "beside", "two")
    assert ask(repository, tmp_path / "beside", asset="work") is None
    assert sync_git(repository, tmp_path / "beside", asset="work").commits == 1


def test_settings_of_the_user_name_the_asset(repository, checkout, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    sync_twice(repository, checkout)
    sync_twice(repository, checkout, asset="work")
    assert ask(repository, checkout) is not None
    (tmp_path / ".gitconfig").write_text("[user]\nname = x\n")
    assert ask(repository, checkout) is None
    assert ask(repository, checkout, asset="work") is not None
    (tmp_path / ".gitconfig").write_text("[include]\npath = elsewhere\n")
    sync_twice(repository, checkout)
    assert ask(repository, checkout) is None  # whatever that file says
    assert ask(repository, checkout, asset="work") is not None


def test_the_command_answers_without_what_takes_long_to_load(repository, checkout):
    words = ["git", "sync", str(checkout), "--repo", str(repository.path.parent)]
    plain = [sys.executable, "-c", ENTRY, *words]
    first, second = (
        subprocess.run(plain, capture_output=True, check=True, text=True).stdout for _ in range(2)
    )
    assert first == "algorithm/work  1 version of 1 new commit\n"
    assert second == "algorithm/work  nothing new\n"
    watched = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", ENTRY, *words, "--json"],
        capture_output=True,
        check=True,
        text=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in watched.stderr.splitlines()}
    assert not loaded & {"sqlalchemy", "alembic", "numpy", "pygit2", "rich", "omprov.records"}
    assert json.loads(watched.stdout) == {
        "asset": "algorithm/work",
        "commits": 0,
        "versions": 0,
        "vanished": 0,
        "tips": {"refs/heads/main": git(checkout, "rev-parse", "HEAD")},
    }
