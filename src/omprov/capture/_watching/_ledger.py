"""What was noted of files, gathered: when each was first read and written, in whatever order.

Times are of one clock for all processes; of `strace`, places in its log.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Ledger:
    """The first accesses to each path, as it was opened; paths are absolute.

    Attributes:
        reads: path → when it was first read, and how that is known.
        writes: path → when it was first written, and how that is known.
        doubtful: written paths that were opened for both, so that they may have been read only.
        moves: what was renamed: when, from where, to where.
        programs: what was started, see `_programs.py`.
        libraries: imported libraries whose reads cannot be seen.
        prefixes: where the Pythons that ran are installed.
        pythons: how many Python processes began to note files; forked ones are not counted.
        lost: some process could not write its records.
    """

    reads: dict[str, tuple[int, str]] = field(default_factory=dict)
    writes: dict[str, tuple[int, str]] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    moves: list[tuple[int, str, str]] = field(default_factory=list)
    programs: dict[tuple[str, ...], None] = field(default_factory=dict)
    libraries: dict[str, None] = field(default_factory=dict)
    prefixes: set[str] = field(default_factory=set)
    pythons: int = 0
    lost: bool = False

    def read(self, path: str, when: int, how: str) -> None:
        """Note a read."""
        known = self.reads.get(path)
        if known is None or when < known[0]:
            self.reads[path] = (when, how)

    def write(self, path: str, when: int, how: str, *, doubtful: bool = False) -> None:
        """Note a write; a doubtful one may have been a read only."""
        known = self.writes.get(path)
        if known is None or when < known[0]:
            self.writes[path] = (when, how)
        if not doubtful:
            self.doubtful.discard(path)
        elif known is None:
            self.doubtful.add(path)
