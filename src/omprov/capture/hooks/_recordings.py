"""The run that a hook writes to: the active one, else one that the hook begins and ends."""

from __future__ import annotations

import atexit
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import omprov
from omprov.errors import AlreadyExists, Conflict
from omprov.records import RunStatus, name_like
from omprov.repository import MetricPoint

from ._plain import numbers, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from omprov.repository import ActiveRun

_LONGEST = 60  # characters of a name that others are put behind

_open: set[Recording] = set()
_lock = threading.Lock()


class Recording:
    """What a hook records.

    Attributes:
        run: the run.
        is_own: whether the hook began it, and so ends it.
        name: of the run.
    """

    def __init__(self, run: ActiveRun, *, is_own: bool) -> None:
        self.run = run
        self.is_own = is_own
        self.name = str(getattr(run, "name", None) or getattr(run, "_name", "run"))
        self._has_ended = False

    @classmethod
    def begin(cls, name: str, tags: Mapping[str, str] | None = None) -> Recording:
        """Join the active run, or begin one.

        A run of the hook's own that is still open when the program ends, as after an error in the
        training, ends then, as failed.

        Args:
            name: what to call one of its own.
            tags: of one of its own.
        """
        active = active_run()
        if active is not None:
            return cls(active, is_own=False)
        run = omprov.start_run(name, tags=dict(tags or {}))
        run.__enter__()
        recording = cls(run, is_own=True)
        with _lock:
            _open.add(recording)
        return recording

    @property
    def has_ended(self) -> bool:
        """Whether the run is recorded, so that only late points can be added."""
        return self._has_ended or getattr(self.run, "recorded", None) is not None

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add parameters of any sort; see `plain`."""
        if not self.has_ended:
            self.run.log_params({str(name): plain(value) for name, value in params.items()})

    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        """Add a point to each of these that is a number; to a run that has ended, too."""
        found = numbers(metrics)
        if not self.has_ended:
            self.run.log_metrics(found, step=step)
        elif found:
            self._add_late(found, step or 0)

    def _add_late(self, metrics: Mapping[str, float], step: int) -> None:
        """Add points to a run that is recorded: an evaluation comes after the training."""
        recorded = getattr(self.run, "recorded", None)
        run = getattr(self.run, "id", None) or getattr(recorded, "id", None)
        if run is None:
            raise Conflict(f"run {self.name!r} has ended and was not recorded")
        now = datetime.now(UTC)
        points = [MetricPoint(name, step, value, now) for name, value in metrics.items()]
        with omprov.connect(create=False) as repository:
            repository.add_to_run(str(run), points=points)

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags, but for those without a value."""
        for name, value in tags.items():
            if value is not None and not self.has_ended:
                self.run.set_tag(name, str(value))

    def log_model(
        self,
        content: str | Path | Mapping[str, bytes],
        *,
        asset: str | None = None,
        label: str = "",
        message: str = "",
    ) -> None:
        """Name a model that the run makes; its first one has the role ``model``.

        Args:
            content: a folder, a file, or files in memory.
            asset: whose version it is; else ``model/RUN`` of the first one, and
                ``model/RUN-LABEL`` of others.
            label: tells it from the others of this run.
            message: what to say of the version.
        """
        if self.has_ended:
            return
        whole = asset or f"model/{name_like(self.name, 'model')[:_LONGEST]}"
        word = name_like(label, "other")[:_LONGEST]
        for role in ("model", f"model.{word}", *(f"model.{word}-{n}" for n in range(2, 1000))):
            suffix = role.removeprefix("model").replace(".", "-", 1)
            try:
                self.run.log_output(f"{whole}{suffix}", content, role=role, message=message)
            except AlreadyExists:
                continue
            return

    def log_table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add a table, where runs can hold tables."""
        log = getattr(self.run, "log_table", None)
        if log is not None and not self.has_ended:
            log(name, [{key: plain(value) for key, value in row.items()} for row in rows])

    def end(self, status: RunStatus = RunStatus.SUCCEEDED) -> None:
        """End the run if it is the hook's own; a second call does nothing."""
        with _lock:
            _open.discard(self)
        if self.is_own and not self.has_ended:
            self._has_ended = True
            _finish(self.run, status)


def active_run() -> ActiveRun | None:
    """Return the innermost run that is active here, if there is one."""
    find = getattr(omprov, "active_run", None)
    return None if find is None else find()


def _finish(run: ActiveRun, status: RunStatus) -> None:
    finish = getattr(run, "finish", None)
    if finish is not None:
        finish(status=status)
    elif status is RunStatus.SUCCEEDED:
        run.__exit__(None, None, None)
    else:
        error = KeyboardInterrupt() if status is RunStatus.KILLED else Interrupted()
        run.__exit__(type(error), error, None)


class Interrupted(Exception):
    """The training ended before its hook was told so."""

    def __init__(self) -> None:
        super().__init__("the training did not come to its end")


@atexit.register
def _end_all() -> None:
    with _lock:
        left = list(_open)
    for recording in left:
        recording.end(RunStatus.FAILED)
