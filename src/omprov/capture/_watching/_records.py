"""Reads what the recorders in Python processes wrote (`_injected/_omprov_recorder.py`).

A record: its kind, a time, the folder its paths are relative to, and its fields, each ended by NUL,
and a newline. A record that was cut off, by a full disk or a kill, is passed over.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ._ledger import Ledger

_END = b"\0\n"
_KEPT_PARTS = 16 << 20
"""How many bytes of records may lie on the disk while the processes go on."""


class Records:
    """The folder that recorders write into, and what was read from it so far."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self._folder = folder
        self._ledger = ledger

    def read_finished(self) -> None:
        """Take in and delete what no process adds to any more, once it is much."""
        parts = _parts(self._folder)
        if sum(size for _, _, size in parts) < _KEPT_PARTS:
            return
        last = {stem: number for stem, number, _ in parts}
        for stem, number, _ in parts:
            if number < last[stem] or not _is_running(stem):
                self._take(stem, number)

    def read_all(self) -> None:
        """Take in and delete everything."""
        for stem, number, _ in _parts(self._folder):
            self._take(stem, number)

    def _take(self, stem: str, number: int) -> None:
        part = self._folder / f"{stem}.{number}"
        try:
            data = part.read_bytes()
            part.unlink()
        except OSError:
            self._ledger.lost = True
            return
        read_records(data, self._ledger)


def _parts(folder: Path) -> list[tuple[str, int, int]]:
    """Return the files of recorders: stem, number and size, in the order they were begun."""
    found = []
    for entry in os.scandir(folder):
        stem, _, number = entry.name.rpartition(".")
        if number.isdecimal():
            found.append((stem, int(number), entry.stat().st_size))
    return sorted(found)


def _is_running(stem: str) -> bool:
    try:
        os.kill(int(stem.partition("-")[0]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def read_records(data: bytes, ledger: Ledger) -> None:
    """Take the records of one process into the ledger."""
    for record in data.split(_END):
        kind, *rest = record.split(b"\0")
        take = _KINDS.get(kind)
        if take is None or len(rest) < 2 or not rest[0].isdigit():
            continue
        when, folder = int(rest[0]), os.fsdecode(rest[1])
        take(ledger, when, folder, [os.fsdecode(one) for one in rest[2:]])


def _reading(how: str) -> _Take:
    def take(ledger: Ledger, when: int, folder: str, fields: Sequence[str]) -> None:
        for path in fields:
            ledger.read(_absolute(folder, path), when, how)

    return take


def _writing(how: str, *, reads: bool = False) -> _Take:
    def take(ledger: Ledger, when: int, folder: str, fields: Sequence[str]) -> None:
        for path in fields:
            whole = _absolute(folder, path)
            if reads:
                ledger.read(whole, when, how)
            ledger.write(whole, when, how, doubtful=reads)

    return take


def _move(ledger: Ledger, when: int, folder: str, fields: Sequence[str]) -> None:
    if len(fields) == 2:
        source, target = (_absolute(folder, path) for path in fields)
        ledger.moves.append((when, source, target))


def _start(ledger: Ledger, when: int, folder: str, fields: Sequence[str]) -> None:  # noqa: ARG001
    ledger.prefixes.update(path for path in fields if path)


def _python(ledger: Ledger, when: int, folder: str, fields: Sequence[str]) -> None:  # noqa: ARG001
    ledger.pythons += 1


def _program(ledger: Ledger, when: int, folder: str, fields: Sequence[str]) -> None:  # noqa: ARG001
    watched, program, *words = fields
    ledger.programs[watched, program, *(word[1:] for word in words)] = None


def _library(ledger: Ledger, when: int, folder: str, fields: Sequence[str]) -> None:  # noqa: ARG001
    ledger.libraries.update(dict.fromkeys(fields))


def _lost(ledger: Ledger, when: int, folder: str, fields: Sequence[str]) -> None:  # noqa: ARG001
    ledger.lost = True


if TYPE_CHECKING:
    _Take = Callable[[Ledger, int, str, Sequence[str]], None]

_KINDS: dict[bytes, _Take] = {
    b"r": _reading("python"),
    b"w": _writing("python"),
    b"b": _writing("python", reads=True),
    b"R": _reading("native"),
    b"W": _writing("native"),
    b"B": _writing("native", reads=True),
    b"m": _move,
    b"s": _start,
    b"p": _python,
    b"x": _program,
    b"u": _library,
    b"l": _lost,
}


def _absolute(folder: str, path: str) -> str:
    return path if path.startswith("/") else f"{folder}/{path}"
