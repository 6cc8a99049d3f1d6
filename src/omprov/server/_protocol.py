"""How bytes of a connection become requests: uvicorn's way, with a limit for slow heads.

A connection whose first request, or whose next one that has begun, does not get past its head in
time is closed. When the server stops, the streams of events are told, so that they end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

HEAD_LIMIT = 15.0
"""Seconds that the head of a request may take."""

_AT_STOP: list[Callable[[], None]] = []


def at_stop(call: Callable[[], None]) -> None:
    """Have something called when the server of this process begins to stop."""
    _AT_STOP.append(call)


class Protocol(HttpToolsProtocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, and give the first head its time."""
        super().connection_made(transport)
        self._head: asyncio.TimerHandle | None = None
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes; the first ones of a head start its time."""
        if self._head is None and (self.cycle is None or self.cycle.response_complete):
            self._expect_head()
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Go on: the head is whole."""
        self._forget_head()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._forget_head()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """End when the request at work has ended, and tell those that would not end."""
        while _AT_STOP:
            _AT_STOP.pop()()
        super().shutdown()

    def _expect_head(self) -> None:
        self._head = self.loop.call_later(HEAD_LIMIT, self._give_up)

    def _forget_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _give_up(self) -> None:
        self._head = None
        transport: Any = self.transport
        if not transport.is_closing():
            transport.close()
