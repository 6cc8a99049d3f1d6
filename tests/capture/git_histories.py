"""Git repositories with given histories, made by git itself."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FILE, EXECUTABLE, LINK, MODULE = "100644", "100755", "120000", "160000"
ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def git(folder: Path, *words: str, stdin: bytes | None = None, **environment: str) -> str:
    done = subprocess.run(
        ["git", "-C", folder, *words],
        input=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, **ENVIRONMENT, **environment},
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


@dataclass
class Step:
    """A commit to be made: its parents, by their places, and all files that it holds."""

    parents: Sequence[int] = ()
    files: dict[bytes, bytes | tuple[str, bytes]] = field(default_factory=dict)
    branch: str = "main"
    message: bytes = b"a message"


def make_history(folder: Path, steps: Sequence[Step]) -> list[str]:
    """Make a bare repository; return the ids of the commits."""
    folder.mkdir()
    git(folder, "init", "-q", "--bare", "-b", "main")
    lines = []
    for place, step in enumerate(steps):
        lines.append(
            b"commit refs/heads/%s\nmark :%d\ncommitter Ada <ada@example.org> %d +0000\n"
            % (step.branch.encode(), place + 1, 1_700_000_000 + place)
        )
        lines.append(b"data %d\n%s\n" % (len(step.message), step.message))
        for keyword, parent in zip(["from"] + ["merge"] * 9, step.parents, strict=False):
            lines.append(b"%s :%d\n" % (keyword.encode(), parent + 1))
        lines.append(b"deleteall\n")
        for path, what in step.files.items():
            mode, content = what if isinstance(what, tuple) else (FILE, what)
            if mode == MODULE:
                lines.append(b"M %s %s %s\n" % (mode.encode(), content, _quoted(path)))
            else:
                lines.append(b"M %s inline %s\n" % (mode.encode(), _quoted(path)))
                lines.append(b"data %d\n%s\n" % (len(content), content))
    git(folder, "fast-import", "--quiet", "--force", "--export-marks=marks", stdin=b"".join(lines))
    marks = dict(line.split() for line in (folder / "marks").read_text().splitlines())
    return [marks[f":{place + 1}"] for place in range(len(steps))]


def _quoted(path: bytes) -> bytes:
    return b'"' + b"".join(b"\\%03o" % byte for byte in path) + b'"'
