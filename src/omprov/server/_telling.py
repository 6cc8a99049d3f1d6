"""Telling another system of what was recorded, beside the requests of a worker."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

from omprov.errors import OmprovError

if TYPE_CHECKING:
    from collections.abc import Callable

    from omprov.repository import Repository

LOOK = 2.0
"""Seconds that one wait for a change lasts; a server that stops may wait for its end."""
AGAIN = 60.0
"""Seconds until a receiver that was away is asked again, though nothing changed."""


class Teller:
    """A thread that tells of what is new whenever something changed.

    Args:
        repository: of what.
        tell: tells all that is new; returns why not, or an empty text. Called by this thread alone.
    """

    def __init__(self, repository: Repository, tell: Callable[[Repository], str]) -> None:
        self._repository = repository
        self._tell = tell
        self._stopped = threading.Event()
        self._said = ""
        self._thread = threading.Thread(target=self._run, name="omprov-telling", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, once what is being told is told."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        position, silent = -1, 0.0
        while not self._stopped.is_set():
            try:
                reached = self._repository.wait_for_change(max(position, 0), LOOK)
            except OmprovError:
                self._stopped.wait(LOOK)
                continue
            silent += LOOK
            if reached == position and silent < AGAIN:
                continue
            position, silent = reached, 0.0
            self._say(self._tell(self._repository))

    def _say(self, problem: str) -> None:
        if problem and problem != self._said:
            sys.stderr.write(f"a receiver of runs takes nothing now: {problem}\n")
        self._said = problem
