"""When files changed last."""

from __future__ import annotations

import os
from pathlib import Path


def newest_change(path: Path) -> int:
    """Return when a file or anything in a folder changed last, in ns; 0 where nothing is."""
    newest = 0
    folders = [path]
    while folders:
        folder = folders.pop()
        try:
            newest = max(newest, folder.lstat().st_ctime_ns)
            if folder.is_dir() and not folder.is_symlink():
                folders += [Path(entry.path) for entry in os.scandir(folder)]
        except OSError:  # gone meanwhile, or nothing there
            continue
    return newest
