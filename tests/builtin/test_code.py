"""The code of the demo: a git repository of its own."""

from __future__ import annotations

import subprocess

import pytest

from omprov.builtin.demo._code import STEPS, check_out, make_history
from omprov.errors import Unavailable


def test_the_history_has_a_branch_and_a_merge(tmp_path):
    commits = make_history(tmp_path / "code")
    by_step = dict(zip([step.name for step in STEPS], commits, strict=True))
    assert [commit.message for commit in commits] == [step.message for step in STEPS]
    assert by_step["deeper"].parents == by_step["standardise"].parents == (by_step["scale"].id,)
    assert by_step["merged"].parents == (by_step["standardise"].id, by_step["deeper"].id)


def test_the_merge_holds_both_sides(tmp_path):
    code = tmp_path / "code"
    commits = make_history(code)
    check_out(code, commits[4].id)
    assert "hidden // 2" in (code / "network.py").read_text()
    assert "standards" in (code / "train.py").read_text()
    for file in code.glob("*.py"):
        compile(file.read_text(), file, "exec")


def test_the_same_commits_come_every_time(tmp_path):
    assert make_history(tmp_path / "one") == make_history(tmp_path / "two")


def test_the_repository_around_it_and_the_users_settings_stay_out(tmp_path, monkeypatch):
    outer = tmp_path / "outer"
    outer.mkdir()
    subprocess.run(["git", "init", "--quiet", outer], check=True)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (hooks / "pre-commit").chmod(0o755)
    (tmp_path / "config").write_text(f"[core]\n\thooksPath = {hooks}\n[user]\n\tname = Me\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    monkeypatch.setenv("GIT_DIR", str(outer / ".git"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "Me")
    commits = make_history(outer / "code")
    assert len(commits) == len(STEPS)
    monkeypatch.delenv("GIT_DIR")
    inside = subprocess.run(
        ["git", "-C", outer / "code", "log", "-1", "--format=%an %ae"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert inside.stdout == "OMProv demo demo@example.org\n"
    command = ["git", "-C", outer, "rev-parse", "--verify", "--quiet", "HEAD"]
    seen = subprocess.run(command, check=False)
    assert seen.returncode != 0


def test_a_missing_git_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="install git"):
        make_history(tmp_path / "code")
