"""Objects that are fetched when they are read, some ahead, and kept in memory for a while."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from itertools import islice
from threading import RLock
from typing import TYPE_CHECKING

from omprov.content._format._lists import decode_list
from omprov.content._format._nodes import EntryKind, decode_node
from omprov.content._format._objects import Key, ObjectType
from omprov.errors import NotFound

from ._bringing import fetched

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ._bringing import Fetch

_KEPT = 64 << 20
"""Bytes in memory."""
_MOST_AHEAD = 64
_ORDER_KEPT = 1 << 20
"""So many objects are known that may be asked for soon."""


class LazyObjects:
    """The objects of one tree elsewhere. Safe to use from several threads.

    Who reads one folder after the other, or one chunk after the other, gets more at once each time.

    Args:
        fetch: gives a parcel with objects of the tree.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._lock = RLock()
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self._size = 0
        self._following: dict[Key, Key | None] = {}
        self._last: Key | None = None
        self._ahead = 1

    def knows(self, key: Key) -> bool:
        """Say that asking is worth it."""
        del key
        return True

    def has(self, key: Key) -> bool:
        """Say whether the tree has an object."""
        return self.get(key) is not None

    def get(self, key: Key) -> bytes | None:
        """Return an object's bytes, verified; ``None`` if the tree does not have it."""
        with self._lock:
            found = self._kept.get(key)
            if found is None:
                self._fetch_from(key)
                found = self._kept.get(key)
            self._last = key
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def _fetch_from(self, key: Key) -> None:
        in_turn = key.type is not ObjectType.CHUNK or (
            self._last is not None and self._following.get(self._last) == key
        )
        self._ahead = min(self._ahead * 2, _MOST_AHEAD) if in_turn else 1
        wanted = [one for one in islice(self._from(key), self._ahead) if one not in self._kept]
        with suppress(NotFound):
            for one, raw in fetched(wanted, self._fetch):
                self._keep(one, raw)
                self._note_order(one, raw)

    def _from(self, key: Key) -> Iterable[Key]:
        following: Key | None = key
        while following is not None:
            yield following
            following = self._following.get(following)

    def _keep(self, key: Key, raw: bytes) -> None:
        self._kept[key] = raw
        self._size += len(raw)
        while self._size > _KEPT and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._size -= len(gone)

    def _note_order(self, key: Key, raw: bytes) -> None:
        """Take it that what an object names is read in its order."""
        if key.type is ObjectType.TREE:
            entries = decode_node(raw).entries
            kinds = {EntryKind.FOLDER, EntryKind.PAGE}
            below = [Key(ObjectType.TREE, one.digest) for one in entries if one.kind in kinds]
        elif key.type is ObjectType.LIST:
            page = decode_list(raw)
            kind = ObjectType.LIST if page.level else ObjectType.CHUNK
            below = [Key(kind, piece.digest) for piece in page.pieces]
        else:
            return
        if len(self._following) > _ORDER_KEPT:
            self._following.clear()
        behind = self._following.get(key)
        for one, following in zip(below, [*below, behind][1:], strict=True):
            if one not in self._following:
                self._following[one] = following
