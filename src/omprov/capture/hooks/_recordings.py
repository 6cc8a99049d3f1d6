"""The run that a hook writes to: the active one, else one that the hook begins and ends."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import omprov
from omprov.capture._runs._starting import active_run
from omprov.errors import Conflict
from omprov.records import RunStatus, name_like
from omprov.repository import MetricPoint

from ._plain import numbers, plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from omprov.capture import ActiveRun

_LONGEST = 60  # characters of a name that others are put behind


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
        self.name = run.name

    @classmethod
    def begin(cls, name: str, tags: Mapping[str, str] | None = None) -> Recording:
        """Join the active run, or begin one.

        A run of the hook's own that is still open when the program ends, ends then; after an error
        in the training, as failed.

        Args:
            name: what to call one of its own.
            tags: of one of its own.
        """
        active = active_run()
        if active is not None:
            return cls(active, is_own=False)
        return cls(omprov.start_run(name, tags=dict(tags or {})), is_own=True)

    @property
    def has_ended(self) -> bool:
        """Whether the run has finished, so that only late points can be added."""
        return self.run.is_finished

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
        if self.run.recorded is None:
            raise Conflict(f"run {self.name!r} has ended and was not recorded")
        now = datetime.now(UTC)
        points = [MetricPoint(name, step, value, now) for name, value in metrics.items()]
        with omprov.connect(create=False) as repository:
            repository.add_to_run(self.run.id, points=points)

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
        roles = ("model", f"model.{word}", *(f"model.{word}-{n}" for n in range(2, 1000)))
        role = next(one for one in roles if one not in self.run.output_roles)
        suffix = role.removeprefix("model").replace(".", "-", 1)
        self.run.log_output(f"{whole}{suffix}", content, role=role, message=message)

    def log_table(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add a table to the files of the run."""
        if not self.has_ended:
            plain_rows = [{key: plain(value) for key, value in row.items()} for row in rows]
            self.run.log_table(name, plain_rows)

    def end(self, status: RunStatus = RunStatus.SUCCEEDED) -> None:
        """End the run if it is the hook's own; a second call does nothing."""
        if self.is_own:
            self.run.finish(status)


__all__ = ["Recording", "active_run"]
