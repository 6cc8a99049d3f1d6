"""One parcel: a pack in memory, made, and opened with distrust."""

from __future__ import annotations

from typing import TYPE_CHECKING

import zstandard
from blake3 import blake3

from omprov.content._format._objects import Key, ObjectType, is_intact
from omprov.content._format._pack import (
    HEADER,
    STORED,
    ZSTANDARD,
    Packed,
    encode_footer,
    encode_header,
    parse_footer,
    unpack,
)
from omprov.content._remotes._new_packs import StoredObject
from omprov.errors import Damaged, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PARCEL_SIZE = 16 << 20
"""A parcel is closed once it holds so many bytes …"""
PARCEL_RAW = 64 << 20
"""… or what decompresses to so many …"""
PARCEL_OBJECTS = 1 << 15
"""… or so many objects."""
PARCEL_LIMIT = PARCEL_SIZE + (16 << 20)
"""No parcel has more bytes: the last object, and the footer, come on top."""
_LARGEST = 8 << 20
"""Bytes of the largest object: of a chunk, or of a page."""


def make_parcels(objects: Iterable[StoredObject]) -> Iterator[tuple[str, bytes]]:
    """Give names and bytes of parcels with these objects, in their order."""
    held: list[StoredObject] = []
    size = raw = 0
    for one in objects:
        held.append(one)
        size += len(one.stored)
        raw += one.raw
        if size >= PARCEL_SIZE or raw >= PARCEL_RAW or len(held) >= PARCEL_OBJECTS:
            yield encode_parcel(held)
            held, size, raw = [], 0, 0
    if held:
        yield encode_parcel(held)


def encode_parcel(objects: Iterable[StoredObject]) -> tuple[str, bytes]:
    """Return name and bytes of one parcel."""
    parts, places, at = [encode_header()], [], HEADER.size
    for key, stored, raw, compression in objects:
        places.append(Packed(key.digest, at, len(stored), raw, key.type, compression))
        parts.append(stored)
        at += len(stored)
    parts.append(encode_footer(places, at))
    data = b"".join(parts)
    return blake3(data).hexdigest(), data


def open_parcel(data: bytes, name: str | None = None) -> Iterator[tuple[StoredObject, bytes]]:
    """Give the objects of a parcel, each with its bytes, verified, one after the other.

    Args:
        data: the parcel, from anybody.
        name: what its BLAKE3 has to be.

    Raises:
        InvalidInput: it is not what its name says, or is laid out as no parcel is.
        Damaged: an object is not what its digest says.
    """
    if name is not None and blake3(data).hexdigest() != name:
        raise InvalidInput(f"the pack is not what its name {name} says: send it again")
    label = name or "received"
    try:
        places = parse_footer(lambda at, length: data[at : at + length], len(data), label)
    except Damaged as error:
        raise InvalidInput(str(error)) from error
    _check_places(places)
    for packed in places:
        stored = data[packed.offset : packed.offset + packed.stored]
        if packed.compression == ZSTANDARD and _says_size(stored) != packed.raw:
            raise InvalidInput(f"{packed.key} in the pack does not have the size that it says")
        raw = unpack(packed, stored, label)
        if len(raw) != packed.raw or not is_intact(packed.key, raw):
            raise Damaged(f"{packed.key} in the pack is not what its digest says")
        yield StoredObject(packed.key, stored, packed.raw, packed.compression), raw


def _check_places(places: list[Packed]) -> None:
    """Refuse what would take much to open: nothing but objects, one after the other."""
    at, raw = HEADER.size, 0
    for packed in places:
        raw += packed.raw
        if packed.offset != at or packed.compression not in {STORED, ZSTANDARD}:
            raise InvalidInput("the pack has another layout than packs have")
        if packed.type not in list(ObjectType):
            raise InvalidInput(f"the pack holds an object of a type {packed.type} that is unknown")
        if packed.raw > _LARGEST or raw > PARCEL_RAW + _LARGEST:
            raise InvalidInput("the pack holds more than a pack that is sent may hold")
        at += packed.stored


def _says_size(stored: bytes) -> int:
    try:
        return zstandard.frame_content_size(stored)
    except zstandard.ZstdError:
        return -1


def show_key(key: Key) -> str:
    """Write an object's key as text: its type and its digest in hex."""
    return f"{key.type.name.lower()}:{key.digest.hex()}"


def parse_key(text: str) -> Key:
    """Read what `show_key` wrote.

    Raises:
        InvalidInput: it is no key.
    """
    kind, _, digits = text.partition(":")
    try:
        key = Key(ObjectType[kind.upper()], bytes.fromhex(digits))
    except (KeyError, ValueError) as error:
        raise InvalidInput(f"{text[:80]!r} is no object: write type:hex") from error
    if len(key.digest) != 32 or show_key(key) != text:
        raise InvalidInput(f"{text[:80]!r} is no object: write type:hex")
    return key
