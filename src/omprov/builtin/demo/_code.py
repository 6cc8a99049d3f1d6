"""The code of the demo: a training script that evolves in a real git repository.

The repository is the demo's own. The user's git configuration, hooks and any repository around it
are neither read nor changed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING

from omprov.errors import Unavailable

if TYPE_CHECKING:
    from pathlib import Path

MAIN, BRANCH = "main", "deeper"
_WHO = {"NAME": "OMProv demo", "EMAIL": "demo@example.org"}
_SUFFIX = ".txt"
"""Scripts are shipped as text, so that no tool takes them for modules of this package."""


@dataclass(frozen=True, slots=True)
class CodeStep:
    """One commit of the story.

    Attributes:
        name: what the story calls it; the folder of the files that it writes. A merge has none:
            git makes it.
        branch: where it is made; begun at the commit before where it is new.
        message: of the commit.
        merges: the branch that it merges.
    """

    name: str
    branch: str
    message: str
    merges: str | None = None


STEPS = (
    CodeStep("first", MAIN, "Train a perceptron on folders of digits"),
    CodeStep("scale", MAIN, "Scale pixels to between 0 and 1"),
    CodeStep("deeper", BRANCH, "Add a second hidden layer"),
    CodeStep("standardise", MAIN, "Standardise every pixel by the training set"),
    CodeStep("merged", MAIN, "Merge branch 'deeper'", merges=BRANCH),
    CodeStep("moved", MAIN, "Learn from copies moved by a pixel, too"),
)


@dataclass(frozen=True, slots=True)
class Commit:
    """What git says of a commit.

    Attributes:
        id: its full hash.
        parents: hashes of its parents.
        message: its first line.
    """

    id: str
    parents: tuple[str, ...]
    message: str


def make_history(folder: Path) -> list[Commit]:
    """Make a git repository in an empty folder and commit the story; the same hashes every time.

    Returns:
        The commits, one for each of `STEPS`.

    Raises:
        Unavailable: git is missing or refuses.
    """
    folder.mkdir(parents=True)
    git(folder, "init", "--quiet", "--template=", ".")
    git(folder, "symbolic-ref", "HEAD", f"refs/heads/{MAIN}")
    branches = {MAIN}
    for day, step in enumerate(STEPS, start=1):
        if step.branch not in branches:
            git(folder, "checkout", "--quiet", "-b", step.branch)
            branches.add(step.branch)
        elif day > 1:
            git(folder, "checkout", "--quiet", step.branch)
        _commit(folder, step, f"2026-01-{day:02}T12:00:00+00:00")
    return _commits(folder)


def check_out(folder: Path, commit: str) -> None:
    """Put the files of a commit into the folder of its repository.

    Raises:
        Unavailable: git is missing or refuses.
    """
    git(folder, "checkout", "--quiet", commit)


def git(folder: Path, *arguments: str, date: str | None = None) -> str:
    """Run git in a folder, with no configuration but the demo's; return what it printed.

    Raises:
        Unavailable: git is missing or refuses.
    """
    program = shutil.which("git")
    if program is None:
        raise Unavailable("the demo keeps its code in git: install git")
    # A whole new environment: the user's may hold GIT_DIR and its like, which lead elsewhere.
    environment = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_{fact}": text for fact, text in _WHO.items()}
        if date is not None:
            environment[f"GIT_{role}_DATE"] = date
    try:
        done = subprocess.run(
            [program, *arguments],
            cwd=folder,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"git {arguments[0]}: {error.stderr.strip()}") from error
    return done.stdout


def _commit(folder: Path, step: CodeStep, date: str) -> None:
    if step.merges is not None:
        git(folder, "merge", "--quiet", "--no-ff", "-m", step.message, step.merges, date=date)
        return
    for file in (files("omprov.builtin.demo") / "story" / step.name).iterdir():
        (folder / file.name.removesuffix(_SUFFIX)).write_bytes(file.read_bytes())
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", step.message, date=date)


def _commits(folder: Path) -> list[Commit]:
    listing = git(folder, "log", "--reverse", "--date-order", "--format=%H|%P|%s")
    parts = [line.split("|", 2) for line in listing.splitlines()]
    return [Commit(name, tuple(parents.split()), message) for name, parents, message in parts]
