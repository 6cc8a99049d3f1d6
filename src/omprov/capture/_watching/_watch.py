"""Watching a command: what to run, with which variables, and what it read and wrote then."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from omprov.errors import InvalidInput, Unavailable

from ._ledger import Ledger
from ._programs import Sort, sort_of, unseen_programs
from ._records import Records
from ._strace import read_strace, strace_command, wait_for_end
from ._watched import Watched, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

METHODS = ("auto", "python", "strace", "none")
INJECTED = Path(__file__).with_name("_injected")
"""The folder that goes first on the PYTHONPATH of a command."""
_EVERY = 2.0
"""After how many seconds the records of processes that have ended are looked for again."""


class Watch:
    """One command that is watched.

    Attributes:
        command: what to run.
        environment: the variables to set for it, over those that it would have.
        method: how its files are watched: "python", "strace" or "none".
    """

    def __init__(
        self, given: Sequence[str], folder: Path, method: str, variables: Mapping[str, str]
    ) -> None:
        self.method = method
        self.command = tuple(given)
        self.environment: dict[str, str] = {}
        self._given = tuple(given)
        self._log = folder / "strace"
        self._began = folder.stat().st_ctime_ns
        self._where = str(Path.cwd())
        self._ledger = Ledger()
        self._records = Records(folder, self._ledger)
        self._gathered = False
        if method == "python":
            self.environment = _variables(folder, variables)
        elif method == "strace":
            self.command = tuple(_under_strace(given, self._log))

    def accesses(self) -> Watched:
        """Tell what the command read and wrote; call it once the command has ended.

        It looks at what is there when it is called. What processes that outlive the command do
        later is not seen.
        """
        self.gather()
        method = self.method
        return resolve(self._ledger, self._began, method=method, not_covered=self._unseen())

    def gather(self) -> None:
        """Take in what was noted; the folder is not needed after that."""
        if self._gathered:
            return
        self._gathered = True
        if self.method == "python":
            self._records.read_all()
        elif self.method == "strace":
            wait_for_end(self._log)
            read_strace(self._log, self._where, self._ledger)

    def take_in_early(self) -> None:
        """Take in what no process adds to any more, so that it leaves the disk."""
        if self.method == "python":
            self._records.read_finished()

    def _unseen(self) -> Iterator[str]:
        if self.method == "none":
            yield Path(self._given[0]).name
        if self.method != "python":
            return
        seen = list(unseen_programs([("1", self._given[0], *self._given)]))
        if not seen and not self._ledger.pythons:  # nothing that it started told of itself
            seen = [Path(self._given[0]).name]
        yield from seen
        yield from unseen_programs(self._ledger.programs)
        yield from self._ledger.libraries


@contextmanager
def watch_files(
    scratch: Path,
    command: Sequence[str],
    *,
    method: str = "auto",
    variables: Mapping[str, str] | None = None,
) -> Iterator[Watch]:
    """Watch the files of a command that is run inside the block.

    Where it is Python, or starts Python, its Python processes note their files; see
    docs/design/file-access.md. ``auto`` takes `strace` for a program that is none, no shell and no
    launcher, where that works.

    Args:
        scratch: a folder for what is noted meanwhile; nothing of it is left there.
        command: the program and its arguments.
        method: "auto", "python", "strace" or "none".
        variables: the environment that the command will have; else that of this process.

    Raises:
        InvalidInput: there is no such method.
        Unavailable: `strace` was asked for and cannot be used.
    """
    if method not in METHODS:
        raise InvalidInput(f"{method!r} is no way to watch files: {', '.join(METHODS)}")
    if method == "auto":
        method = _best_method(command)
    scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(os.path.realpath(tempfile.mkdtemp(prefix="watch-", dir=scratch)))
    try:
        watch = Watch(command, folder, method, os.environ if variables is None else variables)
        done = threading.Event()
        reader = threading.Thread(target=_take_in, args=(watch, done), daemon=True)
        reader.start()
        try:
            yield watch
        finally:
            done.set()
            reader.join()
            watch.gather()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _take_in(watch: Watch, done: threading.Event) -> None:
    while not done.wait(_EVERY):
        watch.take_in_early()


def _best_method(command: Sequence[str]) -> str:
    is_other = sort_of(command[0]) is Sort.OTHER and shutil.which(command[0]) is not None
    return "strace" if is_other and strace_command((), Path(os.devnull)) else "python"


def _under_strace(command: Sequence[str], log: Path) -> Sequence[str]:
    if shutil.which(command[0]) is None:  # whoever runs it shall say so
        return command
    traced = strace_command(command, log)
    if traced is None:
        raise Unavailable(
            "strace is not installed, or may not trace here; install it, or leave --watch away: "
            "Python processes are watched without it"
        )
    return traced


def _variables(folder: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """Return what lets Python processes note their files; the rest of PYTHONPATH stays."""
    ours = str(INJECTED)
    others = variables.get("PYTHONPATH", "").split(os.pathsep)
    path = os.pathsep.join([ours, *(entry for entry in others if entry != ours)])
    return {"PYTHONPATH": path.rstrip(os.pathsep), "OMPROV_WATCH": str(folder)}
