"""Running a server: its socket, its workers, its end."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import tempfile
import threading
from contextlib import closing
from functools import partial
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING

from uvicorn import Config, Server
from uvicorn.supervisors.multiprocess import Multiprocess

from omprov.errors import Conflict, InvalidInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._settings import Settings

GRACE = 20
"""Seconds that requests at work have to end, once the server was told to stop."""

WORKER_START = 120
"""Seconds after which a worker that does not answer its parent is started anew; it may just be
starting, on a machine with much to do."""

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # of _metrics, which must not be imported before it is set


def serve(settings: Settings, on_ready: Callable[[str], None]) -> None:
    """Serve until a signal says to stop (SIGINT, SIGTERM); requests at work end first.

    Args:
        settings: what to serve, and to whom.
        on_ready: called once with the address, when the server answers.

    Raises:
        Conflict: the port is taken.
        NotFound: there is no such repository.
        NotAllowed: others could reach it, and nobody could sign in.
    """
    with bind(settings.host, settings.port) as listener:
        address = _address(listener, settings.host)
        if settings.workers > 1:
            _serve_by_many(settings, listener, partial(on_ready, address))
        else:
            _serve_alone(settings, listener, partial(on_ready, address))


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens there, with answers sent at once.

    Event loops turn off Nagle's algorithm only for sockets that say they are TCP's, and workers
    share this one: so it says so, and its connections inherit the option.

    Raises:
        Conflict: the port is taken.
        InvalidInput: there is no such address here.
    """
    bare = host.strip("[]")
    family = socket.AF_INET6 if ":" in bare else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.bind((bare, port))
        made.listen(2048)
    except OSError as error:
        made.close()
        raise _told(error, host, port) from error
    made.set_inheritable(True)
    return made


def _told(error: OSError, host: str, port: int) -> Exception:
    import errno

    if error.errno == errno.EADDRINUSE:
        return Conflict(f"port {port} of {host} is taken: take another one with --port, or 0")
    if error.errno in {errno.EACCES, errno.EPERM}:
        return Unavailable(f"port {port} may not be used: take one above 1023 with --port")
    return InvalidInput(f"{host}:{port} is no address of this machine: {error}")


def _address(listener: socket.socket, host: str) -> str:
    shown = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{shown}:{listener.getsockname()[1]}"


def _config(settings: Settings) -> Config:
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    from ._app import create_app
    from ._protocol import Protocol

    return Config(
        partial(create_app, settings),
        factory=True,
        loop="uvloop",
        http=Protocol,
        ws="none",
        lifespan="on",
        workers=settings.workers,
        access_log=False,
        log_level="error",
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=GRACE,
        timeout_worker_healthcheck=WORKER_START,
    )


def _serve_alone(settings: Settings, listener: socket.socket, tell: Callable[[], None]) -> None:
    config = _config(settings)
    config.load()  # an error of the repository is told before anything is served
    server = _TellingServer(config, tell)
    server.run([listener])


class _TellingServer(Server):
    """A server that says when it answers."""

    def __init__(self, config: Config, tell: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = tell

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell()


def _serve_by_many(settings: Settings, listener: socket.socket, tell: Callable[[], None]) -> None:
    from ._opening import needs_sign_in, open_repository

    with open_repository(settings) as repository:  # what is wrong is told once, and here
        needs_sign_in(settings, repository)
    folder = tempfile.mkdtemp(prefix="omprov-metrics-")
    os.environ[_FOLDER] = folder
    try:
        crew = Multiprocess(_config(settings), [listener])
        at = (listener.getsockname()[1], settings.host, tell)
        threading.Thread(target=_tell_when_ready, args=at, daemon=True).start()
        crew.run()
    finally:
        del os.environ[_FOLDER]
        shutil.rmtree(folder, ignore_errors=True)


def _tell_when_ready(port: int, host: str, tell: Callable[[], None]) -> None:
    """Wait until a worker answers; connections wait in line until then."""
    reached = "127.0.0.1" if host == "0.0.0.0" else "::1" if host == "::" else host  # noqa: S104 compared
    try:
        with closing(HTTPConnection(reached.strip("[]"), port, timeout=WORKER_START)) as one:
            one.request("GET", "/healthz")
            one.getresponse().read()
    except (OSError, HTTPException):
        return  # no worker came up: their errors say why
    tell()
