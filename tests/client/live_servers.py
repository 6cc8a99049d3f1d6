"""A real server on loopback, in threads of this process, on a repository in a folder."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import uvicorn

from omprov.repository import Repository
from omprov.server import Settings, create_app
from omprov.server._access import Reception


class LiveServer:
    """Serves until it is stopped; it can be started again, at the same address."""

    def __init__(self, folder, *, clock, who="ada") -> None:
        self.settings = Settings(folder=folder, who=who, clock=clock)
        listener = self._listen(0)
        self.port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._start(listener)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    def start(self) -> None:
        self._start(self._listen(self.port))

    @staticmethod
    def _listen(port):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        return listener

    @contextmanager
    def turned_to(self, folder, *, clock, who="ada"):
        """Serve another repository meanwhile: starting anew for each test takes long."""
        own, state = self.settings, self._app.app.state
        before = state.reception
        settings = Settings(folder=folder, who=who, clock=clock)
        with Repository.create(folder, who=who, clock=clock) as repository:
            self.settings, state.reception = settings, Reception(repository, settings, False)
            yield self
            self.settings, state.reception = own, before

    def _start(self, listener) -> None:
        app = self._app = create_app(self.settings)
        config = uvicorn.Config(
            app, lifespan="on", log_level="error", timeout_graceful_shutdown=5, access_log=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listener]})
        self._thread.start()


@contextmanager
def serving(folder, *, clock, who="ada"):
    """Make a repository in a folder and serve it."""
    Repository.create(folder, who=who, clock=clock).close()
    server = LiveServer(folder, clock=clock, who=who)
    try:
        yield server
    finally:
        server.stop()


def ticking_clock():
    """Make a clock that is a second later each time."""
    now = [datetime(2026, 1, 1, tzinfo=UTC)]

    def tick():
        now[0] += timedelta(seconds=1)
        return now[0]

    return tick
