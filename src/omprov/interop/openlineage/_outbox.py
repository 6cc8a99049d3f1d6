"""Tells a receiver of our runs: at least once, in their order, and never in a run's way.

The change feed of the catalog is the outbox: a small file says up to which change the receiver was
told. What cannot be told now stays to be told; nothing is kept twice.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3

from omprov.catalog import ChangeKind
from omprov.errors import InvalidInput

from ._emitting import emission_of, events_of
from ._known import SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from omprov.repository import Happened, Repository

FOLDER = "openlineage"
"""In the repository's own folder: how far each receiver was told, and what it refused."""
DEFAULT_ENDPOINT = "api/v1/lineage"
PAUSE = 60.0
"""Seconds for which a receiver that was away is left alone, by those who do not insist."""
_AT_ONCE = 200
"""Changes that are looked at together; so many may be told again after a crash."""
_CONNECT_SECONDS = 1.0
_READ_SECONDS = 3.0
_AGAIN = frozenset({401, 403, 404, 405, 407, 408, 421, 425, 429})
"""Refusals that are no fault of the event: who may write, or where, can be put right."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where events go.

    Attributes:
        url: of the server (``/api/v1/lineage`` is added), or of the very endpoint.
        key: sent as a bearer token.
        namespace: what runs and assets of this repository are called by; a project's name is
            added.
    """

    url: str
    key: str | None
    namespace: str

    @property
    def endpoint(self) -> str:
        """The address that takes events.

        Raises:
            InvalidInput: `url` is no address of a server.
        """
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise InvalidInput(f"OMPROV_OPENLINEAGE_URL={self.url!r} is no http address")
        base = self.url.rstrip("/")
        return base if parts.path.rstrip("/").endswith("/lineage") else f"{base}/{DEFAULT_ENDPOINT}"


@dataclass(frozen=True, slots=True)
class Emitted:
    """What came of telling.

    Attributes:
        sent: events that the receiver took.
        refused: events that it will never take; they are kept in a file beside.
        problem: why it took no more; empty where it was told everything.
    """

    sent: int = 0
    refused: int = 0
    problem: str = ""


class Emitter:
    """Tells one receiver of the runs of repositories. Safe to use from several threads.

    Processes take turns; one that finds another at it leaves it to that one.

    Args:
        receiver: where to.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._endpoint = receiver.endpoint
        timeout = urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
        self._pool = urllib3.PoolManager(
            timeout=timeout,
            retries=False,
            headers={"Content-Type": "application/json", "User-Agent": "omprov"}
            | ({"Authorization": f"Bearer {receiver.key}"} if receiver.key else {}),
        )

    def emit(
        self, repository: Repository, *, seconds: float | None = None, insist: bool = False
    ) -> Emitted:
        """Tell what the receiver does not know yet, the oldest first.

        Events that were recorded from a receiver (OpenLineage's own, or another repository's) are
        not told again.

        Args:
            repository: whose runs.
            seconds: stop after so many; what is left is told next time.
            insist: ask a receiver that was away just now.
        """
        folder = repository.path / FOLDER
        name = hashlib.sha256(self._endpoint.encode()).hexdigest()[:16]
        with _alone(folder, name) as is_alone:
            if not is_alone:
                return Emitted()
            place = _Place(folder / f"{name}.json", self._endpoint)
            if place.is_paused and not insist:
                return Emitted(problem=place.problem)
            deadline = None if seconds is None else time.monotonic() + seconds
            try:
                return self._emit(repository, place, deadline)
            finally:
                self._pool.clear()

    def _emit(self, repository: Repository, place: _Place, deadline: float | None) -> Emitted:
        sent = refused = 0
        while changes := repository.list_changes(place.position, limit=_AT_ONCE):
            told: set[str] = set()
            for change in changes:
                for event in self._events_for(repository, change, told):
                    if deadline is not None and time.monotonic() >= deadline:
                        place.reach(change.position - 1)
                        return Emitted(sent, refused)
                    status, problem = self._send(event)
                    if problem:
                        place.pause(change.position - 1, problem)
                        return Emitted(sent, refused, problem)
                    if status >= 400:
                        place.refuse(event, status)
                    sent, refused = sent + (status < 400), refused + (status >= 400)
            place.reach(changes[-1].position)
        return Emitted(sent, refused)

    def _events_for(
        self, repository: Repository, change: Happened, told: set[str]
    ) -> Sequence[Mapping[str, Any]]:
        """Return what a change gives to tell: the whole run as it stands, once for each page."""
        has_begun = "status" in change.data
        has_changed = has_begun or "status" in change.data.get("set", ())
        if change.kind is not ChangeKind.RUN or not has_changed or change.run in {None, *told}:
            return ()
        assert change.run is not None, "it was just asked"
        told.add(change.run)
        run = repository.find_run(change.run)
        if run is None or SOURCE in run.source:  # it was told here by events itself
            return ()
        events = events_of(emission_of(repository, run, self._receiver.namespace))
        return events if has_begun else events[1:]

    def _send(self, event: Mapping[str, Any]) -> tuple[int, str]:
        """Send an event; return the status, and why to try again later."""
        body = json.dumps(event).encode()
        try:
            answer = self._pool.request("POST", self._endpoint, body=body)
        except urllib3.exceptions.HTTPError as error:
            return 0, f"{self._endpoint} cannot be reached: {error}"
        if answer.status in _AGAIN or answer.status >= 500 or 300 <= answer.status < 400:
            return answer.status, f"{self._endpoint} answers {answer.status}"
        return answer.status, ""


class _Place:
    """How far a receiver was told; the file can be deleted: then everything is told again."""

    def __init__(self, file: Path, endpoint: str) -> None:
        self._file = file
        self._said: dict[str, Any] = {"endpoint": endpoint, "position": 0}
        with suppress(OSError, ValueError):
            read = json.loads(file.read_text(encoding="ascii"))
            if isinstance(read, dict) and isinstance(read.get("position"), int):
                self._said = read

    @property
    def position(self) -> int:
        """The last change that the receiver knows."""
        position: int = self._said["position"]
        return position

    @property
    def is_paused(self) -> bool:
        """Whether the receiver was away just now."""
        age: float = time.time() - self._said.get("failed", 0)
        return 0 <= age < PAUSE

    @property
    def problem(self) -> str:
        """Why the receiver took nothing last time."""
        return str(self._said.get("problem", ""))

    def reach(self, position: int) -> None:
        """Note that the receiver knows all changes up to one."""
        self._write({"endpoint": self._said["endpoint"], "position": position})

    def pause(self, position: int, problem: str) -> None:
        """Note that the receiver knows all changes up to one, and takes nothing now."""
        said = {"endpoint": self._said["endpoint"], "position": position}
        self._write({**said, "failed": time.time(), "problem": problem})

    def refuse(self, event: Mapping[str, Any], status: int) -> None:
        """Keep an event that the receiver will never take."""
        line = json.dumps({"status": status, "event": event})
        with self._file.with_suffix(".refused.jsonl").open("a", encoding="ascii") as file:
            file.write(f"{line}\n")

    def _write(self, said: dict[str, Any]) -> None:
        self._said = said
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(said), encoding="ascii")
        fresh.replace(self._file)


@contextmanager
def _alone(folder: Path, name: str) -> Iterator[bool]:
    """Say whether nobody else tells this receiver, and keep it so for the block."""
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:  # no locks here
            pass
        yield True
    finally:
        os.close(descriptor)
