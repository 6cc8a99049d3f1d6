"""A repository on a server: the calls of `Repository`, over REST."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
    from ._connection import Connection
    from ._copying import RemoteEnd
    from ._credentials import Credentials
    from ._door import RemoteRepository
    from ._founding import make_local
    from ._places import check_url, folder_of, read_address

__all__ = [
    "Connection",
    "Credentials",
    "RemoteEnd",
    "RemoteRepository",
    "check_url",
    "folder_of",
    "make_local",
    "read_address",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "Connection": "._connection",
        "Credentials": "._credentials",
        "RemoteEnd": "._copying",
        "RemoteRepository": "._door",
        "check_url": "._places",
        "folder_of": "._places",
        "make_local": "._founding",
        "read_address": "._places",
    },
)
