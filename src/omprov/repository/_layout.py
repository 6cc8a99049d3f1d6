"""What lies where in the folder of a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ".omprov"
"""The repository's own folder, beside the work."""
CATALOG = "catalog.db"
"""The file of the catalog. It gets this name last of all: where it stands, all is there."""
SHARED = "shared.json"
"""Which catalog elsewhere, and which buckets, the folder of a shared repository belongs to."""
CONTENT = "content"
"""The content store."""
COPIES = "copies"
"""The folder of local copies; like any other they may be recorded as what they have become."""
CONFIG = "config"
"""The settings."""
WORKSPACE = "workspace.json"
"""Which versions the folders of the working directory hold."""
JOURNAL = "journal"
"""The journals of runs that are not recorded to their end, a folder each."""
CACHE = "cache"
"""What may be deleted at any time."""
SERVERS = "servers"
"""What is kept here of repositories on servers, a folder each: laid out like this one, without the
catalog."""


def workspace_root(path: Path) -> Path:
    """Return the working directory that a repository's own folder, or one in it, belongs to."""
    own = next((one for one in (path, *path.parents) if one.name == FOLDER), path)
    return own.parent
