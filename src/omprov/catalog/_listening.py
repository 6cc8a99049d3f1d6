"""Hears through PostgreSQL's ``LISTEN`` that the change feed grew, on a connection of its own."""

from __future__ import annotations

import os
import select
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from omprov.errors import OmprovError

from ._transaction import CHANNEL

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Engine

_AGAIN = 1.0
"""Seconds before a lost connection is tried again."""
_PROBE = 30.0
"""Seconds of silence after which the connection is asked whether it is alive."""


class FeedListener:
    """A thread that listens. A lost connection is made again, and then what was missed is told.

    Args:
        engine: makes the connection.
        tell: called with each new position; with ``None`` where some may have been missed.
    """

    def __init__(self, engine: Engine, tell: Callable[[int | None], None]) -> None:
        self._engine = engine
        self._tell = tell
        self._connected = False
        self._wakes, self._waker = os.pipe()
        threading.Thread(target=self._run, name="omprov-feed", daemon=True).start()

    def is_connected(self) -> bool:
        return self._connected

    def close(self) -> None:
        with suppress(OSError):
            os.write(self._waker, b"x")

    def _run(self) -> None:
        try:
            while True:
                with suppress(psycopg.Error, SQLAlchemyError, OmprovError):
                    if self._listen():
                        return
                self._connected = False
                if select.select([self._wakes], [], [], _AGAIN)[0]:
                    return
        finally:
            self._connected = False
            os.close(self._wakes)
            os.close(self._waker)

    def _listen(self) -> bool:
        """Tell what comes; return True when this was closed."""
        with closing(_connect(self._engine)) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            schema = connection.execute("SELECT current_schema()").fetchone()
            self._connected = True
            self._tell(None)
            while True:
                readable, _, _ = select.select([connection.fileno(), self._wakes], [], [], _PROBE)
                if self._wakes in readable:
                    return True
                if not readable:
                    connection.execute("SELECT 1")
                for notice in connection.notifies(timeout=0):
                    position, _, changed = notice.payload.partition(" ")
                    if schema == (changed,):
                        self._tell(int(position))


def _connect(engine: Engine) -> psycopg.Connection:
    """Take a connection out of the pool for good."""
    pooled = engine.raw_connection()
    connection = pooled.driver_connection
    assert isinstance(connection, psycopg.Connection)
    pooled.detach()
    connection.autocommit = True
    return connection
