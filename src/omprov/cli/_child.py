"""Running the command of `omprov run`: its output goes through, signals too."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.errors import InvalidInput, NotFound, Unavailable

from ._output_copy import OutputCopy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import FrameType

_STDOUT, _STDERR = 1, 2
_FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_KILLING = {*_FORWARDED, signal.SIGKILL}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended.

    Attributes:
        exit_status: as a shell reports it: 128 and the signal's number where a signal ended it.
        killed: somebody stopped it: it, or we, got a signal that asks to stop.
    """

    exit_status: int
    killed: bool


def run_child(
    command: Sequence[str],
    *,
    to_stderr: bool = False,
    environment: Mapping[str, str] | None = None,
    log: Path | None = None,
    on_start: Callable[[int], None] | None = None,
) -> Ended:
    """Run a command to its end, passing its output and our signals through.

    On a terminal the command shares our process group, so that it may read keys, and Ctrl-C reaches
    it without us. Elsewhere it leads a group of its own, and every signal we get goes to the whole
    group: nothing it started stays behind.

    Args:
        command: the program and its arguments.
        to_stderr: send what it prints to standard error.
        environment: its variables; ours where left out.
        log: a file that gets a copy of what it prints.
        on_start: called with the number of its process.

    Raises:
        NotFound: there is no such program.
        InvalidInput: it is not a program, or an argument holds a NUL byte.
        Unavailable: the system cannot start another process.
    """
    own_group = not sys.stdin.isatty()
    received: list[int] = []
    with _signals_noted(received) as targets:
        out = _STDERR if to_stderr else _STDOUT
        copying = contextlib.nullcontext() if log is None else OutputCopy(log, (out, _STDERR))
        with copying as copy:
            try:
                child = subprocess.Popen(
                    command,
                    stdout=out if copy is None else copy.stdout,
                    stderr=None if copy is None else copy.stderr,
                    env=environment,
                    process_group=0 if own_group else None,
                )
            except FileNotFoundError as error:
                raise NotFound("program", error.filename or command[0]) from error
            except (PermissionError, ValueError) as error:
                raise InvalidInput(f"{command[0]} cannot be run: {error}") from error
            except OSError as error:
                raise Unavailable(f"{command[0]} cannot be started: {error}") from error
            if copy is not None:
                copy.started()
            targets.append((child.pid, own_group))
            for number in received:  # those that came before there was anyone to tell
                _forward(number, targets)
            if on_start is not None:
                on_start(child.pid)
            code = child.wait()
    killed = bool(received) or -code in _KILLING
    return Ended(128 - code if code < 0 else code, killed)


@contextlib.contextmanager
def _signals_noted(received: list[int]) -> Iterator[list[tuple[int, bool]]]:
    """Note the signals that ask to stop, and pass them on to whoever is in the yielded list."""
    targets: list[tuple[int, bool]] = []

    def note(number: int, frame: FrameType | None) -> None:
        del frame
        received.append(number)
        _forward(number, targets)

    before = {number: signal.signal(number, note) for number in _FORWARDED}
    try:
        yield targets
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _forward(number: int, targets: Sequence[tuple[int, bool]]) -> None:
    for pid, is_group in targets:
        if is_group:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, number)
        elif number not in (signal.SIGINT, signal.SIGQUIT):  # the terminal told it as well
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
