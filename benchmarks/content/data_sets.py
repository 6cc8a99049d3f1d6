"""The two data sets of the comparison, and what changes in them from v1 to v2.

All bytes are random, so that nothing compresses and nothing is stored twice by chance.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MEGABYTE = 1_000_000
SMALL = 10_240
INSERTED = 10 * MEGABYTE
FOLDERS = 100


def replace(path: Path, content: bytes) -> None:
    """Put a new file in the place of a file, as tools do that save safely."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)


@dataclass(frozen=True)
class SmallFiles:
    """Many files of 10 KB in 100 folders; one in a hundred is rewritten."""

    count: int
    name = "small"

    @property
    def title(self) -> str:
        return (
            f"{self.count:,} files of 10 KB ({self.count * SMALL / MEGABYTE:,.0f} MB), "
            f"{len(self.changed_places()):,} of them rewritten for v2"
        )

    @property
    def changed_bytes(self) -> int:
        return len(self.changed_places()) * SMALL

    def place(self, number: int) -> str:
        return f"{number % FOLDERS:02d}/{number:06d}.bin"

    def changed_places(self) -> list[str]:
        """Return the paths that change: spread over the folders."""
        return [self.place(number * 101 % self.count) for number in range(self.count // 100)]

    def make(self, folder: Path) -> None:
        for number in range(self.count):
            path = folder / self.place(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(os.urandom(SMALL))

    def change(self, folder: Path) -> None:
        for place in self.changed_places():
            replace(folder / place, os.urandom(SMALL))


@dataclass(frozen=True)
class LargeFiles:
    """A few large files; 10 MB are inserted in the middle of the first."""

    count: int
    megabytes: int
    name = "large"

    @property
    def title(self) -> str:
        return (
            f"{self.count} × {self.megabytes:,} MB, "
            f"{INSERTED / MEGABYTE:.0f} MB inserted in the middle of one for v2"
        )

    @property
    def changed_bytes(self) -> int:
        return INSERTED

    def changed_places(self) -> list[str]:
        """Return the one path that changes."""
        return ["0.bin"]

    def make(self, folder: Path) -> None:
        folder.mkdir()
        for number in range(self.count):
            with (folder / f"{number}.bin").open("wb") as file:
                for _ in range(self.megabytes // 10):
                    file.write(os.urandom(10 * MEGABYTE))

    def change(self, folder: Path) -> None:
        path, fresh = folder / "0.bin", folder / "0.new"
        middle = path.stat().st_size // 2 // MEGABYTE
        with path.open("rb") as old, fresh.open("wb") as new:
            for _ in range(middle):
                new.write(old.read(MEGABYTE))
            new.write(os.urandom(INSERTED))
            while block := old.read(MEGABYTE):
                new.write(block)
        fresh.replace(path)


DataSet = SmallFiles | LargeFiles
