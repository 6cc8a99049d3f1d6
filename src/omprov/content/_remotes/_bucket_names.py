"""What a bucket says of the things in it, and which names they may have."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from omprov.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from datetime import datetime

PART = 8 << 20
"""Larger things are moved in parts of so many bytes."""


class Blob(NamedTuple):
    """A thing in a bucket.

    Attributes:
        name: below the bucket's URL.
        size: in bytes.
        etag: the server's mark of these bytes, without quotes; ``""`` where it gives none.
        modified: when they came there.
    """

    name: str
    size: int
    etag: str
    modified: datetime


class OtherState(Unavailable):
    """What has the name has another ETag than the one that was asked for."""

    def __init__(self, name: str, etag: str) -> None:
        super().__init__(f"{name!r} has another ETag than {etag}: it was replaced")


def check_name(name: str) -> str:
    """Return a name that stays below the bucket's URL.

    Raises:
        InvalidInput: it does not.
    """
    if any(part in {"", ".", ".."} for part in name.split("/")) or "\0" in name:
        raise InvalidInput(f"{name!r} cannot be the name of a thing in a bucket")
    return name
