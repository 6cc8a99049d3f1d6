"""Lets threads wait until the change feed has grown."""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._database import Listener

_SURE = 15.0
"""Seconds between two looks where the database tells: a proxy may keep from us what it says."""


class Changes:
    """How far the change feed is known to reach, for all threads of a process that wait for more.

    What this process commits is known at once. Of other processes the database tells, where it
    can; else one of those who wait looks, on behalf of all.

    Args:
        poll: seconds between two looks where nobody tells.
        look: returns the position of the newest feed row.
        listen: begins to hear of other processes, where the database tells of them.
    """

    def __init__(
        self,
        poll: float,
        look: Callable[[], int],
        listen: Callable[[Callable[[int | None], None]], Listener | None],
    ) -> None:
        self._poll = poll
        self._look = look
        self._listen = listen
        self._known = 0
        self._looked: float | None = None
        self._news = threading.Condition()
        self._listener: Listener | None = None
        self._is_closed = False

    def tell(self, position: int | None) -> None:
        """Take note of a position; with ``None``, that somebody should look."""
        with self._news:
            if position is None:
                self._looked = None
            else:
                self._known = max(self._known, position)
            self._news.notify_all()

    def wait(self, after: int, timeout: float) -> int:
        """Return the position once it is above `after`, or as it is after `timeout` seconds."""
        deadline = monotonic() + timeout
        self._begin_to_listen()
        while True:
            self._look_if_due()
            with self._news:
                rest = deadline - monotonic()
                if self._known > after or rest <= 0 or self._is_closed:
                    return self._known
                if self._looked is not None:  # else there is news already
                    due = self._looked + self._interval() - monotonic()
                    self._news.wait(max(0.0, min(rest, due)))

    def close(self) -> None:
        """Let everybody go who waits."""
        with self._news:
            self._is_closed = True
            if self._listener is not None:
                self._listener.close()
                self._listener = None
            self._news.notify_all()

    def _begin_to_listen(self) -> None:
        with self._news:
            if self._listener is None and not self._is_closed:
                self._listener = self._listen(self.tell)

    def _interval(self) -> float:
        is_told = self._listener is not None and self._listener.is_connected()
        return _SURE if is_told else self._poll

    def _look_if_due(self) -> None:
        with self._news:
            now = monotonic()
            if self._looked is not None and now < self._looked + self._interval():
                return
            self._looked = now  # one looks; the others are told
        self.tell(self._look())
