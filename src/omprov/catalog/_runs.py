"""Runs: their inputs, outputs and parameters. Metrics have their own module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import bindparam, literal, select, union_all

from omprov.errors import NotFound
from omprov.records import Run, RunStatus

from . import _mlflow_tables, _tables
from ._labels import tags_of
from ._metrics import MetricReads
from ._tables import (
    project,
    run,
    run_files,
    run_input,
    run_journal,
    run_output,
    run_param,
    run_parent,
)
from ._transaction import in_batches
from ._versions import VersionReads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from omprov.records import Digest, RunId, VersionKey

    from ._transaction import AnyRow, AnySelect

_MATCHES = 10

_RUNS = select(
    run.c.key,
    run.c.id,
    project.c.name,
    run.c.name,
    run.c.status,
    run.c.started,
    run.c.ended,
    run.c.creator,
    run.c.command,
    run.c.exit_status,
    run.c.message,
    run.c.source,
    run_parent.c.parent,
).select_from(
    run.join(project, project.c.key == run.c.project_key).outerjoin(
        run_parent, run_parent.c.run_key == run.c.key
    )
)
_BY_ID = _RUNS.where(run.c.id == bindparam("id"))
_BY_IDS = _RUNS.where(run.c.id.in_(bindparam("ids", expanding=True)))
_BY_HEAD = _RUNS.where(run.c.id.between(bindparam("low"), bindparam("high")))
_BY_TAIL = _RUNS.where(run.c.tail.between(bindparam("low"), bindparam("high")))
_LINKS = union_all(
    *(
        select(links.c.run_key, literal(direction), links.c.role, links.c.version_key).where(
            links.c.run_key.in_(bindparam("keys", expanding=True))
        )
        for direction, links in ((0, run_input), (1, run_output))
    )
)
_PARAMS = (
    select(run_param.c.run_key, run_param.c.name, run_param.c.value)
    .where(run_param.c.run_key.in_(bindparam("keys", expanding=True)))
    .order_by(run_param.c.run_key, run_param.c.name)
)
_FILES = (
    select(run_files.c.run_key, run_files.c.name, run_files.c.digest)
    .where(run_files.c.run_key.in_(bindparam("keys", expanding=True)))
    .order_by(run_files.c.run_key, run_files.c.name)
)
_FILE_DIGESTS = union_all(select(run_files.c.digest), select(_mlflow_tables.artifact.c.digest))
_KEYS = select(run.c.key, run.c.id).where(run.c.id.in_(bindparam("ids", expanding=True)))
_KEY = select(run.c.key).where(run.c.id == bindparam("id"))
_TAGGED = (
    select(_tables.tag.c.value, run.c.id)
    .join(run, run.c.id == _tables.tag.c.target)
    .join(project, project.c.key == run.c.project_key)
    .where(
        project.c.name == bindparam("project"),
        _tables.tag.c.name == bindparam("name"),
        _tables.tag.c.value.in_(bindparam("values", expanding=True)),
    )
    .order_by(run.c.key)
)
_USES = (
    select(run.c.id, run_input.c.role, run_input.c.version_key)
    .join(run, run.c.key == run_input.c.run_key)
    .where(run_input.c.version_key.in_(bindparam("keys", expanding=True)))
    .order_by(run.c.key, run_input.c.role)
)

_PROJECTS = (
    select(run.c.id, project.c.name)
    .join(project, project.c.key == run.c.project_key)
    .where(run.c.id.in_(bindparam("ids", expanding=True)))
)
_POSITIONS = (
    select(run_journal.c.name, run_journal.c.position)
    .join(run, run.c.key == run_journal.c.run_key)
    .where(run.c.id == bindparam("id"))
)

_Links: TypeAlias = "tuple[dict[str, VersionKey], dict[str, VersionKey]]"


class RunReads(MetricReads, VersionReads):
    """Reads of runs."""

    def find_run(self, id: RunId) -> Run | None:
        found = self._to_runs(self._connection.execute(_BY_ID, {"id": id}).all())
        return found[0] if found else None

    def get_runs(self, ids: Iterable[RunId]) -> dict[RunId, Run]:
        found: dict[RunId, Run] = {}
        for batch in in_batches(dict.fromkeys(ids)):
            rows = self._connection.execute(_BY_IDS, {"ids": batch}).all()
            found |= {item.id: item for item in self._to_runs(rows)}
        return found

    def find_runs_by_prefix(self, prefix: str, *, project: str | None = None) -> list[Run]:
        wanted = prefix.lower()
        if not wanted or set(wanted) - set("0123456789abcdef-"):
            return []
        bounds = {"low": wanted, "high": wanted + "g"}
        rows: dict[int, AnyRow] = {}
        for query in (_BY_HEAD, _BY_TAIL):
            newest = query.order_by(run.c.key.desc()).limit(_MATCHES)
            if project is not None:
                newest = newest.where(_tables.project.c.name == project)
            rows |= {row[0]: row for row in self._connection.execute(newest, bounds)}
        return self._to_runs([rows[key] for key in sorted(rows, reverse=True)[:_MATCHES]])

    def find_tagged_runs(self, project: str, name: str, values: Iterable[str]) -> dict[str, RunId]:
        return {
            value: run_id
            for batch in in_batches(dict.fromkeys(values))
            for value, run_id in self._connection.execute(
                _TAGGED, {"project": project, "name": name, "values": batch}
            )
        }

    def list_runs(
        self,
        *,
        project: str | None = None,
        status: RunStatus | None = None,
        name: str | None = None,
        input: VersionKey | None = None,
        output: VersionKey | None = None,
        parent: RunId | None = None,
        limit: int | None = 100,
        before: RunId | None = None,
    ) -> list[Run]:
        query: AnySelect = _RUNS.order_by(run.c.key.desc())
        if project is not None:
            query = query.where(_tables.project.c.name == project)
        if status is not None:
            query = query.where(run.c.status == status.value)
        if name is not None:
            query = query.where(run.c.name == name)
        for links, key in ((run_input, input), (run_output, output)):
            if key is not None:
                with_it = select(links.c.run_key).where(links.c.version_key == key)
                query = query.where(run.c.key.in_(with_it))
        if parent is not None:
            query = query.where(run_parent.c.parent == parent)
        if before is not None:
            query = query.where(run.c.key < self._run_key(before))
        if limit is not None:
            query = query.limit(limit)
        return self._to_runs(self._connection.execute(query).all())

    def run_file_digests(self) -> Iterator[Digest]:
        yield from self._connection.execute(_FILE_DIGESTS).scalars()

    def journal_positions(self, run: RunId) -> dict[str, int]:
        rows = self._connection.execute(_POSITIONS, {"id": run})
        return {name: position for name, position in rows}  # noqa: C416 rows are no pairs to the type checker

    def runs_using(self, keys: Iterable[VersionKey]) -> list[tuple[RunId, str, VersionKey]]:
        return [
            (run_id, role, key)
            for batch in in_batches(dict.fromkeys(keys))
            for run_id, role, key in self._connection.execute(_USES, {"keys": batch})
        ]

    def run_projects(self, runs: Iterable[RunId]) -> dict[RunId, str]:
        return {
            run_id: name
            for batch in in_batches(dict.fromkeys(runs))
            for run_id, name in self._connection.execute(_PROJECTS, {"ids": batch})
        }

    def run_links(self, runs: Iterable[RunId]) -> dict[RunId, _Links]:
        found: dict[RunId, _Links] = {}
        for batch in in_batches(dict.fromkeys(runs)):
            ids = {key: run_id for key, run_id in self._connection.execute(_KEYS, {"ids": batch})}  # noqa: C416 rows are no pairs to the type checker
            links = self._links(ids)
            found |= {run_id: links.get(key, ({}, {})) for key, run_id in ids.items()}
        return found

    def _links(self, keys: Iterable[int]) -> dict[int, _Links]:
        found: dict[int, _Links] = {}
        for batch in in_batches(keys):
            for key, direction, role, version in self._connection.execute(
                _LINKS, {"keys": batch}
            ).all():
                found.setdefault(key, ({}, {}))[direction][role] = version
        return found

    def _params(self, keys: Iterable[int]) -> dict[int, dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        for batch in in_batches(keys):
            for key, name, value in self._connection.execute(_PARAMS, {"keys": batch}).all():
                found.setdefault(key, {})[name] = value
        return found

    def _files(self, keys: Iterable[int]) -> dict[int, dict[str, Digest]]:
        found: dict[int, dict[str, Digest]] = {}
        for batch in in_batches(keys):
            for key, name, digest in self._connection.execute(_FILES, {"keys": batch}).all():
                found.setdefault(key, {})[name] = digest
        return found

    def _find_run_key(self, id: RunId) -> int | None:
        key: int | None = self._connection.execute(_KEY, {"id": id}).scalar()
        return key

    def _run_key(self, id: RunId) -> int:
        key = self._find_run_key(id)
        if key is None:
            raise NotFound("run", id)
        return key

    def _to_runs(self, rows: Sequence[AnyRow]) -> list[Run]:
        keys = [row[0] for row in rows]
        links = self._links(keys)
        params = self._params(keys)
        metrics = self._last_values(keys)
        files = self._files(keys)
        tags = tags_of(self._connection, [row[1] for row in rows])
        versions = self.get_versions(
            key for both in links.values() for side in both for key in side.values()
        )

        def side(key: int, direction: int) -> dict[str, Any]:
            roles = links.get(key, ({}, {}))[direction]
            return {role: versions[version] for role, version in sorted(roles.items())}

        return [
            Run(
                id=run_id,
                project=project_name,
                name=name,
                status=RunStatus(status),
                started=started,
                ended=ended,
                creator=creator,
                inputs=side(key, 0),
                outputs=side(key, 1),
                params=params.get(key, {}),
                metrics=metrics.get(key, {}),
                command=tuple(command),
                exit_status=exit_status,
                message=message,
                source=source,
                tags=tags.get(run_id, {}),
                parent=parent,
                files=files.get(key, {}),
            )
            for (
                key,
                run_id,
                project_name,
                name,
                status,
                started,
                ended,
                creator,
                command,
                exit_status,
                message,
                source,
                parent,
            ) in rows
        ]
