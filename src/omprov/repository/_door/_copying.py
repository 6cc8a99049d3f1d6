"""Being copied as a whole, and becoming a copy."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from omprov.content import RemoteSettings
from omprov.repository._copying import Contents
from omprov.repository._door._opened import Opened
from omprov.repository._sharing import name_owner

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from omprov.catalog import CatalogReader, CopiedRows, CopyState
    from omprov.content import ContentStore, Progress
    from omprov.records import Digest
    from omprov.repository._copying import CopyView


class LocalView:
    """One state of an opened repository; a `CopyView`.

    Attributes:
        state: which state.
    """

    def __init__(self, reader: CatalogReader, content: ContentStore, *, people: bool) -> None:
        self._reader = reader
        self._content = content
        self._people = people
        self.state: CopyState = reader.copy_state(people=people)

    def contents(self) -> Contents:
        """Return the trees that the rows name."""
        needed = dict.fromkeys(digest for digest, _ in self._reader.digests())
        needed.update(dict.fromkeys(self._reader.run_file_digests()))
        spare = dict.fromkeys(self._reader.removed_digests())
        return Contents(tuple(needed), tuple(one for one in spare if one not in needed))

    def bring_to(
        self, store: ContentStore, trees: Collection[Digest], progress: Progress | None
    ) -> set[Digest]:
        """Have trees in another store; return those that are not here."""
        left = list(trees)
        here = RemoteSettings("source", str(self._content.path.absolute()), fresh=0.0)
        for settings in (here, *self._content.reads_from):
            if left:
                with closing(store.remote(settings)) as remote:
                    left = store.pull(remote, left, progress).absent
        return set(left)

    @contextmanager
    def store(self, trees: Collection[Digest], progress: Progress | None) -> Iterator[ContentStore]:
        """Give the store of the repository."""
        del trees, progress
        yield self._content

    def rows(self, after: str) -> Iterator[CopiedRows]:
        """Give the rows behind a place."""
        return self._reader.iter_rows(after, people=self._people)


class Copying(Opened):
    """Being copied as a whole, and becoming a copy; see `copy_repository`."""

    @contextmanager
    def copied(self, *, people: bool = False) -> Iterator[LocalView]:
        """Give one state of this repository, to be copied; for the block.

        Args:
            people: with users and what they sign in with.
        """
        with self._reading() as reader:
            yield LocalView(reader, self.content, people=people)

    def begin_copy(self, state: CopyState, *, people: bool = False) -> str:
        """Begin to become a copy, or go on; see `CatalogWriter.begin_copy`."""
        with self._writing() as writer:
            place = writer.begin_copy(state, people=people)
        name_owner(self.path, state.catalog)
        return place

    def take_contents(
        self, view: CopyView, trees: Collection[Digest], progress: Progress | None
    ) -> set[Digest]:
        """Have trees of the source; return those that it does not have."""
        absent = view.bring_to(self.content, trees, progress)
        if self._bucket is not None:
            self._bucket.bring(tree for tree in trees if tree not in absent)
        return absent

    def add_copied(self, rows: CopiedRows, after: str) -> None:
        """Add rows; see `CatalogWriter.add_copied`."""
        with self._writing() as writer:
            writer.add_copied(rows, after)

    def end_copy(self) -> None:
        """Count as the whole repository from now on; see `CatalogWriter.end_copy`."""
        with self._writing() as writer:
            writer.end_copy()
