"""Chunk lists: which chunks a file is made of, in pages, and their canonical bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from omprov.errors import Damaged

if TYPE_CHECKING:
    from collections.abc import Sequence


class Piece(NamedTuple):
    """A chunk, or a page of chunks.

    Attributes:
        length: bytes of the file that it stands for.
        digest: of the chunk, or of the page's encoding.
        mark: the first eight bytes of the (last) chunk's digest; not stored.
    """

    length: int
    digest: bytes
    mark: int


@dataclass(frozen=True, slots=True)
class ChunkList:
    """One page of a file's pieces: chunks on level 0, else pages of the level below."""

    level: int
    pieces: Sequence[Piece]


_HEAD = struct.Struct("<4sB3xI4x")
_MAGIC = b"OML\x01"


def chunk_piece(length: int, digest: bytes) -> Piece:
    """Return the piece that stands for a chunk."""
    return Piece(length, digest, int.from_bytes(digest[:8], "little"))


def piece_mark(piece: Piece) -> int:
    """Return the number that decides whether a page ends after this piece."""
    return piece.mark


def encode_list(level: int, pieces: Sequence[Piece]) -> bytes:
    """Encode a page: a head, the lengths, the digests."""
    return b"".join(
        (
            _HEAD.pack(_MAGIC, level, len(pieces)),
            struct.pack(f"<{len(pieces)}Q", *(piece.length for piece in pieces)),
            *(piece.digest for piece in pieces),
        )
    )


def decode_list(raw: bytes) -> ChunkList:
    """Read what `encode_list` gave.

    Raises:
        Damaged: these are not the bytes of a chunk list.
    """
    level, count = measure_list(raw)
    lengths = struct.unpack_from(f"<{count}Q", raw, _HEAD.size)
    digests = struct.unpack_from("32s" * count, raw, _HEAD.size + count * 8)
    return ChunkList(level, [chunk_piece(*pair) for pair in zip(lengths, digests, strict=True)])


def measure_list(raw: bytes) -> tuple[int, int]:
    """Return a page's level and its number of pieces.

    Raises:
        Damaged: these are not the bytes of a chunk list.
    """
    try:
        magic, level, count = _HEAD.unpack_from(raw)
    except struct.error as error:
        raise Damaged("a chunk list in the store is too short") from error
    if magic != _MAGIC or len(raw) != _HEAD.size + count * 40:
        raise Damaged("a chunk list in the store has no layout that is known here")
    return level, count
