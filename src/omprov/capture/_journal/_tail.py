"""Reading a journal bit by bit, while it is written."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from ._format import MAGIC, iter_records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PART = 4 << 20
"""Bytes that are read at once; a record may be longer."""


class Said(NamedTuple):
    """Something that a run said of itself.

    Attributes:
        kind: what it is about.
        data: of a point (name, step, time, value), else JSON data.
        end: where in the file it ends.
    """

    kind: str
    data: Any
    end: int


class JournalTail:
    """A journal, read up to some place.

    Attributes:
        path: of the file.
        opened: the data of its first record; empty until that was read.
        at: how far it was read.
    """

    def __init__(self, path: Path, opened: dict[str, Any] | None = None) -> None:
        self.path = path
        self.opened = opened or {}
        self.at = 0
        self._names: dict[int, str] = {}

    @property
    def name(self) -> str:
        """What the journal is called in the catalog."""
        return self.path.stem

    @property
    def is_owner(self) -> bool:
        """Whether its process is the one that began the run, and ends it."""
        return bool(self.opened.get("owner"))

    def read(self) -> Iterator[Said]:
        """Read what is new, whole records only."""
        part = _PART
        with self.path.open("rb") as file:
            if self.at == 0 and file.read(len(MAGIC)) == MAGIC:
                self.at = len(MAGIC)
            while self.at:
                file.seek(self.at)
                data = file.read(part)
                before = self.at
                for kind, value, end in iter_records(data, self.at):
                    self.at = end
                    if kind == "open":
                        self.opened = value
                    elif kind == "name":
                        self._names[value[0]] = value[1]
                    elif kind == "point":
                        yield Said(kind, (self._names[value[0]], *value[1:]), end)
                    else:
                        yield Said(kind, value, end)
                if self.at == before:
                    if len(data) < part:
                        return
                    part *= 4  # one record is longer than that


def peek(path: Path) -> JournalTail:
    """Read how a journal was opened, and nothing more."""
    tail = JournalTail(path)
    with suppress(OSError):  # gone meanwhile
        next(tail.read(), None)
    return JournalTail(path, tail.opened)
