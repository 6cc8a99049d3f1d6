"""Storing a folder that the workspace knows, without opening the catalog.

Most often nothing has changed, and then the workspace has the answer: opening the catalog would
take longer than looking at twenty thousand files.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING

from omprov.content import looks_as

from ._layout import CACHE, CONTENT, WORKSPACE, workspace_root
from ._memories import memory_name, write_memory
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
    held = Workspace(workspace_root(repository), repository / WORKSPACE).find(path)
    if held is None or held.removed or held.by_reference or held.parts:
        return None
    return held


def looks_unchanged(repository: Path, path: Path, held: Held) -> bool:
    """Say whether a folder is known, at a look, to be the version that it is known to hold.

    Args:
        repository: its ``.omprov`` folder.
        path: the folder or file.
        held: the version.
    """
    try:
        known = json.loads(_memory_of(repository, path).read_text(encoding="ascii"))
        return known["digest"] == held.digest and looks_as(
            repository / CONTENT, path, known["looks"]
        )
    except (OSError, ValueError, TypeError, KeyError):
        return False


def keep_looks(repository: Path, path: Path, summary: TreeSummary) -> None:
    """Remember how a folder or file looked when it was stored, for `looks_unchanged`.

    The memory may be deleted at any time.
    """
    if summary.looks is None:
        return
    known = {"digest": summary.digest, "looks": summary.looks}
    with suppress(OSError):
        write_memory(_memory_of(repository, path), known)


def store_known(
    repository: Path, path: Path, held: Held, progress: Progress | None = None
) -> TreeSummary:
    """Store what a folder or file holds; see `ContentStore.put_tree`.

    Where its digest is that of the version it is known to hold, nothing has changed; else give it
    to `Repository.add_version`.
    """
    from omprov.content import ContentStore  # start-up: most often a look is enough

    with ContentStore.open(repository / CONTENT) as store:
        stored = store.put_tree(path, progress)
        if stored.digest == held.digest:
            keep_looks(repository, path, stored)
        return stored


def _memory_of(repository: Path, path: Path) -> Path:
    return repository / CACHE / "folders" / memory_name(os.path.realpath(path))
