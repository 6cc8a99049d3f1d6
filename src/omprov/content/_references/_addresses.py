"""Addresses of files that the store does not hold: one spelling for each place.

``file:///…`` or ``scheme://bucket/key``; every byte of a path or key that is no unreserved
character of RFC 3986 is percent-encoded, so any name has an address, and no address holds
credentials or a query.
"""

from __future__ import annotations

import os
from urllib.parse import quote, unquote, unquote_to_bytes

_FILE = "file://"
_KEPT = "/"


def absolute_path(path: bytes) -> bytes:
    """Return the absolute path of what is at `path`, without ``.`` and ``..``.

    Symlinks stay as they are called, for they are often the stable name of a mounted disk.
    """
    if b".." in path.split(b"/"):
        path = os.path.realpath(path)
    return os.path.abspath(path)  # noqa: PTH100 - pathlib takes no bytes


def file_address(path: bytes) -> str:
    """Return the address of a file or folder on disk.

    Args:
        path: absolute.
    """
    return _FILE + quote(path, safe=_KEPT)


def object_address(bucket: str, key: str) -> str:
    """Return the address of an object.

    Args:
        bucket: ``scheme://name``.
        key: its whole name in the bucket.
    """
    return f"{bucket}/{quote(key, safe=_KEPT)}"


def path_at(address: str) -> bytes | None:
    """Return the path on disk; ``None`` where the address is an object's."""
    return unquote_to_bytes(address[len(_FILE) :]) if address.startswith(_FILE) else None


def object_at(address: str) -> tuple[str, str]:
    """Return bucket and key of an object's address."""
    scheme, _, rest = address.partition("://")
    bucket, _, key = rest.partition("/")
    return f"{scheme}://{bucket}", unquote(key)
