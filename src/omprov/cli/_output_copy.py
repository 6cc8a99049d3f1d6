"""Keeping a copy of what a command prints, while it goes through as it is.

Where our output is a terminal, the command gets one, too, of the same size; elsewhere it gets
pipes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

LONGEST = 64 << 20
"""Bytes that are kept of what a command prints; the rest goes through and is counted."""
_PART = 1 << 16
_LINGERING = 0.3
"""Seconds without a word after which what a command left behind is not waited for."""


class OutputCopy:
    """Copies standard output and error of a command to a file. Use it in a ``with`` statement.

    Never stands in the way of the command: what cannot be kept goes through all the same, and
    whoever the command leaves behind may go on printing.

    Args:
        path: of the file.
        targets: descriptors that standard output and error go through to.

    Attributes:
        stdout: descriptor for the command.
        stderr: the same.
        cut: bytes that went through but were not kept.
    """

    def __init__(self, path: Path, targets: tuple[int, int]) -> None:
        self.cut = 0
        self._path = path
        self._targets = targets
        self._kept = 0
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._file = -1
        self._theirs: set[int] = set()

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError):  # a full disk
            self._file = os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC | os.O_APPEND)
        out, err = self._targets
        reader, self.stdout = _terminal(out) if os.isatty(out) else os.pipe()
        self._start(reader, out)
        self.stderr = self.stdout
        if not _is_same(out, err):
            reader, self.stderr = _terminal(err) if os.isatty(err) else os.pipe()
            self._start(reader, err)
        self._theirs = {self.stdout, self.stderr}
        return self

    def started(self) -> None:
        """Let go of the command's side, for it has its own; once."""
        theirs, self._theirs = self._theirs, set()
        for descriptor in theirs:
            os.close(descriptor)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.started()
        self._ended.set()
        for thread in self._threads:
            thread.join()
        if self._file >= 0:
            os.close(self._file)

    def _start(self, reader: int, target: int) -> None:
        thread = threading.Thread(target=self._copy, args=(reader, target))
        self._threads.append(thread)
        thread.start()

    def _copy(self, reader: int, target: int) -> None:
        width = None
        waiting = select.poll()  # unlike select(), for descriptors of any number
        waiting.register(reader, select.POLLIN)
        try:
            while True:
                if os.isatty(target) and (now := _size(target)) != width:
                    width = now
                    _resize(reader, now)
                if waiting.poll(_LINGERING * 1000):
                    try:
                        data = os.read(reader, _PART)
                    except OSError as error:
                        if error.errno != errno.EIO:  # the terminal's last user is gone
                            raise
                        return
                    if not data:
                        return
                    _write(target, data)
                    self._keep(data)
                elif self._ended.is_set():
                    _leave(reader, target)
                    return
        finally:
            os.close(reader)

    def _keep(self, data: bytes) -> None:
        with self._lock:
            kept = data[: max(0, LONGEST - self._kept)]
            try:
                written = os.write(self._file, kept) if kept and self._file >= 0 else 0
            except OSError:
                written = 0
            self._kept += written
            self.cut += len(data) - written


def _write(target: int, data: bytes) -> None:
    """Pass output on; whoever does not read it any more loses it, and the command goes on."""
    with contextlib.suppress(OSError):
        while data:
            data = data[os.write(target, data) :]


def _leave(reader: int, target: int) -> None:
    """Let another process pass on what those print whom the command left behind."""
    with contextlib.suppress(OSError):
        subprocess.Popen(
            ["cat"], stdin=reader, stdout=target, stderr=subprocess.DEVNULL, start_new_session=True
        )


def _terminal(target: int) -> tuple[int, int]:
    master, slave = pty.openpty()
    attributes = termios.tcgetattr(slave)
    attributes[1] &= ~termios.ONLCR  # the real terminal does that
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    _resize(master, _size(target))
    return master, slave


def _size(terminal: int) -> bytes:
    try:
        return fcntl.ioctl(terminal, termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return struct.pack("HHHH", 24, 80, 0, 0)


def _resize(terminal: int, size: bytes) -> None:
    with contextlib.suppress(OSError):
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)


def _is_same(one: int, other: int) -> bool:
    """Say whether two descriptors lead to the same place, so that the order of words counts."""
    try:
        first, second = os.fstat(one), os.fstat(other)
    except OSError:
        return False
    return (first.st_dev, first.st_ino, first.st_rdev) == (
        second.st_dev,
        second.st_ino,
        second.st_rdev,
    )
