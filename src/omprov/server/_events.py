"""The change feed as server-sent events, each client seeing what it may.

One task of a worker looks for changes, however many clients follow.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import anyio.to_thread

from omprov.errors import OmprovError, Unavailable

from . import _metrics
from ._encoding import to_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from omprov.repository import Happened, Repository

    from ._access import Access

LOOK = 2.0
"""Seconds that one wait for a change lasts; a server that stops may wait for its end."""
AGAIN = 1.0
"""Seconds until the next try where the catalog cannot be asked."""
HEARTBEAT = 15.0
"""Seconds after which a silent stream says that it lives, and asks anew who may see it."""
MOST_STREAMS = 500
"""Clients of one worker that may follow at once."""


class Follower:
    """Tells the streams of one worker that something changed."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._position = -1
        self._changed = asyncio.Event()
        self._streams = 0
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def stop(self) -> None:
        """Let the streams end."""
        self._closed = True
        self._changed.set()

    async def close(self) -> None:
        """End the streams, and look out no more."""
        self.stop()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def wait(self, seconds: float) -> None:
        """Return when something may have changed, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    async def stream(self, access_of: Callable[[], Access], after: int) -> AsyncIterator[bytes]:
        """Give the changes above a position, as they come.

        Args:
            access_of: gives the access of the request; asked again and again, since roles change.
            after: a position.
        """
        self._streams += 1
        _metrics.streams.inc()
        try:
            self._look_out()
            yield b": omprov\n\n"
            while not self._closed:
                try:
                    rows, reached = await anyio.to_thread.run_sync(_next, access_of(), after)
                except OmprovError:  # signed out, revoked, or the catalog is away: come again
                    return
                if rows:
                    yield b"".join(map(_event, rows))
                elif reached == after:
                    changed = self._changed
                    if self._position <= after:
                        await self.wait(HEARTBEAT)
                    if self._changed is changed and not changed.is_set():
                        yield b": still here\n\n"
                after = reached
        finally:
            self._streams -= 1
            _metrics.streams.dec()

    def check_room(self) -> None:
        """Raise `Unavailable` where too many follow already."""
        if self._streams >= MOST_STREAMS:
            raise Unavailable("too many clients follow the change feed: try again later")

    def _look_out(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        alone = anyio.CapacityLimiter(1)  # requests need the other threads
        wait = self._repository.wait_for_change
        while self._streams and not self._closed:
            try:
                position = await anyio.to_thread.run_sync(
                    wait, max(self._position, 0), LOOK, limiter=alone
                )
            except OmprovError:
                await asyncio.sleep(AGAIN)
                continue
            if position != self._position:
                self._position = position
                changed, self._changed = self._changed, asyncio.Event()
                changed.set()


def _next(access: Access, after: int) -> tuple[list[Happened], int]:
    """Return the next changes that somebody sees, and how far that looked."""
    rows = access.repository.list_changes(after)
    seen = [row for row in rows if _sees(access, row)]
    return seen, rows[-1].position if rows else after


def _sees(access: Access, row: Happened) -> bool:
    return access.sees_all or (row.project is not None and access.sees(row.project))


def _event(row: Happened) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (
        row.position,
        row.kind.value.encode(),
        to_json(row),
    )
