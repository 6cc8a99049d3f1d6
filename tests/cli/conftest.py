"""A folder with a repository, and the command line called in it as a user would."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from omprov.cli import application

if TYPE_CHECKING:
    from pathlib import Path


class Shell:
    """Calls `omprov` in this process, or as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *words: str, code: int = 0, stdin: str | None = None) -> str:
        result = CliRunner().invoke(application, list(words), input=stdin)
        assert result.exit_code == code, result.output + result.stderr
        self.errors = result.stderr
        return result.stdout

    def json(self, *words: str, code: int = 0):
        return json.loads(self(words[0], "--json", *words[1:], code=code))

    def process(self, *words: str, **extra):
        return subprocess.Popen(
            [sys.executable, "-c", "from omprov.cli import main; main()", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            **extra,
        )

    def write(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


@pytest.fixture
def omprov(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("OMPROV_URL", "OMPROV_DEBUG", "COLUMNS", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    shell = Shell(tmp_path)
    shell("init")
    return shell


@pytest.fixture
def story(omprov):
    """Two versions of data, two of code, and two trained models that inherit."""
    omprov.write({"data/a.txt": "one two\n", "data/b.txt": "three\n", "code/t.py": "lr = 0.1\n"})
    omprov("add", "data", "--as", "dataset/digits", "-m", "First")
    omprov("add", "code", "--as", "algorithm/train")
    train(omprov, "dataset/digits:v1", 0.9)
    omprov.write({"data/b.txt": "four\n", "data/c.txt": "five\n"})
    omprov("add", "data", "-m", "Second")
    train(omprov, "dataset/digits:v2", 0.95)
    return omprov


def train(shell: Shell, data: str, accuracy: float) -> None:
    script = (
        "import os, json; os.makedirs('out', exist_ok=True);"
        f"open('out/w', 'w').write('weights {accuracy}');"
        f"json.dump({{'accuracy': {accuracy}}}, open('out/metrics.json', 'w'))"
    )
    shell(
        *("run", "-i", "algorithm/train:v1", "-i", data, "-o", "model/net=out"),
        *("--metrics", "out/metrics.json", "-p", "lr=0.1", "--", sys.executable, "-c", script),
    )
