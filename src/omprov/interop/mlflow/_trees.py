"""Artifacts as trees: files that came one by one, put together without reading their bytes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from omprov.content import TreeSummary
from omprov.records import Digest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from omprov.catalog.mlflow import ArtifactFile
    from omprov.content import ContentStore, Entry, TreeWriter

    Folder: TypeAlias = "dict[str, Entry | Folder]"


def tree_of(store: ContentStore, files: Sequence[ArtifactFile], root: str) -> TreeSummary | None:
    """Store the files in a folder and below it as one tree; ``None`` where there are none.

    A name that is both a file and a folder is a folder: in MLflow, it may be both.

    Args:
        store: where their bytes are.
        files: the files, each stored as a tree of its own.
        root: the folder, which their paths begin with.
    """
    if not files:
        return None
    top: Folder = {}
    for file in files:
        (entry,) = store.tree(file.digest).iter_folder()
        here = top
        for part in filter(None, file.folder[len(root) :].split("/")):
            below = here.get(part)
            if not isinstance(below, dict):
                below = here[part] = {}
            here = below
        if not isinstance(here.get(file.name), dict):
            here[file.name] = entry
    with store.tree_writer() as writer:
        made = _put(writer, b"", top)
        writer.commit()
    return TreeSummary(Digest(made.digest.hex()), made.size, made.files)


def _put(writer: TreeWriter, name: bytes, folder: Folder) -> Entry:
    entries = [
        _put(writer, os.fsencode(part), inner) if isinstance(inner, dict) else inner
        for part, inner in folder.items()
    ]
    return writer.put_folder(name, sorted(entries, key=lambda entry: entry.name))
