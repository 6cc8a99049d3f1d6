"""Ids as types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NewType

import uuid_utils

from omprov.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime

ProjectId = NewType("ProjectId", str)
AssetId = NewType("AssetId", str)
VersionId = NewType("VersionId", str)
RunId = NewType("RunId", str)
UserId = NewType("UserId", str)
TokenId = NewType("TokenId", str)

VersionKey = NewType("VersionKey", int)
"""The small integer by which one repository's catalog and graphs know a version.

Keys rise in the order of creation. They mean nothing outside their repository: a copy keeps ids,
not keys.
"""

Digest = NewType("Digest", str)
"""BLAKE3-256 as 64 lower-case hex digits, without the ``b3:`` that shows it to people."""

_HEX = re.compile(r"[0-9a-f]{64}")


def new_id(now: datetime) -> str:
    """Make a UUIDv7 (RFC 9562): sortable by time, random within the millisecond.

    Args:
        now: the time to put in, with a time zone.
    """
    microseconds = round(now.timestamp() * 1_000_000)
    return str(uuid_utils.uuid7(nanoseconds=microseconds * 1_000))


def show_digest(digest: Digest, length: int = 64) -> str:
    """Write a digest for people: ``b3:`` and its first `length` hex digits."""
    return f"b3:{digest[:length]}"


def parse_digest(text: str) -> Digest:
    """Read a whole digest, with or without ``b3:``.

    Raises:
        InvalidInput: the text is not 64 hex digits.
    """
    digits = text.removeprefix("b3:").lower()
    if not _HEX.fullmatch(digits):
        raise InvalidInput(f"{text!r} is not a digest: it takes 64 hex digits")
    return Digest(digits)
