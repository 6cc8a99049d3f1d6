"""The diff of a changed checkout, for people: as git writes it, bounded in size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pygit2

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.content import StoredTree

    from ._files import SourceFile

_LARGEST = 1 << 20
"""Bytes of a file whose lines are compared."""


def diff_text(
    base: StoredTree | None, files: Mapping[str, SourceFile | None], limit: int
) -> tuple[str, int]:
    """Return a unified diff, and how many files are not in it because it would be too large.

    Args:
        base: what was changed.
        files: path → what it holds now; ``None`` where it is gone.
        limit: bytes of the text.
    """
    parts: list[str] = []
    size = 0
    for place, path in enumerate(sorted(files)):
        text = _file_diff(base, path, files[path])
        size += len(text.encode())
        if size > limit:
            return "".join(parts), len(files) - place
        parts.append(text)
    return "".join(parts), 0


def _file_diff(base: StoredTree | None, path: str, file: SourceFile | None) -> str:
    old = _old(base, path)
    new = None if file is None else file.content
    name = path.encode(errors="backslashreplace").decode()
    if max(len(old or b""), len(new or b"")) > _LARGEST:
        return f"diff --git a/{name} b/{name}\nFiles a/{name} and b/{name} differ\n"
    if old == new:
        return f"diff --git a/{name} b/{name}\nmode changed\n"
    patch = pygit2.Patch.create_from(old, new, name, name)
    return patch.data.decode(errors="replace")


def _old(base: StoredTree | None, path: str) -> bytes | None:
    if base is None or not base.has(path.encode(errors="surrogateescape")):
        return None
    if base.find_folder(path) is not None:
        return None
    with base.open(path) as file:
        return file.read(_LARGEST + 1)
