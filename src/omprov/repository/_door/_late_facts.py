"""What becomes known of a run after it was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omprov.errors import NotFound
from omprov.records import RunId
from omprov.repository._door._opened import Opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from omprov.records import Run, RunStatus
    from omprov.repository._recording import MetricPoint


class LateFacts(Opened):
    """What becomes known of a run after it was recorded."""

    def find_tagged_runs(self, name: str, values: Iterable[str]) -> dict[str, Run]:
        """Return, for each of these values that a tag of this name has, the latest such run."""
        with self._reading() as reader:
            ids = reader.find_tagged_runs(self.project, name, values)
            runs = reader.get_runs(ids.values())
            return {value: runs[run] for value, run in ids.items()}

    def add_to_run(
        self,
        id: str,
        *,
        points: Sequence[MetricPoint] = (),
        params: Mapping[str, Any] | None = None,
        status: RunStatus | None = None,
        ended: datetime | None = None,
        source: Mapping[str, Any] | None = None,
        tags: Mapping[str, str | None] | None = None,
    ) -> Run:
        """Add points of metrics and other facts to a run that is recorded; one transaction.

        Inputs and outputs stay as they are: what a run made, and of what, is known when it ends.

        Args:
            id: of the run, in full.
            points: of metrics, behind those that are there.
            params: each new, or instead of the one of its name. The version of the parameters that
                the run used stays what it is.
            status: how it went after all.
            ended: when it ended after all.
            source: more facts, each instead of the one of its name.
            tags: set on the run; ``None`` takes one away.

        Raises:
            NotFound: there is no such run.
        """
        run = RunId(id)
        with self._writing() as writer:
            if not writer.run_projects([run]):
                raise NotFound("run", id, hint="`omprov runs` lists them.")
            writer.set_run(run, status=status, ended=ended, params=params, source=source)
            if points:
                writer.add_metric_points(run, points)
            if tags:
                writer.set_tags(run, tags)
        with self._reading() as reader:  # nobody waits for this
            changed = reader.find_run(run)
        assert changed is not None, f"run {run} was just there"
        return changed
