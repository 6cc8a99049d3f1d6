"""What changed since a moment is found by times, whatever wrote it."""

from __future__ import annotations

import os
import subprocess
import time

from placing_project import fill

from omprov.capture._placing import find_written


def names(root, found):
    return sorted(str(path.relative_to(os.path.realpath(root))) for path in found.paths)


def since(root, monkeypatch):
    """Return a moment after which everything there is was changed long ago."""
    newest = max((path.lstat().st_ctime_ns for path in root.rglob("*")), default=time.time_ns())
    monkeypatch.setattr("omprov.capture._placing._written._MARGIN_NS", 0)
    while time.time_ns() <= newest or not _is_later(root, newest):
        pass
    return newest + 1


def _is_later(root, moment):
    """Say whether the clock of files has gone on."""
    probe = root / ".git" / "probe"
    probe.parent.mkdir(exist_ok=True)
    probe.write_bytes(b"")
    return probe.stat().st_ctime_ns > moment


def test_files_written_by_any_program(tmp_path, monkeypatch):
    fill(tmp_path, {"old.txt": "1", "sub/kept.txt": "2", "sub/changed.txt": "3"})
    moment = since(tmp_path, monkeypatch)
    subprocess.run(
        [
            "sh",
            "-c",
            "echo 4 > new.txt; echo 5 >> sub/changed.txt; mkdir -p a/b; mv sub/kept.txt a/b",
        ],
        cwd=tmp_path,
        check=True,
    )
    found = find_written(tmp_path, moment)
    assert names(tmp_path, found) == ["a/b/kept.txt", "new.txt", "sub/changed.txt"]
    assert found.complete
    assert found.looked_at == 4


def test_books_environments_caches_and_known_folders_are_passed_over(tmp_path, monkeypatch):
    moment = since(tmp_path, monkeypatch)
    passed = [".git/x", ".omprov/x", ".venv/x", "a/__pycache__/x", "data/x", "x.tmp"]
    fill(tmp_path, dict.fromkeys([*passed, "a/y"], "1"))
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert names(tmp_path, find_written(tmp_path, moment, known=[tmp_path / "data"])) == ["a/y"]


def test_it_stops_at_the_limit_and_says_so(tmp_path):
    fill(tmp_path, {f"{number:02}": "x" for number in range(20)})
    found = find_written(tmp_path, 0, limit=7)
    assert names(tmp_path, found) == [f"{number:02}" for number in range(7)]
    assert not found.complete
    assert find_written(tmp_path, 0, limit=20).complete
    assert find_written(tmp_path / "nothing", 0).paths == frozenset()
