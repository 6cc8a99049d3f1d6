"""A run while it runs: what a script says about itself, recorded when it ends."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from omprov.errors import AlreadyExists, Conflict, InvalidInput
from omprov.records import RunStatus, check_name

from ._recording import MetricPoint, Output
from ._resolving import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from types import TracebackType

    from omprov.records import Run, Version

    from ._contents import Content
    from ._door import Repository


@dataclass(frozen=True, slots=True)
class Used:
    """An input of a run.

    Attributes:
        version: what is used.
        path: a local folder with its files, read-only; shared by all who use this content.
    """

    version: Version
    path: Path


class ActiveRun:
    """A run in the making; use it in a ``with`` statement.

    When the block ends, everything is recorded in one transaction; where the block raised, with
    status ``failed`` (``killed`` for Ctrl-C), and the error goes on. Safe to use from several
    threads.

    Attributes:
        recorded: the run as it was recorded; ``None`` until the block has ended.
    """

    def __init__(
        self,
        repository: Repository,
        name: str,
        *,
        clock: Callable[[], datetime],
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        self.recorded: Run | None = None
        self._repository = repository
        self._name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._started: datetime | None = None
        self._inputs: dict[str, Version] = {}
        self._outputs: dict[str, Output] = {}
        self._params: dict[str, Any] = dict(params or {})
        self._points: list[MetricPoint] = []
        self._tags: dict[str, str] = dict(tags or {})

    def __enter__(self) -> Self:
        if self._started is not None:
            raise Conflict(f"run {self._name!r} was begun already; start a new one")
        self._started = self._clock()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        status = RunStatus.SUCCEEDED
        if kind is not None:
            status = RunStatus.KILLED if kind is KeyboardInterrupt else RunStatus.FAILED
        self.recorded = self._repository.record_run(
            inputs=self._inputs,
            outputs=self._outputs,
            name=self._name,
            status=status,
            started=self._started,
            ended=self._clock(),
            params=self._params,
            points=self._points,
            message="" if error is None else f"{type(error).__name__}: {error}",
            tags=self._tags,
        )

    def use(self, reference: str, *, role: str | None = None) -> Used:
        """Name an input, and get its files.

        Args:
            reference: which version.
            role: its place in the run; the kind of the asset where left out.

        Raises:
            NotFound: there is no such version, or it holds no content.
            AlreadyExists: the role is taken by another version.
        """
        self._check_running()
        version = self._repository.get_version(reference)
        place = check_name(role or str(version.asset.kind), "role")
        with self._lock:
            taken = self._inputs.setdefault(place, version)
        if taken.key != version.key:
            raise AlreadyExists(
                "input", place, f"It is {taken}; pass role= to use {version} beside it."
            )
        return Used(version, self._repository.local_copy(version))

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Add parameters; JSON values."""
        self._check_running()
        with self._lock:
            self._params.update(params)

    def log_metric(self, name: str, value: float, *, step: int | None = None) -> None:
        """Add a point of a metric.

        Args:
            name: of the metric.
            value: a number; NaN and infinities are kept.
            step: where on its curve; one after the last where left out.
        """
        self._check_running()
        number = float(value)
        with self._lock:
            at = step if step is not None else self._next_step(name)
            self._points.append(MetricPoint(name, at, number, self._clock()))

    def log_metrics(self, metrics: Mapping[str, float], *, step: int | None = None) -> None:
        """Add a point to each of several metrics."""
        for name, value in metrics.items():
            self.log_metric(name, value, step=step)

    def _next_step(self, name: str) -> int:
        return max((point.step for point in self._points if point.name == name), default=-1) + 1

    def log_output(
        self, asset: str, content: Content = None, *, role: str | None = None, message: str = ""
    ) -> None:
        """Name an output; its files are read when the run ends.

        Args:
            asset: which asset gets the new version; made if it is not there.
            content: a folder or file, files in memory, or nothing.
            role: its place in the run; the kind of the asset where left out.
            message: what to say of the version.

        Raises:
            AlreadyExists: the role is taken.
            InvalidInput: there is no such path, or the kind was left out.
        """
        self._check_running()
        kind = parse(asset).kind
        if kind is None and role is None:
            raise InvalidInput(f"{asset!r} does not say its kind; write for example model/{asset}")
        if isinstance(content, str | Path) and not Path(content).exists():
            raise InvalidInput(f"output {asset}: there is no {content}")
        place = check_name(role or str(kind), "role")
        with self._lock:
            if place in self._outputs:
                raise AlreadyExists("output", place, "Pass role= to record another one.")
            self._outputs[place] = Output(asset, content, message)

    def set_tag(self, name: str, value: str) -> None:
        """Set a tag of the run."""
        self._check_running()
        with self._lock:
            self._tags[name] = value

    def _check_running(self) -> None:
        if self._started is None or self.recorded is not None:
            raise Conflict(
                f"run {self._name!r} is not running; use it inside `with omprov.start_run(…)`"
            )
