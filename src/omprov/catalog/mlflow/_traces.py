"""Traces: kept as they were sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from omprov.catalog._mlflow_tables import experiment, trace
from omprov.catalog._tables import project
from omprov.catalog._transaction import upsert

from ._experiments import ExperimentReads, ExperimentWrites
from ._facts import Trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omprov.catalog._transaction import AnySelect

_TRACES = (
    select(trace.c.id, experiment.c.number, trace.c.time, trace.c.info)
    .join(experiment, experiment.c.key == trace.c.experiment_key)
    .join(project, project.c.key == trace.c.project_key)
)


class TraceReads(ExperimentReads):
    """Reads of traces."""

    def find_trace(self, project: str, id: str) -> Trace | None:
        """Return a trace of the project."""
        row = self._connection.execute(_of(project).where(trace.c.id == id)).first()
        return None if row is None else Trace(*row)

    def list_traces(
        self, project: str, experiments: Sequence[int], *, limit: int, offset: int = 0
    ) -> list[Trace]:
        """Return the traces of these experiments, newest first."""
        query = _of(project).where(experiment.c.number.in_(list(experiments)))
        query = query.order_by(trace.c.time.desc(), trace.c.id).limit(limit).offset(offset)
        return [Trace(*row) for row in self._connection.execute(query)]


class TraceWrites(ExperimentWrites, TraceReads):
    """Changes of traces."""

    def put_trace(self, project_name: str, known: Trace) -> None:
        """Keep a trace, instead of the one of its id."""
        project_key, experiment_key = self._connection.execute(
            select(experiment.c.project_key, experiment.c.key)
            .join(project, project.c.key == experiment.c.project_key)
            .where(project.c.name == project_name, experiment.c.number == known.experiment)
        ).one()
        row = {
            "project_key": project_key,
            "id": known.id,
            "experiment_key": experiment_key,
            "time": known.time,
            "info": dict(known.info),
        }
        renewed = ("experiment_key", "time", "info")
        self._connection.execute(upsert(self._dialect, trace, *renewed), row)

    def remove_traces(self, project_name: str, ids: Sequence[str]) -> int:
        """Drop traces; return how many there were."""
        key = select(project.c.key).where(project.c.name == project_name).scalar_subquery()
        return self._connection.execute(
            delete(trace).where(trace.c.project_key == key, trace.c.id.in_(list(ids))),
            execution_options={"preserve_rowcount": True},
        ).rowcount


def _of(name: str) -> AnySelect:
    return _TRACES.where(project.c.name == name)
