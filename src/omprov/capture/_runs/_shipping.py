"""The thread that brings what runs say to the repository, beside the training."""

from __future__ import annotations

import subprocess
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from omprov.errors import OmprovError, Unavailable

from ._warnings import warn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from omprov.repository import Repository

    from ._delivery import Delivery

SYNC_SECONDS = 1.0
"""How often journals are brought to the disk: what the death of the machine may cost."""
SHIP_SECONDS = 2.0
"""How often what is new is delivered."""
_PATIENCE = 30.0
"""The longest wait after a repository that took nothing."""


class Shipped(Protocol):
    """A run whose journal is shipped."""

    @property
    def is_finished(self) -> bool:
        """Whether it has said all that it says."""
        ...

    @property
    def delivery(self) -> Delivery:
        """What delivers its journals."""
        ...

    def sync_journal(self) -> None:
        """Bring the journal to the disk."""
        ...

    def capture_facts(self, repository: Repository) -> None:
        """Add to the journal what is captured beside the training; once."""
        ...

    def close_journal(self) -> None:
        """Let go of the journal of a finished run."""
        ...

    def end_with_process(self) -> None:
        """Finish, for the process ends."""
        ...


class Shipper:
    """Ships the runs of one process to one repository. Safe to use from several threads.

    Its thread is started with the first run. The process does not end before what its runs said was
    delivered, or the repository has refused it once; then `omprov sync` delivers it.

    Args:
        open_repository: opens the repository; called in the thread.
        deliver_command: delivers what is in the journals, and prints on standard error what it
            could not; for the end of a process that never opened the repository.
        delivered: called in the thread after a delivery; what it raises is nobody's business.
    """

    def __init__(
        self,
        open_repository: Callable[[], Repository],
        deliver_command: Sequence[str] = (),
        delivered: Callable[[Repository], object] | None = None,
    ) -> None:
        self._open_repository = open_repository
        self._deliver_command = deliver_command
        self._delivered = delivered
        self._repository: Repository | None = None
        self._changed = threading.Condition()
        self._runs: list[Shipped] = []
        self._tried: set[int] = set()
        self._thread: threading.Thread | None = None
        self._is_leaving = False
        self._is_urgent = False
        self._said: set[str] = set()

    def add(self, run: Shipped) -> None:
        """Ship a run until it is finished."""
        with self._changed:
            self._runs.append(run)
            if self._thread is None:
                self._thread = threading.Thread(target=self._ship, name="omprov-shipper")
                self._thread.start()
                threading.Thread(target=self._watch, name="omprov-exit").start()

    def hurry(self) -> None:
        """Deliver now, for a run has finished."""
        with self._changed:
            self._is_urgent = True
            self._changed.notify_all()

    def settle(self, run: Shipped | None = None) -> None:
        """Wait until the finished runs were delivered, or the repository has refused them.

        Args:
            run: wait for this one only.
        """
        with self._changed:
            self._is_urgent = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._pending(run))

    def _pending(self, run: Shipped | None) -> bool:
        thread = self._thread
        return (
            thread is not None
            and thread.is_alive()
            and any(
                one.is_finished and id(one) not in self._tried
                for one in self._runs
                if run is None or one is run
            )
        )

    def _watch(self) -> None:
        threading.main_thread().join()
        with self._changed:
            runs = list(self._runs)
        for run in runs:
            with suppress(Exception):
                run.end_with_process()
        with self._changed:
            self._is_leaving = True
            self._changed.notify_all()

    def _ship(self) -> None:
        due = time.monotonic() + SYNC_SECONDS
        patience = 0.0
        is_leaving = False
        try:
            while not is_leaving:
                with self._changed:
                    if not (self._is_urgent or self._is_leaving):
                        self._changed.wait(SYNC_SECONDS if self._runs else None)
                    is_urgent, self._is_urgent = self._is_urgent, False
                    is_leaving = self._is_leaving
                    runs = list(self._runs)
                for run in runs:
                    run.sync_journal()
                if runs and is_leaving and self._repository is None:
                    self._deliver_elsewhere(runs)
                elif runs and (is_urgent or is_leaving or time.monotonic() >= due):
                    is_well = self._try_to_deliver(runs)
                    patience = 0.0 if is_well else min(max(SHIP_SECONDS, patience * 2), _PATIENCE)
                    due = time.monotonic() + max(SHIP_SECONDS, patience)
                    if not is_well and is_leaving and self._runs:
                        self._deliver_elsewhere(list(self._runs))
                if self._repository is not None and not self._runs:
                    self._close()
        finally:
            for run in self._runs:
                with suppress(Exception):
                    run.close_journal()
            with self._changed:
                self._changed.notify_all()
            self._close()

    def _close(self) -> None:
        repository, self._repository = self._repository, None
        if repository is not None:
            repository.close()

    def _try_to_deliver(self, runs: list[Shipped]) -> bool:
        finished = {id(run) for run in runs if run.is_finished}
        trouble: Exception | None = None
        try:
            if self._repository is None:
                self._repository = self._open_repository()
            self._deliver(self._repository, runs)
        except Exception as error:  # noqa: BLE001 whatever it is, training goes on
            trouble = error
        if trouble is not None and not self._is_leaving:
            self._say(trouble)
        with self._changed:
            self._tried |= finished
            self._changed.notify_all()
        if self._repository is not None and self._delivered is not None and trouble is None:
            with suppress(Exception):
                self._delivered(self._repository)
        return trouble is None

    def _deliver_elsewhere(self, runs: list[Shipped]) -> None:
        """Deliver in another process: this one ends, and starts and loads nothing any more."""
        for run in runs:
            run.close_journal()
        failure = ""
        if self._deliver_command:
            done = subprocess.run(
                self._deliver_command, check=False, capture_output=True, text=True, errors="replace"
            )
            failure = done.stderr.strip() or ("" if done.returncode == 0 else "it failed")
        if failure:
            self._say(Unavailable(failure))

    def _deliver(self, repository: Repository, runs: list[Shipped]) -> None:
        trouble: Exception | None = None
        for run in runs:
            try:
                run.capture_facts(repository)
                is_finished = run.is_finished
                if is_finished:
                    run.close_journal()
                if run.delivery.deliver(repository) or (is_finished and run.delivery.is_ended):
                    with self._changed:
                        self._runs.remove(run)
            except Exception as error:  # noqa: BLE001 the others are delivered all the same
                trouble = error
        if trouble is not None:
            raise trouble

    def _say(self, error: Exception) -> None:
        text = str(error) or type(error).__name__
        if text not in self._said:
            self._said.add(text)
            warn(
                f"the run is kept in its journal, but not delivered ({text}); training goes on, "
                "and `omprov sync` delivers it later",
                None if isinstance(error, OmprovError | OSError) else error,
            )
