"""Processes that add, check out and collect are killed; nothing that was acknowledged is lost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).with_name("crashing.py")


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_hundreds_of_killed_processes_lose_nothing(tmp_path, seed):
    kills = 150
    done = subprocess.run(
        [sys.executable, "-W", "error", str(RUNNER), str(tmp_path), str(seed), str(kills)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    killed, acknowledged, kept = map(int, done.stdout.split())
    assert killed >= kills
    assert acknowledged > kept > 0
