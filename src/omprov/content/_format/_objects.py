"""The objects that packs hold, how each is named, and the bytes of the small ones.

Trees and chunk lists have modules of their own. Byte layouts are specified in `docs/format.md`.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from blake3 import blake3

from omprov.errors import Damaged


class ObjectType(IntEnum):
    """What an object is."""

    CHUNK = 1
    """Bytes of a file, or the target of a symlink; named by their BLAKE3."""
    TREE = 2
    """A folder, or one page of a large one; named by the BLAKE3 of its encoding."""
    FILE = 3
    """Says how the bytes of a file are found; named by the BLAKE3 of *the file*."""
    LIST = 4
    """The chunks of a file, or one page of them; named by the BLAKE3 of its encoding."""
    REFERENCE = 5
    """Where bytes lie that the store does not hold; named by the BLAKE3 of its encoding."""


class Key(NamedTuple):
    """How an object is found."""

    type: ObjectType
    digest: bytes

    def __str__(self) -> str:
        return f"{self.type.name.lower()} {self.digest.hex()}"


WHOLE = 256 << 10
"""A file under so many bytes is one chunk; no object stands behind an empty one."""

_FILE = struct.Struct("<4sB3xQ32s")
_FILE_MAGIC = b"OMF\x01"
_REFERENCE_MAGIC = b"OMR\x01"
_CHECK_LENGTH = 16
_HELD, _ELSEWHERE = b"", bytes(8)
"""What stands before the check of a file object: a list's is shorter than a reference's."""
HELD_LENGTH = _FILE.size + _CHECK_LENGTH
"""The bytes of a file object whose content the store holds; one with a reference has more."""


@dataclass(frozen=True, slots=True)
class FileObject:
    """How the bytes of a file are found.

    Attributes:
        target: a `LIST` (its chunks) or a `REFERENCE` (where the bytes lie).
        size: bytes of the file.
    """

    target: Key
    size: int


@dataclass(frozen=True, slots=True)
class Reference:
    """Where bytes lie that the store does not hold.

    Attributes:
        uri: the address of the file.
        size: bytes, as its owner said.
        etag: what its owner named this state, or empty.
    """

    uri: str
    size: int
    etag: str = ""


def content_key(size: int, digest: bytes) -> Key | None:
    """Return the object that a file's bytes are found by; ``None`` for a file without bytes."""
    if not size:
        return None
    return Key(ObjectType.CHUNK if size < WHOLE else ObjectType.FILE, digest)


def encode_file(file: FileObject, digest: bytes) -> bytes:
    """Encode the object of the file whose digest is `digest`."""
    head = _FILE.pack(_FILE_MAGIC, file.target.type, file.size, file.target.digest)
    head += _ELSEWHERE if file.target.type is ObjectType.REFERENCE else _HELD
    return head + _check(head, digest)


def decode_file(raw: bytes, digest: bytes) -> FileObject:
    """Read what `encode_file` gave.

    Raises:
        Damaged: these are not the bytes of that file's object.
    """
    head = raw[:-_CHECK_LENGTH]
    if len(head) < _FILE.size or raw[-_CHECK_LENGTH:] != _check(head, digest):
        raise Damaged(f"the object of file {digest.hex()} is not what was written")
    magic, type_number, size, target = _FILE.unpack_from(head)
    tails = {ObjectType.LIST: _HELD, ObjectType.REFERENCE: _ELSEWHERE}
    if magic != _FILE_MAGIC or tails.get(type_number) != head[_FILE.size :]:
        raise Damaged(f"the object of file {digest.hex()} has no layout that is known here")
    return FileObject(Key(ObjectType(type_number), target), size)


def encode_reference(reference: Reference) -> bytes:
    """Encode a reference: its magic, then canonical JSON."""
    data = {"etag": reference.etag, "size": reference.size, "uri": reference.uri}
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return _REFERENCE_MAGIC + text.encode()


def decode_reference(raw: bytes) -> Reference:
    """Read what `encode_reference` gave.

    Raises:
        Damaged: these are not the bytes of a reference.
    """
    try:
        data = json.loads(raw.removeprefix(_REFERENCE_MAGIC))
        return Reference(uri=data["uri"], size=data["size"], etag=data["etag"])
    except (ValueError, KeyError, TypeError) as error:
        raise Damaged("a reference in the store cannot be read") from error


def is_intact(key: Key, raw: bytes) -> bool:
    """Say whether `raw` is the object that `key` names."""
    if key.type is not ObjectType.FILE:
        return blake3(raw).digest() == key.digest
    try:
        decode_file(raw, key.digest)
    except Damaged:
        return False
    return True


def _check(head: bytes, digest: bytes) -> bytes:
    return blake3(head + digest).digest()[:_CHECK_LENGTH]
