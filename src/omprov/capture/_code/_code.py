"""What is known of the code of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omprov.records import Version


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file, or a whole folder (its path ends in ``/``), that is no part of the version.

    Attributes:
        path: from the top of the checkout, or of the folder that was recorded.
        reason: why, for people.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Code:
    """The code of a run.

    Attributes:
        version: which version of which algorithm; ``None`` where nothing was recorded.
        commit: what git has checked out; ``None`` without git, or before the first commit.
        dirty: whether the version is another one than the commit's, since files were changed.
        changed: the paths of these files.
        left_out: changed or new files that are no part of the version.
        notes: what people should know: what was done instead of what, and why.
    """

    version: Version | None
    commit: str | None = None
    dirty: bool = False
    changed: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
