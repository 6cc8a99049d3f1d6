"""What every request passes, whatever it wants: its id, its limits, its line in the log.

No route is known here. A body that is too large, or comes too slowly, ends here; so does an error
that nobody expected: the client gets an id, the log the traceback.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
import time
import traceback
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from omprov.errors import OmprovError

from . import _metrics
from ._origins import check_host, check_origin
from ._problems import failure, problem, problem_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ._settings import Settings

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LEAST_RATE = 16_384
"""Bytes a second that a body has to come with, in the long run."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""For answers that are no pages; pages bring a policy of their own."""


class Gate:
    """The outermost application: limits, headers, log and counts around another one."""

    def __init__(self, app: ASGIApp, settings: Settings, *, sign_in: bool) -> None:
        self.app = app
        self.settings = settings
        self.sign_in = sign_in

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        passage = _Passage(scope, headers, send)
        scope["omprov.request"] = passage.id
        _metrics.in_flight.inc()
        try:
            await self._pass(scope, headers, receive, passage)
        except Exception:  # noqa: BLE001 the client gets an id, the log the rest
            _log_error(passage)
            if not passage.status:
                await failure(passage.id)(scope, receive, passage.send)
        finally:
            _metrics.in_flight.dec()
            passage.end()

    async def _pass(
        self, scope: Scope, headers: Headers, receive: Receive, passage: _Passage
    ) -> None:
        limit = body_limit(scope["path"], self.settings)
        try:
            check_host(headers, self.settings, sign_in=self.sign_in)
            if not self.sign_in:
                check_origin(headers)
            _check_length(headers, limit)
        except OmprovError as error:
            await problem_of(error)(scope, receive, passage.send)
            return
        except HTTPException as error:
            await problem(error.status_code, error.detail, error="InvalidInput")(
                scope, receive, passage.send
            )
            return
        body = _Body(receive, limit, self.settings.idle_limit)
        await self.app(scope, body.receive, passage.send)


def body_limit(path: str, settings: Settings) -> int | None:
    """Return how many bytes a body may have; ``None`` where it is streamed to the disk."""
    if path.startswith("/api/v1/content/") or path == "/api/v1/copy/rows":
        return settings.pack_limit
    if "/mlflow-artifacts/artifacts" in path:
        return None
    return settings.json_limit


def _too_large(limit: int) -> HTTPException:
    return HTTPException(413, f"the body is larger than {limit} bytes: send it in several requests")


def _check_length(headers: Headers, limit: int | None) -> None:
    length = headers.get("content-length", "")
    if limit is not None and length.isdecimal() and int(length[:20]) > limit:
        raise _too_large(limit)


class _Body:
    """Receives a body that is limited in size and slowness."""

    def __init__(self, receive: Receive, limit: int | None, idle: float) -> None:
        self._receive = receive
        self._limit = limit
        self._idle = idle
        self._size = 0
        self._began = time.monotonic()
        self._whole = False

    async def receive(self) -> Message:
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout(self._idle):
                message = await self._receive()
        except TimeoutError as error:
            raise HTTPException(408, f"nothing came for {self._idle:g} s") from error
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._limit is not None and self._size > self._limit:
                raise _too_large(self._limit)
            allowed = 3 * self._idle + self._size / _LEAST_RATE
            if not self._whole and time.monotonic() - self._began > allowed:
                raise HTTPException(408, "the body comes too slowly")
        return message


class _Passage:
    """One request on its way: what the log and the counts will say of it."""

    def __init__(self, scope: Scope, headers: Headers, send: Send) -> None:
        given = headers.get("x-request-id", "")
        self.id = given if _ID.fullmatch(given) else os.urandom(8).hex()
        self.status = 0
        self._scope = scope
        self._send = send
        self._began = time.perf_counter()

    async def send(self, message: Message) -> None:
        """Send on, with the headers of every answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.id
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Content-Security-Policy", _POLICY)
            headers.setdefault("Cache-Control", "private, no-cache")
        await self._send(message)

    def end(self) -> None:
        """Count the request and log it."""
        took = time.perf_counter() - self._began
        route = getattr(self._scope.get("route"), "path", "none")
        method = self._scope["method"] if self._scope["method"] in _METHODS else "OTHER"
        _metrics.requests.labels(method, route, str(self.status)).inc()
        _metrics.seconds.labels(route).observe(took)
        client = self._scope.get("client") or ("-", 0)
        who = self._scope.get("omprov.who") or "-"
        path = self._scope.get("raw_path", b"").partition(b"?")[0]
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        sys.stderr.write(
            f"{moment} {self.id} {client[0]} {who} {method} {_printable(path)} "
            f"{self.status} {took * 1000:.1f}ms\n"
        )


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _printable(path: bytes) -> str:
    text = path.decode("ascii", "backslashreplace")
    return "".join(sign if sign.isprintable() and sign != " " else "?" for sign in text)[:500]


def _log_error(passage: _Passage) -> None:
    sys.stderr.write(f"{passage.id} failed:\n{traceback.format_exc()}")
