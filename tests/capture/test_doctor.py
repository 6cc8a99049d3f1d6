"""What is said of a folder before anything runs there."""

from __future__ import annotations

import os
import subprocess

import pytest

from omprov.capture import Captured, diagnose


def git(folder, *words):
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "train.py").write_text("x = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "One")
    return folder


def said(repository, folder, topic):
    return [one for one in diagnose(repository, folder, os.environ) if one.topic == topic]


def test_a_clean_checkout_is_captured_whole(repository, project):
    (code,) = said(repository, project, "code")
    assert code.captured is Captured.YES
    assert said(repository, project, "changes") == []
    (hook,) = said(repository, project, "git hook")
    assert (hook.captured, hook.advice) == (Captured.NO, "omprov git hook install")


def test_changes_are_named_and_what_is_left_out_with_its_reason(repository, project):
    (project / "train.py").write_text("x = 2\n")
    (project / "big.py").write_bytes(b"#" * (2 << 20))
    taken, left = said(repository, project, "changes")
    assert taken.what.startswith("1 file not as committed")
    assert left.captured is Captured.NO
    assert left.what.startswith("big.py: ")


def test_places_without_a_history_are_partly_captured(repository, project, tmp_path):
    (bare,) = said(repository, tmp_path, "code")
    assert (bare.captured, bare.advice) == (Captured.PARTLY, "git init, and commit")
    git(project, "commit", "-q", "--allow-empty", "-m", "Two")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{project}", "shallow")
    (shallow,) = said(repository, tmp_path / "shallow", "code")
    assert (shallow.captured, shallow.advice) == (Captured.PARTLY, "git fetch --unshallow")
    (tmp_path / "new").mkdir()
    git(tmp_path / "new", "init", "-q")
    (new,) = said(repository, tmp_path / "new", "code")
    assert "no commit yet" in new.what


def test_known_folders_and_waiting_runs_are_named(repository, tmp_path):
    data = repository.path.parent / "digits"
    data.mkdir()
    (data / "a").write_text("1")
    repository.add_version("dataset/digits", data)
    (repository.path / "journal" / "waiting").mkdir(parents=True)
    (known,) = said(repository, tmp_path, "data")
    assert known.what.startswith("known folders: digits")
    (home,) = said(repository, tmp_path, "repository")
    assert home.advice == "omprov sync"
    (home,) = said(None, tmp_path, "repository")
    assert (home.captured, home.advice) == (Captured.NO, "omprov init")
