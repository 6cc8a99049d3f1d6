"""What a run read and wrote: the files, and how that is known."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Accesses:
    """The files that the processes of a run opened.

    Attributes:
        reads: absolute real paths of files read, in the order of the first read, each with how that
            is known ("python", "native", "strace").
        writes: the same, of files written that are still there.
        method: how files were watched, for people: "python", "strace", "none".
        not_covered: names of libraries or programs whose reads could not be seen.
    """

    reads: dict[str, str] = field(default_factory=dict)
    writes: dict[str, str] = field(default_factory=dict)
    method: str = "none"
    not_covered: tuple[str, ...] = ()
