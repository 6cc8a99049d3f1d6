"""Storing a folder that the workspace knows, without opening the catalog.

Most often nothing has changed, and then the workspace has the answer: opening the catalog would
take longer than looking at twenty thousand files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.content import ContentStore

from ._layout import CONTENT, WORKSPACE
from ._workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from omprov.content import Progress, TreeSummary

    from ._workspace import Held


def find_held(repository: Path, path: Path) -> Held | None:
    """Return the version that a folder is known to hold, unless more has to be known of it.

    That is so where it was removed, recorded by reference, or checked out in parts.

    Args:
        repository: its ``.omprov`` folder.
        path: the folder or file.
    """
    held = Workspace(repository.parent, repository / WORKSPACE).find(path)
    if held is None or held.removed or held.by_reference or held.parts:
        return None
    return held


def store_known(repository: Path, path: Path, progress: Progress | None = None) -> TreeSummary:
    """Store what a folder or file holds; see `ContentStore.put_tree`.

    Where its digest is that of the version it is known to hold, nothing has changed; else give it
    to `Repository.add_version`.
    """
    with ContentStore.open(repository / CONTENT) as store:
        return store.put_tree(path, progress)
