"""What the tests of hooks share: a project to train in, and what was recorded there."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import omprov

SOURCE = Path(__file__).parents[2] / "src"

careful = pytest.mark.filterwarnings("ignore", "error:omprov could not")
"""Frameworks warn of themselves and of each other; that a hook failed must not pass."""


def need(*names):
    """Skip unless these frameworks are installed; without importing them."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    reason = f"{', '.join(missing)} not installed; pip install 'omprov[frameworks]'"
    return pytest.mark.skipif(bool(missing), reason=reason)


@contextmanager
def active(monkeypatch, name="mine", **facts):
    """A run that is active, as inside ``with omprov.start_run(…)``."""
    with omprov.start_run(name, **facts) as run:
        monkeypatch.setattr(omprov, "active_run", lambda: run, raising=False)
        yield run
    monkeypatch.setattr(omprov, "active_run", lambda: None, raising=False)


def curve(repository, run, name):
    with repository._reading() as reader:
        return [(step, value) for step, value, _ in reader.metric_points(run.id, name)]


def files(repository, version):
    copy = repository.local_copy(version)
    return sorted(path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file())


def script(folder, text, *words, code=0, **environment):
    """Run a program in a folder of its own process, as a person would; return what it printed."""
    path = folder / "train.py"
    path.write_text(text, encoding="utf-8")
    launch = list(words) or [sys.executable]
    done = subprocess.run(
        [*launch, str(path)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={
            **{name: value for name, value in os.environ.items() if name != "OMPROV_URL"},
            "PYTHONPATH": str(SOURCE),
            "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
            "KERAS_BACKEND": "torch",
            **environment,
        },
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def as_json(done):
    return json.loads(done.stdout.splitlines()[-1])
