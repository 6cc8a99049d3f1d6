"""Runs of experiments: found, searched, begun and changed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, exists, func, insert, select, update

from omprov.catalog._interface import ChangeKind
from omprov.catalog._labels import tags_of
from omprov.catalog._mlflow_tables import experiment, link, tracked
from omprov.catalog._run_writes import RunWrites
from omprov.catalog._runs import RunReads
from omprov.catalog._tables import metric, project, run, run_param
from omprov.catalog._tables import tag as tag_table
from omprov.catalog._transaction import in_batches
from omprov.errors import NotFound
from omprov.records import RunId, RunStatus

from ._criteria import RUNS, Comparison, Criteria
from ._experiments import ExperimentReads, ExperimentWrites
from ._facts import Link, TrackedMetric, TrackedRun
from ._statements import as_uuids, equals_by_index, page_of, searched

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from omprov.catalog._transaction import AnySelect

    from ._facts import Experiment

RARE = 1_000
"""What meets a comparison this seldom is looked up first, and the rest of a search within it."""

_RUNS = (
    select(
        run.c.key,
        run.c.id,
        experiment.c.number,
        experiment.c.location,
        tracked.c.stage,
        run.c.name,
        run.c.status,
        run.c.started,
        run.c.ended,
        run.c.creator,
    )
    .join(tracked, tracked.c.run_key == run.c.key)
    .join(experiment, experiment.c.key == tracked.c.experiment_key)
)
_BY_KEYS = _RUNS.where(run.c.key.in_(bindparam("keys", expanding=True)))
_BY_ID = _RUNS.join(project, project.c.key == run.c.project_key).where(
    run.c.id == bindparam("id"), project.c.name == bindparam("project")
)
_STAGE = (
    select(run.c.key, tracked.c.stage)
    .join(tracked, tracked.c.run_key == run.c.key)
    .join(project, project.c.key == run.c.project_key)
    .where(run.c.id == bindparam("id"), project.c.name == bindparam("project"))
)
_ENDED = (
    select(run.c.ended)
    .join(tracked, tracked.c.run_key == run.c.key)
    .join(project, project.c.key == run.c.project_key)
    .where(run.c.id == bindparam("id"), project.c.name == bindparam("project"))
)
_METRICS = (
    select(metric.c.run_key, metric.c.name, metric.c.value, metric.c.time, metric.c.step)
    .where(metric.c.run_key.in_(bindparam("keys", expanding=True)))
    .order_by(metric.c.run_key, metric.c.name)
)
_LINKS = (
    select(link.c.run_key, link.c.sort, link.c.name, link.c.digest, link.c.context, link.c.data)
    .where(link.c.run_key.in_(bindparam("keys", expanding=True)))
    .order_by(link.c.run_key, link.c.position)
)


class TrackedRunReads(RunReads, ExperimentReads):
    """Reads of runs of experiments."""

    def find_tracked_stage(self, project: str, id: RunId) -> tuple[int, str] | None:
        """Return the key of a run of the project, and whether it is ``active`` or ``deleted``."""
        row = self._connection.execute(_STAGE, {"id": id, "project": project}).first()
        return None if row is None else (row.key, row.stage)

    def has_ended(self, project: str, id: RunId) -> bool:
        """Say whether there is such a run of the project, and it ended."""
        ended = self._connection.execute(_ENDED, {"id": id, "project": project}).scalar()
        return ended is not None

    def find_tracked_run(self, project: str, id: RunId) -> TrackedRun | None:
        """Return a run of the project, whole; deleted ones included."""
        rows = self._connection.execute(_BY_ID, {"id": id, "project": project}).all()
        found = self._to_tracked(rows)
        return found[0] if found else None

    def find_params(self, id: RunId, names: Iterable[str]) -> dict[str, Any]:
        """Return those of these parameters that a run has."""
        query = (
            select(run_param.c.name, run_param.c.value)
            .join(run, run.c.key == run_param.c.run_key)
            .where(run.c.id == id, run_param.c.name.in_(list(names)))
        )
        return {name: value for name, value in self._connection.execute(query)}  # noqa: C416 rows are no pairs to the type checker

    def search_tracked_runs(
        self,
        project: str,
        experiments: Sequence[int],
        criteria: Criteria,
        *,
        stages: Sequence[str],
        limit: int,
        offset: int = 0,
    ) -> list[TrackedRun]:
        """Return runs that meet all criteria, in their order, then the newest first.

        A comparison that few runs of the repository meet is looked up first; else runs are taken in
        the order asked for, along an index where there is one, until the page is full.
        """
        keys = self._experiment_keys(project, experiments)
        if not keys:
            return []
        few = self._few(criteria.comparisons)
        if few is not None and not few:
            return []
        order = criteria.orderings
        if few is None and len(order) == 1 and order[0].entity == "metric":
            streams = self._by_metric(keys, criteria, stages)
            return self.get_tracked_runs(self._page_through(streams, limit, offset))
        query = _tracked(select(tracked.c.run_key).select_from(tracked), stages)
        if few is None:
            query = query.where(_one_of(tracked.c.experiment_key, keys))
        else:  # so written that no index of experiments is walked
            query = query.where(
                (tracked.c.experiment_key + 0).in_(keys), tracked.c.run_key.in_(few)
            )
        query = _newest_first(searched(query, RUNS, criteria, self._dialect))
        found = list(self._connection.execute(page_of(query, limit, offset)).scalars())
        return self.get_tracked_runs(found)

    def get_tracked_runs(self, keys: Sequence[int]) -> list[TrackedRun]:
        """Return the runs of these keys, in their order."""
        rows = [
            row
            for batch in in_batches(keys)
            for row in self._connection.execute(_BY_KEYS, {"keys": batch})
        ]
        by_key = {one.key: one for one in self._to_tracked(rows)}
        return [by_key[key] for key in keys]

    def list_datasets(self, project: str, experiments: Sequence[int]) -> list[Link]:
        """Return the distinct datasets that runs of these experiments name."""
        keys = self._experiment_keys(project, experiments)
        query = (
            select(link.c.name, link.c.digest, link.c.context, experiment.c.number)
            .join(tracked, tracked.c.run_key == link.c.run_key)
            .join(experiment, experiment.c.key == tracked.c.experiment_key)
            .where(link.c.sort == "dataset", tracked.c.experiment_key.in_(keys))
            .distinct()
            .limit(1000)
        )
        return [
            Link("dataset", name, digest, context, {"experiment": number})
            for name, digest, context, number in self._connection.execute(query)
        ]

    def _few(self, comparisons: Sequence[Comparison]) -> list[int] | None:
        """Return the keys of all runs that meet one of the comparisons, where they are few."""
        for one in comparisons:
            query = self._indexed(one)
            if query is not None:
                found = list(self._connection.execute(query.limit(RARE + 1)).scalars())
                if len(found) <= RARE:
                    return found
        return None

    def _indexed(self, one: Comparison) -> AnySelect | None:
        """Return what looks a comparison up in an index; ``None`` where there is none."""
        match one.entity, one.operator:
            case "metric", "=" | "<" | "<=" | ">" | ">=":
                at = metric.c.value.op(one.operator)(one.value)
                return select(metric.c.run_key).where(metric.c.name == one.key, at)
            case "param", "=":
                return select(run_param.c.run_key).where(
                    run_param.c.name == one.key,
                    equals_by_index(run_param.c.value, json.dumps(one.value)),
                )
            case "tag", "=":
                return (
                    select(run.c.key)
                    .join(tag_table, tag_table.c.target == run.c.id)
                    .where(
                        tag_table.c.name == one.key,
                        equals_by_index(tag_table.c.value, str(one.value)),
                    )
                )
            case "attribute", "=" if one.key == "run_name":
                return select(run.c.key).where(run.c.name == one.value)
            case "attribute", "=" if one.key == "run_id":
                return select(run.c.key).where(run.c.id == as_uuids(one.value))
            case "dataset", "=" if one.key == "name":
                return select(link.c.run_key).where(link.c.name == one.value)
            case _:
                return None

    def _by_metric(
        self, experiments: Sequence[int], criteria: Criteria, stages: Sequence[str]
    ) -> list[AnySelect]:
        """Return the runs in the order of a metric in three parts, each of which an index orders:
        those with a value, those with NaN, and those without the metric.
        """
        (order,) = criteria.orderings
        filters = Criteria(criteria.comparisons)
        along = _tracked(
            select(metric.c.run_key)
            .select_from(metric)
            .join(tracked, tracked.c.run_key == metric.c.run_key),
            stages,
        ).where(metric.c.name == order.key, (tracked.c.experiment_key + 0).in_(experiments))
        value = metric.c.value.asc() if order.ascending else metric.c.value.desc()
        lacking = _tracked(select(tracked.c.run_key).select_from(tracked), stages).where(
            _one_of(tracked.c.experiment_key, experiments),
            ~exists().where(metric.c.run_key == tracked.c.run_key, metric.c.name == order.key),
        )
        parts = (
            along.where(metric.c.value.is_not(None)).order_by(value),
            along.where(metric.c.value.is_(None)),
            lacking,
        )
        return [_newest_first(searched(part, RUNS, filters, self._dialect)) for part in parts]

    def _page_through(self, streams: Sequence[AnySelect], limit: int, offset: int) -> list[int]:
        """Return a page of several selects, one after the other."""
        found: list[int] = []
        for stream in streams:
            query = page_of(stream, limit - len(found), offset)
            rows = list(self._connection.execute(query).scalars())
            found += rows
            if len(found) == limit:
                break
            if rows:
                offset = 0
            elif offset:
                counted = select(func.count()).select_from(stream.order_by(None).subquery())
                offset -= self._connection.execute(counted).scalar_one()
        return found

    def _to_tracked(self, rows: Sequence[Any]) -> list[TrackedRun]:
        keys = [row[0] for row in rows]
        params = self._params(keys)
        tags = tags_of(self._connection, [row[1] for row in rows])
        metrics: dict[int, list[TrackedMetric]] = {}
        links: dict[int, list[Link]] = {}
        for batch in in_batches(keys):
            for key, *point in self._connection.execute(_METRICS, {"keys": batch}):
                metrics.setdefault(key, []).append(TrackedMetric(*point))
            for key, *facts in self._connection.execute(_LINKS, {"keys": batch}):
                links.setdefault(key, []).append(Link(*facts))
        return [
            TrackedRun(
                key=row.key,
                id=row.id,
                experiment=row.number,
                location=row.location,
                stage=row.stage,
                name=row.name,
                status=RunStatus(row.status),
                started=row.started,
                ended=row.ended,
                creator=row.creator,
                metrics=tuple(metrics.get(row.key, ())),
                params=params.get(row.key, {}),
                tags=tags.get(row.id, {}),
                links=tuple(links.get(row.key, ())),
            )
            for row in rows
        ]


def _tracked(query: AnySelect, stages: Sequence[str]) -> AnySelect:
    """Join what searches of runs may name."""
    return (
        query.join(run, run.c.key == tracked.c.run_key)
        .join(experiment, experiment.c.key == tracked.c.experiment_key)
        .where(tracked.c.stage.in_(stages))
    )


def _newest_first(query: AnySelect) -> AnySelect:
    """Order what is equal so far by time, the newest first."""
    return query.order_by(tracked.c.started.desc(), tracked.c.run_key.desc())


def _one_of(column: Any, keys: Sequence[int]) -> Any:
    """Ask for one experiment by ``=``: then the index gives runs in their order."""
    return column == keys[0] if len(keys) == 1 else column.in_(keys)


class TrackedRunWrites(TrackedRunReads, ExperimentWrites, RunWrites):
    """Changes of runs of experiments."""

    def add_tracked_run(
        self,
        project: str,
        experiment: int,
        *,
        name: str,
        started: datetime,
        tags: Mapping[str, str],
        parent: RunId | None,
    ) -> TrackedRun:
        """Begin a run in an experiment.

        Raises:
            NotFound: there is no such experiment.
        """
        keys = self._experiment_keys(project, [experiment])
        if not keys:
            raise NotFound("experiment", experiment)
        id = self.add_run(  # noqa: A001 the field's name
            project=project,
            name=name,
            status=RunStatus.RUNNING,
            started=started,
            inputs={},
            tags=tags,
            parent=parent,
        )
        row = {
            "run_key": self._run_key(id),
            "experiment_key": keys[0],
            "stage": "active",
            "started": started,
        }
        self._connection.execute(insert(tracked), row)
        found = self.find_tracked_run(project, id)
        assert found is not None, f"run {id} was just written"
        return found

    def set_tracked_run(
        self, id: RunId, *, name: str | None = None, stage: str | None = None
    ) -> None:
        """Rename a run, delete it or bring it back."""
        key = self._run_key(id)
        if name is not None:
            self._connection.execute(update(run).where(run.c.key == key).values(name=name))
        if stage is not None:
            self._connection.execute(
                update(tracked).where(tracked.c.run_key == key).values(stage=stage)
            )
        told = {"name": name} if stage is None else {"stage": stage}
        self._announce(ChangeKind.RUN, {"run": id, "set": sorted(told)})
        self._note("mlflow.run.set", id, told)

    def stage_runs_of(self, known: Experiment, stage: str) -> None:
        """Delete all runs of an experiment, or bring them back."""
        self._connection.execute(
            update(tracked).where(tracked.c.experiment_key == known.key).values(stage=stage)
        )
        self._note("mlflow.experiment.runs", known.name, {"stage": stage})

    def add_links(self, id: RunId, links: Sequence[Link]) -> None:
        """Note datasets and models that a run names; those that it named so already stay."""
        key = self._run_key(id)
        known = [Link(*row[1:]) for row in self._connection.execute(_LINKS, {"keys": [key]})]
        seen = {_mark(one) for one in known}
        fresh = {_mark(one): one for one in links if _mark(one) not in seen}
        rows = [
            {
                "run_key": key,
                "position": position,
                "sort": one.sort,
                "name": one.name,
                "digest": one.digest,
                "context": one.context,
                "data": dict(one.data),
            }
            for position, one in enumerate(fresh.values(), len(known))
        ]
        if rows:
            self._connection.execute(insert(link), rows)
            self._note("mlflow.run.link", id, {"links": sorted({row["name"] for row in rows})})


def _mark(one: Link) -> tuple[str, ...]:
    """Return what tells a link from others: a dataset counts once, with its first context."""
    return one.sort, one.name, one.digest
