"""Copying a whole repository into a new one, wherever the two are.

First what versions name, then the versions: nothing in the copy names what is not there, unless it
was not there in the source either. `docs/design/copying.md` says what a copy is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from omprov.catalog import FINISHED
from omprov.content import Done, Expected
from omprov.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from contextlib import AbstractContextManager

    from omprov.catalog import CopiedRows, CopyState
    from omprov.content import ContentStore, Progress
    from omprov.records import Digest

_ROUNDS = 5
"""So often it is begun anew where the source moves on between two requests."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The trees that the rows of a repository name.

    Attributes:
        needed: those of versions and runs.
        spare: those that only removed versions name; they may be gone.
    """

    needed: tuple[Digest, ...]
    spare: tuple[Digest, ...]

    @property
    def all(self) -> tuple[Digest, ...]:
        """Both."""
        return (*self.needed, *self.spare)


class CopyView(Protocol):
    """One state of a repository that is copied."""

    @property
    def state(self) -> CopyState:
        """Which state it is."""
        ...

    def contents(self) -> Contents:
        """Return the trees that the rows name."""
        ...

    def bring_to(
        self, store: ContentStore, trees: Collection[Digest], progress: Progress | None
    ) -> set[Digest]:
        """Have trees in a store of this machine; return those that the source does not have."""
        ...

    def store(
        self, trees: Collection[Digest], progress: Progress | None
    ) -> AbstractContextManager[ContentStore]:
        """Give a store of this machine in which these trees can be read, for the block."""
        ...

    def rows(self, after: str) -> Iterator[CopiedRows]:
        """Give the rows behind a place."""
        ...


class CopySource(Protocol):
    """A repository that is copied."""

    def copied(self, *, people: bool = False) -> AbstractContextManager[CopyView]:
        """Give one state of it, for the block.

        Args:
            people: with users and what they sign in with.
        """
        ...


class CopyTarget(Protocol):
    """A repository that becomes a copy."""

    def begin_copy(self, state: CopyState, *, people: bool = False) -> str:
        """Begin, or go on; see `CatalogWriter.begin_copy`."""
        ...

    def take_contents(
        self, view: CopyView, trees: Collection[Digest], progress: Progress | None
    ) -> set[Digest]:
        """Have trees of the source; return those that the source does not have."""
        ...

    def add_copied(self, rows: CopiedRows, after: str) -> None:
        """Add rows; see `CatalogWriter.add_copied`."""
        ...

    def end_copy(self) -> None:
        """Count as the whole repository; see `CatalogWriter.end_copy`."""
        ...


@dataclass(frozen=True, slots=True)
class Copied:
    """What a copy is.

    Attributes:
        position: of the change feed of both.
        contents: how many trees the rows name that are not removed.
        absent: how many of them the source does not have, so that the copy lacks them, too.
        rows: how many were copied by this call.
        resumed: an earlier call had begun.
        was_finished: it had done everything.
    """

    position: int
    contents: int
    absent: int
    rows: int
    resumed: bool
    was_finished: bool


def copy_repository(
    source: CopySource,
    target: CopyTarget,
    *,
    people: bool = False,
    progress: Progress | None = None,
    rows_progress: Progress | None = None,
) -> Copied:
    """Make a new repository a copy of another one: all that was ever recorded, as it was recorded.

    Ids, numbers, times, creators, edges with their evidence, runs, labels, feed and audit are those
    of the source. Killed at any moment, the next call goes on where it was, unless the source has
    moved on meanwhile: then the rows are copied anew, and of the content what is lacking. Until it
    returns the target is of no use.

    Args:
        source: one state of it is copied; it may be written meanwhile.
        target: new, or begun by an earlier call.
        people: with users and what they sign in with.
        progress: told the content.
        rows_progress: told the rows.

    Raises:
        Conflict: the target holds more than a new repository, or has another layout, and stays as
            it is; or somebody writes to it meanwhile; or a source on a server is written to all the
            time.
        StorageFull: there is no room.
        Unavailable: one of them cannot be reached.
    """
    for left in reversed(range(_ROUNDS)):
        with source.copied(people=people) as view:
            begun = target.begin_copy(view.state, people=people)
            contents = view.contents()
            if begun == FINISHED:
                return Copied(view.state.position, len(contents.needed), 0, 0, True, True)
            absent = target.take_contents(view, contents.all, progress)
            try:
                rows = _copy_rows(view, target, begun, rows_progress)
            except Conflict:
                if not left or not _has_moved(source, view.state, people=people):
                    raise
                continue
            target.end_copy()
            missing = len(absent.intersection(contents.needed))
            return Copied(
                view.state.position, len(contents.needed), missing, rows, bool(begun), False
            )
    raise AssertionError


def _copy_rows(view: CopyView, target: CopyTarget, begun: str, progress: Progress | None) -> int:
    place, count = begun, 0
    if progress is not None:
        progress(Expected(view.state.rows, 0))
    for rows in view.rows(begun):
        target.add_copied(rows, place)
        place = rows.place
        count += len(rows.rows)
        if progress is not None:
            progress(Done(len(rows.rows), 0))
    return count


def _has_moved(source: CopySource, state: CopyState, *, people: bool) -> bool:
    with source.copied(people=people) as view:
        return view.state.stamp != state.stamp
