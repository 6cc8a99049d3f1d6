"""Runs: recording them, finding them, adding to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omprov.client._door._contents import Contents
from omprov.client._door._opened import path_of, text_of
from omprov.client._door._versions import content_json
from omprov.client._wire import from_json, to_json
from omprov.errors import NotFound
from omprov.records import Run, RunStatus
from omprov.repository import MetricPoint, store_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from omprov.content import TreeSummary
    from omprov.records import RunId
    from omprov.repository import AnyVersion, Output, RunUpdate

PAGE = 500


class Runs(Contents):
    """Runs: recording them, finding them, adding to them."""

    def record_run(
        self,
        *,
        inputs: Mapping[str, AnyVersion],
        outputs: Mapping[str, Output],
        name: str = "run",
        status: RunStatus = RunStatus.SUCCEEDED,
        started: datetime | None = None,
        ended: datetime | None = None,
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        points: Sequence[MetricPoint] = (),
        environment: Mapping[str, Any] | None = None,
        command: Sequence[str] = (),
        exit_status: int | None = None,
        message: str = "",
        source: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Run:
        """Record an execution that is over; see `Repository.record_run`."""
        used = {role: self.get_version(reference).id for role, reference in inputs.items()}
        facts = {
            "name": name,
            "status": status,
            "started": started,
            "ended": ended,
            "params": params,
            "metrics": metrics,
            "points": list(points),
            "environment": environment,
            "command": list(command),
            "exit_status": exit_status,
            "message": message,
            "source": source,
            "tags": tags,
        }
        body = {"inputs": used, "outputs": self._outputs(outputs), **to_json(facts)}
        return self._send(Run, "POST", self._in_project("runs"), body)

    def update_run(self, id: RunId, update: RunUpdate) -> Run:
        """Record what became known of a run that is going on; see `Repository.update_run`."""
        files = None
        stored = store_content(self.content, update.files)[0]
        if stored is not None:
            self._upload(stored.digest)
            files = content_json(stored)
        facts = {
            "begin": update.begin,
            "params": update.params,
            "points": list(update.points),
            "tags": update.tags,
            "source": update.source,
            "command": update.command,
            "environment": update.environment,
            "end": update.end,
            "journals": update.journals,
        }
        body = {
            **to_json(facts),
            "inputs": {role: version.id for role, version in update.inputs.items()},
            "outputs": self._outputs(update.outputs),
            "files": files,
            "trees": dict(update.trees),
        }
        for tree in update.trees.values():
            self._upload(tree)
        path = self._in_project("runs") + path_of(id)
        return self._send(Run, "PATCH", path, body)

    def journal_positions(self, id: RunId) -> dict[str, int]:
        """Return how much of each of the run's journals was recorded."""
        try:
            return self._get(dict[str, int], path_of("runs", id, "journal-positions"))
        except NotFound:  # it is not recorded yet
            return {}

    def metric_points(self, id: RunId, name: str) -> list[MetricPoint]:
        """Return the curve of a metric, by step; empty where the run has none."""
        return self._get(list[MetricPoint], path_of("runs", id, "metrics", name))

    def get_run(self, id: str) -> Run:
        """Return a run by its id, the beginning of its id, or of its last part."""
        return self._get(Run, self._in_project("run"), id=id)

    def list_runs(
        self,
        *,
        status: RunStatus | None = None,
        name: str | None = None,
        using: AnyVersion | None = None,
        making: AnyVersion | None = None,
        parent: RunId | None = None,
        limit: int | None = 100,
        before: RunId | None = None,
    ) -> list[Run]:
        """Return runs of the project, newest first; page on with `before`, the last id seen."""
        found: list[Run] = []
        if limit == 0:
            return found
        for run in self._get_all(
            Run,
            self._in_project("runs"),
            status=None if status is None else status.value,
            name=name,
            using=None if using is None else self._version_id(using),
            making=None if making is None else self._version_id(making),
            parent=parent,
            before=before,
            limit=PAGE if limit is None else min(limit, PAGE),
        ):
            found.append(run)
            if len(found) == limit:
                break
        return found

    def find_tagged_runs(self, name: str, values: Iterable[str]) -> dict[str, Run]:
        """Return, for each of these values that a tag of this name has, the latest such run."""
        body = {"name": name, "values": list(values)}
        answer = self.connection.send("POST", self._in_project("tagged-runs"), body)
        return {value: from_json(Run, run) for value, run in answer.items()}

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
        """Add points of metrics and other facts to a recorded run; see `Repository.add_to_run`."""
        facts = {
            "points": list(points),
            "params": params,
            "status": status,
            "ended": ended,
            "source": source,
            "tags": tags,
        }
        return self._send(Run, "POST", path_of("runs", id, "facts"), to_json(facts))

    def set_run_tags(self, id: str, tags: Mapping[str, str | None]) -> Run:
        """Set tags of a run; ``None`` takes one away."""
        run = self.get_run(id)
        return self._send(Run, "PATCH", path_of("runs", run.id, "tags"), dict(tags))

    def _outputs(self, outputs: Mapping[str, Output]) -> dict[str, Any]:
        """Store and upload what a run made; say what it is."""
        made: dict[str, Any] = {}
        for role, output in outputs.items():
            stored: TreeSummary | None = store_content(self.content, output.content)[0]
            if stored is not None:
                self._upload(stored.digest)
            made[role] = {
                "asset": text_of(output.asset),
                **content_json(stored),
                "message": output.message,
                "source": to_json(output.source),
            }
        return made
