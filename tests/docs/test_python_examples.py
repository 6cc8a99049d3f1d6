"""The Python examples of the documentation run as they are printed.

Those of a page run in order, as one program. One after ``<!-- needs torch … -->`` is a program of
its own, in a process of its own, and runs where these modules are installed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = ["README.md", *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "docs").rglob("*.md")))]
BLOCK = re.compile(r"(?:<!-- needs ([^>]*) -->\s*)?```python\n(.*?)```", re.DOTALL)


def program(page: str) -> str:
    blocks = BLOCK.findall((ROOT / page).read_text())
    return "\n".join(block for needs, block in blocks if not needs)


def apart(page: str) -> list[tuple[str, str]]:
    return [found for found in BLOCK.findall((ROOT / page).read_text()) if found[0]]


@pytest.mark.parametrize("page", [page for page in PAGES if program(page)])
def test_python_examples_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OMPROV_URL", raising=False)
    exec(compile(program(page), page, "exec"), {"__name__": page})


@pytest.mark.parametrize(
    ("needs", "text"),
    [
        pytest.param(needs, text, id=f"{page}-{at}-{needs.replace(' ', '-')}")
        for page in PAGES
        for at, (needs, text) in enumerate(apart(page))
    ],
)
def test_examples_with_frameworks_run(needs, text, tmp_path):
    missing = [name for name in needs.split() if find_spec(name) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed; pip install 'omprov[frameworks]'")
    environment = {name: value for name, value in os.environ.items() if name != "OMPROV_URL"}
    environment |= {"KERAS_BACKEND": "torch", "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [sys.executable, "-W", "error:omprov could not", "-c", text],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / ".omprov").is_dir()
