"""Hooks: git itself imports what is committed, merged and fetched."""

from __future__ import annotations

import subprocess
import sys

import pytest
from git_histories import git

from omprov.capture import install_hooks, remove_hooks
from omprov.errors import Conflict, NotFound

NOTE = "import sys; open(sys.argv[1], 'a').write('called\\n')"


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder


def wait_for(path, lines):
    """Wait until something else has written so many lines."""
    script = (
        "import sys, time, pathlib\n"
        "p = pathlib.Path(sys.argv[1])\n"
        "while not p.exists() or len(p.read_text().splitlines()) < int(sys.argv[2]):\n"
        "    time.sleep(0.01)"
    )
    subprocess.run([sys.executable, "-c", script, path, str(lines)], check=True, timeout=60)


def test_commits_merges_and_fetches_call_it(checkout, tmp_path):
    log = tmp_path / "log"
    install_hooks(checkout, [sys.executable, "-c", NOTE, str(log)])
    git(checkout, "commit", "-q", "--allow-empty", "-m", "one")
    wait_for(log, 1)
    git(tmp_path, "clone", "-q", str(checkout), "other")
    log.unlink()
    install_hooks(tmp_path / "other", [sys.executable, "-c", NOTE, str(log)])
    git(checkout, "-c", "core.hooksPath=/dev/null", "commit", "-q", "--allow-empty", "-m", "two")
    git(tmp_path / "other", "fetch", "-q")
    wait_for(log, 1)
    git(tmp_path / "other", "merge", "-q", "origin/main")
    wait_for(log, 2)


def test_hooks_that_are_there_go_on_working(checkout, tmp_path):
    hook = checkout / ".git" / "hooks" / "post-commit"
    own = f"#!/usr/bin/env bash\necho own >> '{tmp_path}/own'\nexit 0\n"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(own)
    hook.chmod(0o755)
    log = tmp_path / "log"
    command = [sys.executable, "-c", NOTE, str(log)]
    install_hooks(checkout, command)
    install_hooks(checkout, command)  # again changes nothing
    git(checkout, "commit", "-q", "--allow-empty", "-m", "one")
    wait_for(log, 1)
    assert (tmp_path / "own").read_text() == "own\n"
    assert hook in remove_hooks(checkout)
    assert hook.read_text() == own
    assert remove_hooks(checkout) == []
    assert [path.name for path in hook.parent.iterdir() if path.suffix != ".sample"] == [hook.name]


def test_a_hook_that_is_no_shell_script_stays_as_it_is(checkout):
    hook = checkout / ".git" / "hooks" / "post-merge"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/usr/bin/env python3\n")
    with pytest.raises(Conflict, match="no shell script"):
        install_hooks(checkout, ["true"])
    assert hook.read_text() == "#!/usr/bin/env python3\n"
    assert not (hook.parent / "post-commit").exists()


def test_where_there_is_no_repository(tmp_path):
    with pytest.raises(NotFound, match="git repository"):
        install_hooks(tmp_path, ["true"])


def test_a_hook_that_reads_what_git_says_still_reads_it(checkout, tmp_path):
    hook = checkout / ".git" / "hooks" / "reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho \"$1\" >> '{tmp_path}/said'\ncat >> '{tmp_path}/said'\n")
    hook.chmod(0o755)
    log = tmp_path / "log"
    install_hooks(checkout, [sys.executable, "-c", NOTE, str(log)])
    git(checkout, "commit", "-q", "--allow-empty", "-m", "one")
    git(checkout, "update-ref", "refs/remotes/origin/main", "HEAD")
    said = (tmp_path / "said").read_text()
    assert said.count("committed\n") == 2
    assert said.count(" refs/remotes/origin/main\n") == said.count(" refs/heads/main\n") == 2
    wait_for(log, 2)  # the commit, and what a fetch would have moved


def test_hooks_for_all_repositories_at_once_are_not_touched(checkout, tmp_path):
    git(checkout, "config", "core.hooksPath", str(tmp_path / "shared"))
    with pytest.raises(Conflict, match="hooksPath"):
        install_hooks(checkout, ["true"])
    assert not (tmp_path / "shared").exists()
    git(checkout, "config", "core.hooksPath", ".githooks")
    assert {hook.parent for hook in install_hooks(checkout, ["true"])} == {checkout / ".githooks"}
