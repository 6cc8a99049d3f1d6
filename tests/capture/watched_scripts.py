"""Real scripts in real processes, watched."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from omprov.capture._watching._watch import watch_files


class Place:
    """A folder to run scripts in, and what the last of them did."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.watched = None
        self.done = None

    def write(self, name: str, content: bytes | str = "content") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(self, *command: str | Path, method: str = "python", **variables: str):
        """Run a command in the folder, watched; keep what it did."""
        words = [str(word) for word in command]
        base = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | variables
        here = Path.cwd()
        os.chdir(self.folder)
        try:
            with watch_files(
                self.folder.parent / "scratch", words, method=method, variables=base
            ) as watch:
                self.done = subprocess.run(
                    watch.command,
                    env={**base, **watch.environment},
                    capture_output=True,
                    check=False,
                    timeout=120,
                )
        finally:
            os.chdir(here)
        assert not list((self.folder.parent / "scratch").iterdir())
        self.watched = watch.accesses()
        return self.watched

    def script(self, text: str, *options: str, method: str = "python", **variables: str):
        """Run a Python script that must succeed."""
        self.write("script.py", text)
        watched = self.run(sys.executable, *options, "script.py", method=method, **variables)
        assert self.done.returncode == 0, self.done.stderr.decode()
        assert watched.complete
        return watched

    @property
    def reads(self) -> set[str]:
        return self._below(self.watched.accesses.reads) - {"script.py"}

    @property
    def writes(self) -> set[str]:
        return {
            path for path in self._below(self.watched.accesses.writes) if "__pycache__" not in path
        }

    def how(self, name: str) -> str:
        return {**self.watched.accesses.writes, **self.watched.accesses.reads}[
            str(self.folder / name)
        ]

    def _below(self, paths) -> set[str]:
        base = f"{self.folder}/"
        return {path.removeprefix(base) for path in paths if path.startswith(base)}


def place_in(tmp_path: Path) -> Place:
    folder = tmp_path.resolve() / "place"
    folder.mkdir()
    return Place(folder)
