"""Delivering what a running command says, every few seconds, beside waiting for it."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from omprov.capture._runs._shipping import SHIP_SECONDS
from omprov.errors import OmprovError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from omprov.capture._runs._active import ActiveRun
    from omprov.repository import Repository


class LiveDelivery:
    """Use it in a ``with`` statement around the waiting; nothing else uses the repository then.

    Args:
        repository: where.
        run: which.
    """

    def __init__(self, repository: Repository, run: ActiveRun) -> None:
        self._repository, self._run = repository, run
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._deliver, name="omprov-live")

    def __enter__(self) -> Self:
        return self

    def start(self) -> None:
        """Begin, once there is something to deliver."""
        self._thread.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _deliver(self) -> None:
        while True:
            self._run.sync_journal()
            with suppress(OmprovError, OSError):  # the end is delivered as well, and says so
                self._run.delivery.deliver(self._repository)
            if self._stop.wait(SHIP_SECONDS):
                return
