"""A project in a folder, and runs in it that are recorded as `omprov run` does."""

from __future__ import annotations

import os
import subprocess
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from omprov.capture._accesses import Accesses
from omprov.capture._placing import copy_limit, place_reads, place_writes, remember_outputs
from omprov.repository import Repository

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def fill(folder: Path, files: dict[str, str | bytes]) -> None:
    """Write files, by path below a folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


class Project:
    """A folder with a repository; the clock of the repository ticks by the second."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.repository = Repository.create(root, who="ada", clock=Clock())

    def paths(self, names) -> list[str]:
        return [os.path.realpath(self.root / name) for name in names]

    def accesses(self, reads=(), writes=()) -> Accesses:
        return Accesses(
            dict.fromkeys(self.paths(reads), "python"), dict.fromkeys(self.paths(writes), "python")
        )

    def reads(self, *names, writes=(), limit=None, **options):
        return place_reads(
            self.repository,
            self.accesses(names, writes),
            project_root=self.root,
            run_name=options.pop("run_name", "train"),
            limit_reference=copy_limit(self.repository) if limit is None else limit,
            **options,
        )

    def writes(self, *names, reads=(), **options):
        return place_writes(
            self.repository,
            self.accesses(reads, names),
            project_root=self.root,
            run_name=options.pop("run_name", "train"),
            started_ns=options.pop("started_ns", 0),
            **options,
        )

    def inputs(self, *names, **options) -> dict[str, str]:
        """Return role → version, as people write it."""
        placed = self.reads(*names, **options)
        return {role: str(version) for role, version in placed.inputs.items()}

    def outputs(self, *names, **options) -> dict[str, tuple[str, list[str]]]:
        """Return role → asset and the files in its version."""
        placed = self.writes(*names, **options)
        return {
            role: (str(output.asset), self.files(output.content.digest))
            for role, output in placed.outputs.items()
        }

    def files(self, digest) -> list[str]:
        return [leaf.path for leaf in self.repository.content.tree(digest).walk()]

    def run(self, name, *, reads=(), writes: dict[str, str | bytes] | None = None, code="c"):
        """Write files as a run would, and record it with all that can be known of it."""
        started = time.time_ns()
        fill(self.root, writes or {})
        accesses = self.accesses(reads, writes or ())
        algorithm = self.repository.add_version(
            f"algorithm/{name}", {"main.py": code.encode()}
        ).version
        declared = {"algorithm": algorithm}
        read = place_reads(
            self.repository,
            accesses,
            project_root=self.root,
            run_name=name,
            limit_reference=copy_limit(self.repository),
            started_ns=started,
            declared=declared,
        )
        wrote = place_writes(
            self.repository,
            accesses,
            project_root=self.root,
            run_name=name,
            started_ns=started,
        )
        run = self.repository.record_run(
            inputs={**declared, **read.inputs}, outputs=wrote.outputs, name=name
        )
        remember_outputs(self.repository, wrote, run)
        return run


def git(folder: Path, *words: str) -> None:
    """Run git, with an author and without the settings of this machine."""
    subprocess.run(
        ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *words],
        cwd=folder,
        check=True,
        capture_output=True,
        env={**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"},
    )
