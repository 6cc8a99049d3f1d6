"""Reads objects straight from remotes, block by block, through a cache."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING

from omprov.content._format._objects import is_intact
from omprov.content._format._pack import unpack
from omprov.content._recent import Recent
from omprov.errors import Damaged, NotFound, Unavailable

from ._block_cache import BLOCK
from ._remote import pack_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omprov.content._format._objects import Key
    from omprov.content._index import Location

    from ._block_cache import BlockCache
    from ._remote import Remote

_BLOCKS_KEPT = 16
"""In memory."""
_READ_AHEAD = 8
"""Who reads a pack in order gets up to so many blocks with one request."""
_LOCKS = 64


class RemoteReader:
    """Gives objects of remotes by key. Safe to use from several threads."""

    def __init__(self, remotes: Sequence[Remote], cache: BlockCache) -> None:
        self._remotes = remotes
        self._cache = cache
        self._blocks = Recent[tuple[str, int], bytes](_BLOCKS_KEPT)
        self._runs = Recent[str, tuple[int, int]](_LOCKS)
        self._locks = [Lock() for _ in range(_LOCKS)]

    def knows(self, key: Key) -> bool:
        """Say whether a remote is known to have an object; nothing is asked of any."""
        return any(remote.index.find(key) is not None for remote in self._remotes)

    def has(self, key: Key) -> bool:
        """Say whether a remote has an object.

        Raises:
            Unavailable: none is known to have it, and one cannot be asked.
        """
        if self.knows(key):
            return True
        failure = self._refresh()
        if self.knows(key):
            return True
        if failure is not None:
            raise failure
        return False

    def get(self, key: Key) -> bytes | None:
        """Return an object's bytes, verified, from the first remote that has them.

        Returns:
            ``None`` if no remote has it.

        Raises:
            Damaged: it is not what it was in any of them.
            Unavailable: those that have it, or may have it, cannot be reached.
        """
        if not self.has(key):
            return None
        failure: Unavailable | None = None
        for remote in self._remotes:
            location = remote.index.find(key)
            if location is None:
                continue
            try:
                return self._read(remote, key, location)
            except Unavailable as error:
                failure = failure or error
        if failure is not None:
            raise failure
        return None

    def _refresh(self) -> Unavailable | None:
        """Ask all remotes what they have; return why one of them could not be asked.

        One that has no store yet has nothing.
        """
        failure: Unavailable | None = None
        for remote in self._remotes:
            try:
                with suppress(NotFound):
                    remote.refresh(unless_fresh=True)
            except Unavailable as error:
                failure = failure or _needed("content that is not stored here", remote, error)
        return failure

    def _read(self, remote: Remote, key: Key, location: Location) -> bytes:
        name, packed = location
        numbers = range(packed.offset // BLOCK, (packed.offset + packed.stored - 1) // BLOCK + 1)
        for fresh in (False, True):
            try:
                blocks = [self._block(remote, name, number, fresh=fresh) for number in numbers]
            except NotFound as error:
                if not remote.exists():
                    raise _no_store(str(key), remote) from error
                remote.index.remove_packs([name])
                raise Damaged(f"{key} is missing: its pack {name} is gone from {remote.url}") from (
                    error
                )
            except Unavailable as error:
                raise _needed(str(key), remote, error) from error
            start = packed.offset - numbers.start * BLOCK
            stored = b"".join(blocks)[start : start + packed.stored]
            with suppress(Damaged):
                raw = unpack(packed, stored, name)
                if is_intact(key, raw):
                    return raw
        raise Damaged(f"{key} in pack {name} of {remote.url} is damaged; push its pack again")

    def _block(self, remote: Remote, pack: str, number: int, *, fresh: bool) -> bytes:
        place = (pack, number)
        with self._locks[hash(place) % _LOCKS]:
            if fresh:
                self._cache.drop(pack, number)
                return self._fetch(remote, pack, number, 1)
            block = self._blocks.find(place)
            if block is None:
                block = self._cache.read(pack, number)
                if block is not None:
                    self._blocks.add(place, block)
            if block is None:
                block = self._fetch(remote, pack, number, self._run(pack, number))
            return block

    def _run(self, pack: str, number: int) -> int:
        """Return how many blocks to ask for: more each time while somebody reads in order."""
        expected, length = self._runs.find(pack) or (-1, 1)
        length = min(length * 2, _READ_AHEAD) if number == expected else 1
        self._runs.add(pack, (number + length, length))
        return length

    def _fetch(self, remote: Remote, pack: str, number: int, count: int) -> bytes:
        data = remote.bucket.read_range(pack_name(pack), number * BLOCK, count * BLOCK)
        for place in range(count):
            block = data[place * BLOCK : (place + 1) * BLOCK]
            if block:
                self._blocks.add((pack, number + place), block)
                self._cache.write(pack, number + place, block)
        return data[:BLOCK]


def _no_store(what: str, remote: Remote) -> Unavailable:
    return Unavailable(
        f"{what} is needed from the remote {remote.name}, but no content store is at {remote.url} "
        "now; is the disk there?"
    )


def _needed(what: str, remote: Remote, error: Unavailable) -> Unavailable:
    kind = Damaged if isinstance(error, Damaged) else Unavailable
    return kind(f"{what} is needed from the remote {remote.name}: {error}")
