"""Whether a store may lack what it once had: for whoever remembers what it had."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LOSSES = "losses"


def note_loss(store: Path) -> None:
    """Say that something which was known to be stored may not be any more; to be called after."""
    with suppress(OSError):  # where nothing can be written, nothing is lost
        (store / _LOSSES).write_text(os.urandom(8).hex(), encoding="ascii")


def last_loss(store: Path) -> str:
    """Return what is another after each loss."""
    try:
        return (store / _LOSSES).read_text(encoding="ascii")
    except (OSError, ValueError):
        return ""


def store_mark(store: Path, loss: str) -> str:
    """Return what stays while a store lacks nothing that it had, and no pack comes or goes.

    Args:
        store: its folder.
        loss: the last one before it was looked up what the store has.
    """
    stat = (store / "packs").stat()
    return f"{loss} {stat.st_ino} {stat.st_mtime_ns}"
