"""The console examples of the documentation run as they are printed.

The ``console`` blocks of a page are run in order in one fresh folder. Lines after ``$`` (and ``>``
for their continuation) are commands; the others must appear in the output, where ``…`` stands for
anything. A block after ``<!-- not run -->`` is left alone.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "docs/tutorial.md",
    "docs/howto.md",
    "docs/design/measures.md",
    "docs/concepts.md",
]
BLOCK = re.compile(r"(<!-- not run -->\s*)?```console\n(.*?)```", re.DOTALL)


def steps(text: str) -> list[tuple[str, list[str]]]:
    """Give (command, expected lines) in order."""
    found: list[tuple[str, list[str]]] = []
    for skipped, block in BLOCK.findall(text):
        if skipped:
            continue
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif line.startswith("> ") or line == ">":
                command, expected = found[-1]
                found[-1] = (f"{command}\n{line[2:]}", expected)
            elif line.strip():
                found[-1][1].append(line.strip())
    return found


def appears(expected: str, output: str) -> bool:
    pattern = ".*".join(re.escape(part.strip()) for part in expected.split("…"))
    return any(re.search(pattern, " ".join(line.split())) for line in output.splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in PAGES if steps((ROOT / page).read_text())])
def test_console_examples_do_what_they_say(page, tmp_path):
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "COLUMNS": "100",
        "NO_COLOR": "1",
    }
    environment.pop("OMPROV_URL", None)
    folder = tmp_path / "work"
    folder.mkdir()
    for command, expected in steps((ROOT / page).read_text()):
        script = f"cd {folder}\n{command}\npwd > {tmp_path}/where"
        done = subprocess.run(
            ["bash", "-c", script], capture_output=True, text=True, env=environment, check=False
        )
        output = done.stdout + done.stderr
        assert done.returncode == 0, f"$ {command}\n{output}"
        folder = Path((tmp_path / "where").read_text().strip())
        for line in expected:
            assert appears(" ".join(line.split()), output), f"$ {command}\n{output}\nlacks: {line}"
