"""Stores trees for whoever has files and folders in a form of their own, bottom up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from omprov.content._format._nodes import Entry, EntryKind
from omprov.errors import InvalidInput

from ._ignore import may_hold
from ._putting import new_folder, put_content

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omprov.content._adding._writer import ObjectWriter

_MOST_NAMES = 100_000
"""So many names are remembered that a folder may hold: they come again and again."""


class TreeWriter:
    """Takes files, then the folders that they are in, and gives the entry that stands for each.

    What was put counts as stored once `commit` has returned; equal content is stored once. Many
    trees may be put before. Not for several threads at once. See `ContentStore.tree_writer`.
    """

    def __init__(self, writer: ObjectWriter) -> None:
        self._writer = writer
        self._names: set[bytes] = set()

    def put_file(self, name: bytes, content: bytes, kind: EntryKind = EntryKind.FILE) -> Entry:
        """Put a file, an executable or a symlink (whose content is its target).

        Args:
            name: in its folder.
            content: its bytes.
            kind: what it is.
        """
        return Entry(name, kind, len(content), 1, put_content(content, self._writer))

    def put_folder(self, name: bytes, entries: Iterable[Entry]) -> Entry:
        """Put a folder.

        Args:
            name: in its own folder; the top one has none.
            entries: what is in it, in the order of their names (of folders, with their slash).

        Raises:
            InvalidInput: a name that no folder may hold; see `may_hold`.
        """
        held = list(entries)
        for entry in held:
            if entry.name not in self._names:
                self._check(entry.name)
        folder = new_folder(self._writer)
        folder.extend(held)
        return folder.finish()._replace(name=name and name + b"/", kind=EntryKind.FOLDER)

    def _check(self, name: bytes) -> None:
        if not may_hold(name.removesuffix(b"/")):
            raise InvalidInput(f"no folder may hold {os.fsdecode(name)!r}")
        if len(self._names) < _MOST_NAMES:
            self._names.add(name)

    def commit(self) -> None:
        """Make everything that was put durable."""
        self._writer.commit()
