"""Changes of runs: they are added, linked to versions, and brought to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, insert, select, update

from omprov.errors import AlreadyExists, NotFound
from omprov.records import RunId, RunStatus, new_id

from . import _tables
from ._interface import ChangeKind
from ._metrics import MetricWrites
from ._runs import RunReads
from ._tables import (
    project,
    run,
    run_files,
    run_input,
    run_journal,
    run_output,
    run_param,
    run_parent,
    tag,
)
from ._transaction import upsert

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Table

    from omprov.records import Digest, VersionKey

_PROJECT_KEY = select(project.c.key).where(project.c.name == bindparam("name"))
_ADD = insert(run).returning(run.c.key)
_ADD_INPUTS = insert(run_input)
_ADD_PARAMS = insert(run_param)
_ADD_TAGS = insert(tag)


class RunWrites(RunReads, MetricWrites):
    """Changes of runs."""

    def add_run(
        self,
        *,
        project: str,
        name: str,
        status: RunStatus,
        started: datetime,
        ended: datetime | None = None,
        inputs: Mapping[str, VersionKey],
        params: Mapping[str, Any] | None = None,
        metrics: Mapping[str, float] | None = None,
        command: Sequence[str] = (),
        exit_status: int | None = None,
        message: str = "",
        source: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        id: RunId | None = None,
        parent: RunId | None = None,
    ) -> RunId:
        if id is not None and self._find_run_key(id) is not None:
            raise AlreadyExists("run", id)
        run_id = id or RunId(new_id(self._now))
        row: dict[str, Any] = {
            "id": run_id,
            "tail": run_id[-12:],
            "project_key": self._project_key(project),
            "name": name,
            "status": status.value,
            "started": started,
            "ended": ended,
            "creator": self._who,
            "command": list(command),
            "exit_status": exit_status,
            "message": message,
            "source": dict(source or {}),
        }
        key: int = self._connection.execute(_ADD, row).scalar_one()
        self._run_keys[run_id] = key
        if parent is not None:
            self._connection.execute(insert(run_parent), {"run_key": key, "parent": parent})
        self._add_parts(key, inputs=inputs, params=params or {}, metrics=metrics or {})
        if tags:
            self._connection.execute(
                _ADD_TAGS,
                [{"target": run_id, "name": name, "value": value} for name, value in tags.items()],
            )
        self._announce(
            ChangeKind.RUN, {"run": run_id, "status": status.value, "inputs": dict(inputs)}
        )
        self._note(
            "run.add", run_id, {"name": name, "project": project}, project_key=row["project_key"]
        )
        return run_id

    def _add_parts(
        self,
        key: int,
        *,
        inputs: Mapping[str, VersionKey],
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
    ) -> None:
        if inputs:
            self._connection.execute(
                _ADD_INPUTS,
                [
                    {"run_key": key, "role": role, "version_key": version}
                    for role, version in inputs.items()
                ],
            )
        if params:
            self._connection.execute(
                _ADD_PARAMS,
                [{"run_key": key, "name": name, "value": value} for name, value in params.items()],
            )
        if metrics:
            points = [(name, 0, value, self._now) for name, value in metrics.items()]
            self._append_points(key, points)

    def add_run_input(self, run: RunId, role: str, version: VersionKey) -> None:
        key = self._run_key(run)
        if self._links([key]).get(key, ({}, {}))[0].get(role) == version:
            return
        self._link(run_input, key, role, version)
        self._announce(ChangeKind.RUN, {"run": run, "input": {role: version}}, version_key=version)
        self._note("run.input", run, {role: version}, run=run)

    def add_run_output(self, run: RunId, role: str, version: VersionKey) -> None:
        self._link(run_output, self._run_key(run), role, version)
        self._announce(ChangeKind.RUN, {"run": run, "output": {role: version}}, version_key=version)
        self._note("run.output", run, {role: version}, run=run)

    def _link(self, links: Table, run_key: int, role: str, version: VersionKey) -> None:
        added = self._connection.execute(
            upsert(self._dialect, links),
            {"run_key": run_key, "role": role, "version_key": version},
            execution_options={"preserve_rowcount": True},
        )
        if not added.rowcount:
            side = "input" if links is run_input else "output"
            raise AlreadyExists(f"the run's {side} in the role", role)

    def set_run(
        self,
        run: RunId,
        *,
        status: RunStatus | None = None,
        started: datetime | None = None,
        ended: datetime | None = None,
        exit_status: int | None = None,
        message: str | None = None,
        command: Sequence[str] | None = None,
        params: Mapping[str, Any] | None = None,
        source: Mapping[str, Any] | None = None,
        parent: RunId | None = None,
    ) -> None:
        key = self._run_key(run)
        changes: dict[str, Any] = {
            "status": None if status is None else status.value,
            "started": started,
            "ended": ended,
            "exit_status": exit_status,
            "message": message,
            "command": None if command is None else list(command),
        }
        changes = {name: value for name, value in changes.items() if value is not None}
        if status is RunStatus.RUNNING:
            changes["ended"] = None
        if source:
            known = self._connection.execute(
                select(_tables.run.c.source).where(_tables.run.c.key == key)
            ).scalar_one()
            changes["source"] = {**known, **source}
        if changes:
            self._connection.execute(
                update(_tables.run).where(_tables.run.c.key == key).values(changes)
            )
        if params:
            self._put_params(key, params)
        if parent is not None:
            self._connection.execute(
                upsert(self._dialect, run_parent), {"run_key": key, "parent": parent}
            )
        told = [
            *sorted(changes),
            *(["params"] if params else []),
            *(["parent"] if parent is not None else []),
        ]
        if told:
            self._announce(ChangeKind.RUN, {"run": run, "set": told})
            self._note("run.set", run, {"set": told}, run=run)

    def add_run_files(self, run: RunId, name: str, digest: Digest) -> None:
        row = {"run_key": self._run_key(run), "name": name, "digest": digest}
        self._connection.execute(upsert(self._dialect, run_files, "digest"), row)
        self._announce(ChangeKind.RUN, {"run": run, "files": name})
        self._note("run.files", run, {"name": name, "digest": digest}, run=run)

    def set_journal_positions(self, run: RunId, positions: Mapping[str, int]) -> None:
        key = self._run_key(run)
        rows = [
            {"run_key": key, "name": name, "position": position}
            for name, position in positions.items()
        ]
        if rows:
            self._connection.execute(upsert(self._dialect, run_journal, "position"), rows)

    def _put_params(self, run_key: int, params: Mapping[str, Any]) -> None:
        self._connection.execute(
            upsert(self._dialect, run_param, "value"),
            [{"run_key": run_key, "name": name, "value": value} for name, value in params.items()],
        )

    def _run_key(self, id: RunId) -> int:
        key = self._run_keys.get(id)
        if key is None:
            key = self._run_keys[id] = super()._run_key(id)
        return key

    def _project_key(self, name: str) -> int:
        key: int | None = self._connection.execute(_PROJECT_KEY, {"name": name}).scalar()
        if key is None:
            raise NotFound("project", name)
        return key
