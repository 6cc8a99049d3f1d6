"""Files of any program, as `strace` sees them: each system call that opens or renames.

The tracer runs beside the command, not between it and us (`-D`): signals and exit status are those
of the command itself.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ._ledger import Ledger

_CALLS = (
    "?open,openat,?openat2,?creat,truncate,?rename,?renameat,renameat2,?link,linkat,"
    "chdir,fchdir,?clone,?clone3,?fork,?vfork"
)
_OPTIONS = (
    *("-D", "-f", "-q", "-y", "-xx", "-e", "signal=none"),
    *("-e", f"trace={_CALLS}"),
)
_LINE = re.compile(rb"(?:(\d+) +)?(.*)")
_CALL = re.compile(rb"(\w+)\((.*)\) += (-?\d+)(?:<([^>]*)>)?")
_RESUMED = re.compile(rb"<\.\.\. \w+ resumed>(.*)")
_UNFINISHED = b" <unfinished ...>"
_BEGIN_THREADS = (b"clone", b"fork", b"vfork")
_STRING = re.compile(rb'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_AT = re.compile(rb'(?:AT_FDCWD|-?\d+)(?:<((?:\\x[0-9a-f]{2})*)>)?, "((?:\\x[0-9a-f]{2})*)"')
_PATIENCE = 5.0
"""How many seconds the tracer gets to write its last lines once the command has ended."""
_TAIL = 1 << 20


def strace_command(command: Sequence[str], log: Path) -> list[str] | None:
    """Return the command under `strace`; ``None`` where it is not installed or may not trace."""
    options = _working_options()
    if options is None:
        return None
    return ["strace", *options, "-o", str(log), "--", *command]


@cache
def _working_options() -> tuple[str, ...] | None:
    """Return the options with which `strace` works here: new ones stop only at the calls traced."""
    if shutil.which("strace") is None:
        return None
    for options in ((*_OPTIONS, "--seccomp-bpf"), _OPTIONS):
        words = ["strace", *options, "-o", os.devnull, "--", "true"]
        try:
            tried = subprocess.run(words, capture_output=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        if tried.returncode == 0 and not tried.stderr:
            return options
    return None


def wait_for_end(log: Path) -> None:
    """Return once the tracer told of the command's end, or after a few seconds.

    Processes that the command left behind are not waited for.
    """
    until = time.monotonic() + _PATIENCE
    while not _tells_end(log) and time.monotonic() < until:
        time.sleep(0.01)


def _tells_end(log: Path) -> bool:
    try:
        with log.open("rb") as file:
            main = file.readline(64).split(b" ")[0]
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            return bool(main and re.search(rb"^%s +\+\+\+ " % main, file.read(), re.MULTILINE))
    except OSError:
        return False


def read_strace(log: Path, folder: str, ledger: Ledger) -> None:
    """Take what `strace` wrote into the ledger; the time of an access is its place in the log.

    Args:
        log: what it wrote.
        folder: where the command began.
        ledger: what was noted.
    """
    reader = _Reader(folder, ledger)
    try:
        with log.open("rb") as file:
            for place, line in enumerate(file):
                reader.take(2 * place, line.rstrip(b"\n"))
    except OSError:
        ledger.lost = True


class _Reader:
    """Follows each thread's folder; calls that were interrupted in the log are put together."""

    def __init__(self, folder: str, ledger: Ledger) -> None:
        self._first = [folder]
        self._ledger = ledger
        self._folders: dict[bytes, list[str]] = {}
        self._unfinished: dict[bytes, bytes] = {}

    def take(self, place: int, line: bytes) -> None:
        found = _LINE.match(line)
        if found is None:
            return
        thread, text = found[1] or b"", found[2]
        if text.endswith(_UNFINISHED):
            self._unfinished[thread] = text[: -len(_UNFINISHED)]
            return
        resumed = _RESUMED.match(text)
        if resumed is not None:
            text = self._unfinished.pop(thread, b"") + resumed[1]
        call = _CALL.match(text)
        if call is not None and not call[3].startswith(b"-"):
            self._happened(place, thread, call)

    def _folder(self, thread: bytes) -> list[str]:
        """Return where a thread is; one that is new may come before the call that began it."""
        if thread not in self._folders:
            here = self._first
            for above, call in self._unfinished.items():
                if call.startswith(_BEGIN_THREADS) and above in self._folders:
                    here = _inherited(self._folders[above], call)
            self._folders[thread] = here
        return self._folders[thread]

    def _happened(self, place: int, thread: bytes, call: re.Match[bytes]) -> None:
        name, arguments, value, path = call.groups()
        here = self._folder(thread)
        if name in (b"open", b"openat", b"openat2", b"creat"):
            if path is not None:
                self._opened(place, name, _plain(path), arguments)
        elif name.startswith(_BEGIN_THREADS):
            self._folders.setdefault(value, _inherited(here, arguments))
        elif name == b"chdir":
            here[0] = _joined(here[0], _strings(arguments)[0])
        elif name == b"fchdir":
            target = re.search(rb"<((?:\\x[0-9a-f]{2})*)>", arguments)
            if target is not None:
                here[0] = _plain(target[1])
        else:
            self._renamed(place, name, self._paths(here[0], arguments))

    def _paths(self, folder: str, arguments: bytes) -> list[str]:
        pairs = _AT.findall(arguments)
        if pairs:
            return [_joined(_plain(at) or folder, _plain(path)) for at, path in pairs]
        return [_joined(folder, path) for path in _strings(arguments)]

    def _renamed(self, place: int, name: bytes, paths: list[str]) -> None:
        if name.startswith(b"rename") and len(paths) == 2:
            self._ledger.moves.append((place, paths[0], paths[1]))
        elif paths:  # a link, a file cut short
            self._ledger.write(paths[-1], place, "strace")

    def _opened(self, place: int, name: bytes, path: str, arguments: bytes) -> None:
        flags = set(re.findall(rb"O_\w+", arguments.rpartition(b'"')[2]))
        if b"O_PATH" in flags or b"O_DIRECTORY" in flags:
            return
        if name == b"creat" or b"O_WRONLY" in flags:
            self._ledger.write(path, place, "strace")
        elif b"O_RDWR" not in flags:
            self._ledger.read(path, place, "strace")
        elif flags & {b"O_TRUNC", b"O_EXCL"}:
            self._ledger.write(path, place, "strace")
        else:  # if it changed, one that could be made here counts as made here
            self._ledger.read(path, place + (b"O_CREAT" in flags), "strace")
            self._ledger.write(path, place, "strace", doubtful=True)


def _inherited(folder: list[str], call: bytes) -> list[str]:
    return folder if b"CLONE_FS" in call else list(folder)


def _plain(text: bytes | None) -> str:
    """Return a path that is written in hexadecimal escapes."""
    return os.fsdecode(bytes.fromhex((text or b"").decode().replace("\\x", "")))


def _strings(arguments: bytes) -> list[str]:
    return [_plain(found[0]) for found in _STRING.findall(arguments)]


def _joined(folder: str, path: str) -> str:
    return path if path.startswith("/") else f"{folder}/{path}"
