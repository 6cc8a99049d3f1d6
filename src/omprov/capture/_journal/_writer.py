"""Writing a journal: a call appends a record and returns, whatever the disk says."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from zlib import crc32

from ._format import MAGIC, POINT, encode, pack_head, pack_point

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MOST_WAITING = 256 << 20
"""Bytes that are kept in memory while the disk takes none."""
_TOUCH_SECONDS = 60
_FULL = "the disk is full"
_POINT_BYTES = 29
_RECORD_BYTES = _POINT_BYTES + 8


class JournalWriter:
    """The journal of one process. Safe to use from several threads; not after a fork.

    Every call hands its record to the operating system before it returns, so it survives the death
    of the process; `sync`, to be called every second, brings it to the disk, so that it survives
    that of the machine. The file is made by the first record, and locked until `close`: whoever can
    lock it knows that its writer is gone.

    Where the disk takes nothing, records wait in memory until a later `sync` gets rid of them.

    Args:
        path: of the file.
        first: the record that it begins with, made when it is needed.
        on_trouble: told, once for each trouble, what is wrong.
    """

    def __init__(
        self, path: Path, first: Callable[[], bytes], on_trouble: Callable[[str], None]
    ) -> None:
        self.path = path
        self._first = first
        self._on_trouble = on_trouble
        self._lock = threading.Lock()
        self._names: dict[str, int] = {}
        self._fd = -1
        self._end = 0
        self._unsynced = False
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._lost = 0
        self._is_closed = False
        self._touched = time.monotonic()

    @property
    def waiting(self) -> int:
        """How many records wait in memory."""
        return len(self._waiting)

    def append(self, kind: str, data: Any) -> None:
        """Append a record of JSON data.

        Raises:
            TypeError, ValueError: it is none.
        """
        record = encode(kind, data)
        with self._lock:
            self._write(record)

    def append_point(self, name: str, step: int, time: float, value: float) -> None:
        """Append a point of a metric.

        Args:
            name: of the metric.
            step: where on its curve.
            time: in seconds since 1970 UTC.
            value: a number; NaN and infinities are kept.
        """
        with self._lock:
            number = self._names.get(name)
            if number is None:
                number = self._names[name] = len(self._names)
                self._write(encode("name", [number, name]))
            payload = pack_point(POINT, number, step, time, value)
            record = pack_head(_POINT_BYTES, crc32(payload)) + payload
            if self._fd >= 0 and not self._waiting:
                try:
                    is_whole = os.write(self._fd, record) == _RECORD_BYTES
                except OSError:
                    is_whole = False
                if is_whole:
                    self._end += _RECORD_BYTES
                    self._unsynced = True
                    return
            self._write_slowly(record)

    def sync(self) -> None:
        """Bring everything to the disk; what waits in memory first.

        Of a file that nothing is written to, the time is renewed: other machines go by it.
        """
        with self._lock:
            self._write_waiting()
            if self._fd >= 0 and time.monotonic() - self._touched > _TOUCH_SECONDS:
                self._touched = time.monotonic()
                with suppress(OSError):
                    os.utime(self._fd)
            fd = os.dup(self._fd) if self._fd >= 0 and self._unsynced else -1
            self._unsynced = False
        if fd >= 0:
            try:
                os.fdatasync(fd)  # outside of the lock: others go on meanwhile
            except OSError as error:
                self._unsynced = True
                self._on_trouble(f"{self.path} cannot be written through: {error.strerror}")
            finally:
                os.close(fd)

    def close(self) -> list[bytes]:
        """Sync and let go of the file.

        Returns:
            The records that the disk did not take, with all that is needed to read them elsewhere.
        """
        self.sync()
        with self._lock:
            self._is_closed = True
            self._let_go()
            left, self._waiting = self._waiting, []
        names = [encode("name", [number, name]) for name, number in self._names.items()]
        return names + left if left else []

    def abandon(self) -> None:
        """Let go of the file in a child of a fork, without touching what its parent writes."""
        self._lock = threading.Lock()
        self._is_closed = True
        self._let_go()

    def _let_go(self) -> None:
        if self._fd >= 0:
            with suppress(OSError):
                os.close(self._fd)
            self._fd = -1

    def _write(self, record: bytes) -> None:
        if self._is_closed:
            return
        if self._fd < 0 or self._waiting:
            self._write_slowly(record)
            return
        self._try([record])

    def _write_slowly(self, record: bytes) -> None:
        """Write what could not be written straight away, after all that waits."""
        if self._waiting:  # `sync` tries again
            self._keep([record])
        elif self._fd >= 0:  # a part of the record may be there
            self._cut()
            self._try([record])
        elif self._open():
            self._try([record])
        else:
            self._keep([record])

    def _write_waiting(self) -> None:
        if self._waiting and (self._fd >= 0 or self._open()):
            waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
            self._try(waiting)

    def _try(self, records: list[bytes]) -> None:
        """Write records; keep those that the disk does not take."""
        for place, record in enumerate(records):
            try:
                is_whole = os.write(self._fd, record) == len(record)
                trouble = _FULL
            except OSError as error:
                is_whole, trouble = False, error.strerror or str(error)
            if not is_whole:
                self._cut()
                self._on_trouble(
                    f"{self.path} cannot be written ({trouble}): what the run says waits in memory"
                )
                self._keep(records[place:])
                return
            self._end += len(record)
            self._unsynced = True

    def _cut(self) -> None:
        """Remove the part of a record that got to the file."""
        with suppress(OSError):
            os.ftruncate(self._fd, self._end)
            os.lseek(self._fd, self._end, os.SEEK_SET)

    def _keep(self, records: list[bytes]) -> None:
        for record in records:
            if self._waiting_bytes + len(record) > _MOST_WAITING:
                self._lost += 1
                if self._lost == 1:
                    self._on_trouble(f"{self.path}: memory is full, too; points are lost from here")
                continue
            self._waiting.append(record)
            self._waiting_bytes += len(record)

    def _open(self) -> bool:
        """Make the file, lock it and write its beginning; say whether that went well."""
        if self._is_closed:
            return False
        beginning = MAGIC + self._first()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC
            self._fd = os.open(self.path, flags, 0o666)
            with suppress(OSError):  # there are file systems without locks
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_whole, trouble = os.write(self._fd, beginning) == len(beginning), _FULL
        except OSError as error:
            is_whole, trouble = False, error.strerror or str(error)
        if not is_whole:
            if self._fd >= 0:
                self._let_go()
                with suppress(OSError):
                    self.path.unlink()
            self._on_trouble(
                f"{self.path} cannot be made ({trouble}): what the run says waits in memory"
            )
            return False
        self._end = len(beginning)
        self._unsynced = True
        return True
