"""Files on disk that are to be part of a version, and trees made of them."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

from omprov.content import Entry, EntryKind, TreeSummary, may_hold
from omprov.records import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from omprov.content import ContentStore, TreeWriter


class SourceFile(NamedTuple):
    """What a path holds: an executable, a symlink (whose content is its target), a file."""

    content: bytes
    kind: EntryKind = EntryKind.FILE


def read_source(path: Path) -> SourceFile | None:
    """Read a file or symlink; ``None`` where there is none, or something else.

    Raises:
        OSError: it cannot be read.
    """
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            return SourceFile(os.fsencode(path.readlink()), EntryKind.SYMLINK)
        if not stat.S_ISREG(mode):
            return None
        kind = EntryKind.EXECUTABLE if mode & stat.S_IXUSR else EntryKind.FILE
        return SourceFile(path.read_bytes(), kind)
    except (FileNotFoundError, NotADirectoryError):
        return None


def put_changed(
    store: ContentStore, base: Digest | None, files: Mapping[str, SourceFile | None]
) -> TreeSummary | None:
    """Store a tree that differs from another one in some files.

    Args:
        store: where.
        base: the tree that they are laid over, which is stored; ``None`` for none.
        files: path → what it holds; ``None`` for nothing. Folders that become empty go.

    Returns:
        ``None`` where no file is left.
    """
    nested: dict[bytes, Any] = {}
    for path in sorted(files, key=lambda one: files[one] is not None):  # what goes, goes first
        parts = os.fsencode(path).split(b"/")
        if not all(map(may_hold, parts)):
            continue
        at = nested
        for part in parts[:-1]:
            below = at.get(part)
            if not isinstance(below, dict):  # a file that became a folder, too
                below = at[part] = {}
            at = below
        at[parts[-1]] = files[path]
    with store.tree_writer() as writer:
        entry = _put_folder(store, writer, base, nested)
        writer.commit()
    return (
        None if entry is None else TreeSummary(Digest(entry.digest.hex()), entry.size, entry.files)
    )


def _put_folder(
    store: ContentStore, writer: TreeWriter, base: Digest | None, changes: Mapping[bytes, Any]
) -> Entry | None:
    entries: dict[bytes, Entry] = {}
    if base is not None:
        entries = {entry.name: entry for entry in store.tree(base).iter_folder()}
    for name, change in changes.items():
        entries.pop(name, None)
        if change is None:
            continue
        folder = entries.pop(name + b"/", None)
        if isinstance(change, dict):
            below = None if folder is None else Digest(folder.digest.hex())
            made = _put_folder(store, writer, below, change)
            if made is not None:
                entries[name + b"/"] = made._replace(name=name + b"/")
        else:
            entries[name] = writer.put_file(name, change.content, change.kind)
    if not entries:
        return None
    return writer.put_folder(b"", [entries[name] for name in sorted(entries)])
