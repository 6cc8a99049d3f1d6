"""Clients that keep their connection: plain sockets, or a library would be what is measured.

Answers are read whole; each request's time is from its first byte out to the last byte in.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Refused(Exception):
    """A server that answers something else than success."""


class Client:
    """One connection to a server on this machine."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self._port = port
        self._more = f"Authorization: Bearer {token}\r\n" if token else ""

    async def __aenter__(self) -> Self:
        self._in, self._out = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._out.close()
        await self._out.wait_closed()

    async def ask(
        self, method: str, path: str, body: Any = None, kind: str = "application/json"
    ) -> bytes:
        """Send a request; return the body of its answer."""
        data = (
            b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        )
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n{self._more}"
            f"Content-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        self._out.write(head.encode() + data)
        await self._out.drain()
        status, answer = await self._answer()
        if status >= 300:
            raise Refused(f"{method} {path}: {status} {answer[:300]!r}")
        return answer

    async def _answer(self) -> tuple[int, bytes]:
        head = (await self._in.readuntil(b"\r\n\r\n")).split(b"\r\n")
        status = int(head[0].split(b" ")[1])
        fields = dict(line.lower().split(b":", 1) for line in head[1:] if b":" in line)
        if b"content-length" in fields:
            return status, await self._in.readexactly(int(fields[b"content-length"]))
        if fields.get(b"transfer-encoding", b"").strip() != b"chunked":
            return status, b""
        parts = []
        while size := int((await self._in.readuntil(b"\r\n")).split(b";")[0], 16):
            parts.append(await self._in.readexactly(size))
            await self._in.readexactly(2)
        await self._in.readuntil(b"\r\n")
        return status, b"".join(parts)


@dataclass
class Times:
    """What requests took, in seconds, and how long all of them did."""

    each: list[float] = field(default_factory=list)
    whole: float = 0.0

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.each) / self.whole

    def at(self, share: float) -> float:
        """Return a percentile, in milliseconds."""
        ordered = sorted(self.each)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1e3


def timed(
    port: int,
    clients: int,
    count: int,
    request: Callable[[Client, int, int], Awaitable[object]],
    *,
    token: str | None = None,
    seconds: float = 60.0,
) -> Times:
    """Let so many clients send so many requests in all; stop after so many seconds.

    Args:
        port: where the server listens.
        clients: how many connections.
        count: how many requests.
        request: sends one; it is given the connection, the client's number and the request's.
        token: to sign in with.
        seconds: at most.
    """
    times = Times()

    async def work(number: int, client: Client) -> None:
        for turn in range(number, count, clients):
            begin = time.perf_counter()
            if begin - start > seconds:
                return
            await request(client, number, turn)
            times.each.append(time.perf_counter() - begin)

    async def run() -> None:
        nonlocal start
        connections = [await Client(port, token).__aenter__() for _ in range(clients)]
        start = time.perf_counter()
        try:
            await asyncio.gather(*(work(at, one) for at, one in enumerate(connections)))
        finally:
            times.whole = time.perf_counter() - start
            for one in connections:
                await one.__aexit__()

    start = 0.0
    asyncio.run(run())
    return times
