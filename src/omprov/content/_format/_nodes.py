"""Tree nodes: the entries of one folder, or one page of them, and their canonical bytes."""

from __future__ import annotations

import operator
import struct
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from blake3 import blake3

from omprov.errors import Damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class EntryKind(IntEnum):
    """What an entry of a folder is."""

    PAGE = 0
    """No entry of the folder, but a page with more of them."""
    FILE = 1
    EXECUTABLE = 2
    SYMLINK = 3
    FOLDER = 4
    REFERENCE = 5
    """A file whose bytes the store does not hold and whose BLAKE3 nobody computed."""


class Entry(NamedTuple):
    """One entry of a folder, or one page.

    Attributes:
        name: the raw bytes of the file name; a folder's ends in ``/``, so that the order of names
            is the order of whole paths; a page's is the last name below it.
        kind: an `EntryKind`, kept as a number for speed.
        size: bytes: of the file, of the symlink's target, or the sum of all below.
        files: files and symlinks at or below: 1, or the sum.
        digest: BLAKE3 of the content, of the symlink's target, of the reference, or of the node.
    """

    name: bytes
    kind: int
    size: int
    files: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class TreeNode:
    """One folder or one page of it.

    Attributes:
        level: 0 where the entries are the folder's own; else they are pages of the level below.
        entries: by name, rising.
    """

    level: int
    entries: Sequence[Entry]


_make_entry: Callable[[Iterable[Any]], Entry] = partial(tuple.__new__, Entry)
"""What `Entry._make` does, twice as fast: comparing large folders decodes many pages."""
_HEAD = struct.Struct("<4sB3xII")
_MAGIC = b"OMT\x01"


def name_mark(entry: Entry) -> int:
    """Return the number that decides whether a page ends after this entry."""
    return int.from_bytes(blake3(entry.name).digest(8), "little")


def encode_node(level: int, entries: Sequence[Entry]) -> bytes:
    """Encode a node: a head, then one column after the other."""
    count = len(entries)
    names, kinds, sizes, files, digests = zip(*entries, strict=True) if entries else ((),) * 5
    joined = b"\0".join(names)
    return b"".join(
        (
            _HEAD.pack(_MAGIC, level, count, len(joined)),
            joined,
            bytes(kinds),
            struct.pack(f"<{count}Q", *sizes),
            struct.pack(f"<{count}Q", *files),
            *digests,
        )
    )


def decode_node(raw: bytes) -> TreeNode:
    """Read what `encode_node` gave.

    Raises:
        Damaged: these are not the bytes of a node, or they hold a name that no folder can have.
    """
    level, count, start = measure_node(raw)
    if not count:
        return TreeNode(level, ())
    joined = raw[_HEAD.size : start]
    names = joined.split(b"\0")
    kinds = raw[start : start + count]
    sizes = struct.unpack_from(f"<{count}Q", raw, start + count)
    files = struct.unpack_from(f"<{count}Q", raw, start + count * 9)
    digests = struct.unpack_from("32s" * count, raw, start + count * 17)
    _check_names(joined, names, kinds, level)
    return TreeNode(
        level,
        list(map(_make_entry, zip(names, kinds, sizes, files, digests, strict=True))),
    )


def measure_node(raw: bytes) -> tuple[int, int, int]:
    """Return a node's level, its number of entries, and where its columns begin.

    Raises:
        Damaged: these are not the bytes of a node.
    """
    try:
        magic, level, count, length = _HEAD.unpack_from(raw)
    except struct.error as error:
        raise Damaged("a tree in the store is too short") from error
    if magic != _MAGIC or len(raw) != _HEAD.size + length + count * 49:
        raise Damaged("a tree in the store has no layout that is known here")
    return level, count, _HEAD.size + length


def check_entry_name(name: bytes) -> bool:
    """Say whether a folder can have an entry of this name (a folder's without its slash)."""
    return name not in {b"", b".", b".."} and b"/" not in name and b"\0" not in name


def _check_names(joined: bytes, names: list[bytes], kinds: bytes, level: int) -> None:
    sound = (
        len(names) == len(kinds)
        and all(map(operator.lt, names, names[1:]))
        and names[0] not in {b"", b"/"}
        and not {b".", b"..", b"./", b"../"}.intersection(names)
    )
    folders = [name for name in names if b"/" in name] if b"/" in joined else []
    if level == 0:
        sound = sound and len(folders) == kinds.count(EntryKind.FOLDER) and 0 not in kinds
    else:
        sound = sound and not any(kinds)
    if not sound or any(name.index(b"/") != len(name) - 1 for name in folders):
        raise Damaged("a tree in the store holds names that no folder can have")
