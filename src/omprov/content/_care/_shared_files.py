"""The whole files beside the packs that checkouts link to: a cache, and what of it is unused."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def remove_unlinked(files: Path, before: int, *, dry_run: bool) -> int:
    """Delete the files that no checkout links to and nobody asked for since.

    A process that has just found one makes it anew where it is gone, so this is safe at any time.

    Args:
        files: their folder.
        before: a time in ns: what was linked, unlinked or made later stays.
        dry_run: only say what would be freed.

    Returns:
        How many bytes they held.
    """
    freed = 0
    with suppress(FileNotFoundError):
        for path in files.iterdir():
            with suppress(OSError):
                stat = path.stat()
                if stat.st_nlink == 1 and max(stat.st_mtime_ns, stat.st_ctime_ns) <= before:
                    if not dry_run:
                        path.unlink()
                    freed += stat.st_size
    return freed
