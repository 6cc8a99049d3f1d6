"""The files of a tree with where their bytes are, and copies of them recognised on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Self

from omprov.content._format._nodes import EntryKind
from omprov.content._tree import as_leaf
from omprov.diff import Delta
from omprov.records import Digest

from ._addresses import absolute_path, file_address
from ._record import BATCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omprov.content._format._nodes import Entry
    from omprov.content._format._objects import Reference
    from omprov.content._reading import ObjectReader
    from omprov.content._tree import Change, StoredTree

    from ._learned import LearnedDigests


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file or symlink of a tree.

    Attributes:
        path: from the root of the tree.
        size: in bytes.
        digest: BLAKE3 of its content; ``None`` where it is by reference and nobody read it.
        reference: where its bytes lie; ``None`` where the store holds them.
    """

    path: str
    size: int
    digest: Digest | None
    reference: Reference | None

    @classmethod
    def of(cls, path: bytes, entry: Entry, reference: Reference | None) -> Self:
        """Describe an entry."""
        known = entry.kind != EntryKind.REFERENCE
        digest = Digest(entry.digest.hex()) if known else None
        return cls(os.fsdecode(path), entry.size, digest, reference)


def is_source(tree: StoredTree, folder: bytes, reader: ObjectReader) -> bool:
    """Say whether a tree was recorded from this folder (or file) by size and time alone."""
    whole = absolute_path(folder)
    for path, entry in tree.iter_entries():
        if entry.kind == EntryKind.REFERENCE:
            reference = reader.elsewhere.find(entry)
            places = {file_address(whole), file_address(whole + b"/" + path)}
            return reference is not None and reference.uri in places
        if entry.kind != EntryKind.FOLDER and entry.size and entry.kind != EntryKind.SYMLINK:
            return False  # files are known by digest
    return False


def drop_copies(changes: Iterator[Change], learned: LearnedDigests) -> Iterator[Delta]:
    """Give changes, but for files that hold what was once read through the old one's reference."""
    while batch := list(islice(changes, BATCH)):
        olds = [c.old for c in batch if c.old is not None and c.new is not None]
        contents = learned.find(e.digest for e in olds if e.kind == EntryKind.REFERENCE)
        for path, old, new in batch:
            is_reference = old is not None and old.kind == EntryKind.REFERENCE
            if is_reference and new is not None and new.kind == EntryKind.FILE:
                assert old is not None
                if contents.get(old.digest) == new.digest:
                    continue
            yield Delta(
                os.fsdecode(path),
                None if old is None else as_leaf(path, old),
                None if new is None else as_leaf(path, new),
            )
