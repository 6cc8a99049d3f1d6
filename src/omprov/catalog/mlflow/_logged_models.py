"""Logged models: what runs log as models, registered or not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, insert, or_, select, update

from omprov.catalog._labels import tags_of
from omprov.catalog._mlflow_tables import (
    experiment,
    logged_model,
    logged_model_metric,
    logged_model_param,
)
from omprov.catalog._tables import project, run
from omprov.catalog._transaction import in_batches, insert_or, upsert
from omprov.errors import NotFound

from ._criteria import LOGGED_MODELS, Criteria
from ._facts import LoggedModel, ModelMetric
from ._runs import TrackedRunReads, TrackedRunWrites
from ._statements import page_of, searched

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omprov.records import RunId, VersionKey

_MODELS = (
    select(
        logged_model.c.key,
        logged_model.c.id,
        experiment.c.number,
        experiment.c.location,
        run.c.id.label("run"),
        logged_model.c.version_key,
        logged_model.c.name,
        logged_model.c.model_type,
        logged_model.c.status,
        logged_model.c.created,
        logged_model.c.updated,
    )
    .select_from(logged_model)
    .join(experiment, experiment.c.key == logged_model.c.experiment_key)
    .join(project, project.c.key == experiment.c.project_key)
    .outerjoin(run, run.c.key == logged_model.c.run_key)
)
_PARAMS = (
    select(logged_model_param.c.model_key, logged_model_param.c.name, logged_model_param.c.value)
    .where(logged_model_param.c.model_key.in_(bindparam("keys", expanding=True)))
    .order_by(logged_model_param.c.model_key, logged_model_param.c.name)
)
_METRICS = (
    select(
        logged_model_metric.c.model_key,
        logged_model_metric.c.name,
        logged_model_metric.c.value,
        logged_model_metric.c.time,
        logged_model_metric.c.step,
        run.c.id,
        logged_model_metric.c.dataset_name,
        logged_model_metric.c.dataset_digest,
    )
    .join(run, run.c.key == logged_model_metric.c.run_key)
    .where(logged_model_metric.c.model_key.in_(bindparam("keys", expanding=True)))
    .order_by(logged_model_metric.c.model_key, logged_model_metric.c.name)
)


class LoggedModelReads(TrackedRunReads):
    """Reads of logged models; deleted ones are left out."""

    def find_logged_model(self, project: str, id: str) -> LoggedModel | None:
        """Return a logged model of the project."""
        found = self._models(project, logged_model.c.id == id)
        return found[0] if found else None

    def logged_models_of(self, project: str, id: RunId) -> list[LoggedModel]:
        """Return the models that a run logged, in their order."""
        return self._models(project, run.c.id == id)

    def search_logged_models(
        self,
        project: str,
        experiments: Sequence[int],
        criteria: Criteria,
        *,
        limit: int,
        offset: int = 0,
    ) -> list[LoggedModel]:
        """Return the logged models that meet all criteria, in their order, then newest first."""
        keys = self._experiment_keys(project, experiments)
        query = _MODELS.where(
            logged_model.c.experiment_key.in_(keys), logged_model.c.stage == "active"
        )
        query = searched(query, LOGGED_MODELS, criteria, self._dialect).order_by(
            logged_model.c.created.desc(), logged_model.c.id
        )
        return self._to_models(self._connection.execute(page_of(query, limit, offset)).all())

    def _models(self, name: str, which: Any) -> list[LoggedModel]:
        query = _MODELS.where(project.c.name == name, which, logged_model.c.stage == "active")
        return self._to_models(self._connection.execute(query.order_by(logged_model.c.key)).all())

    def _to_models(self, rows: Sequence[Any]) -> list[LoggedModel]:
        keys = [row.key for row in rows]
        params: dict[int, dict[str, str]] = {}
        metrics: dict[int, list[ModelMetric]] = {}
        for batch in in_batches(keys):
            for key, name, value in self._connection.execute(_PARAMS, {"keys": batch}):
                params.setdefault(key, {})[name] = value
            for key, *point in self._connection.execute(_METRICS, {"keys": batch}):
                metrics.setdefault(key, []).append(ModelMetric(*point))
        tags = tags_of(self._connection, [row.id for row in rows])
        return [
            LoggedModel(
                key=row.key,
                id=row.id,
                experiment=row.number,
                location=row.location,
                run=row.run,
                version=row.version_key,
                name=row.name,
                model_type=row.model_type,
                status=row.status,
                created=row.created,
                updated=row.updated,
                params=params.get(row.key, {}),
                tags=tags.get(row.id, {}),
                metrics=tuple(metrics.get(row.key, ())),
            )
            for row in rows
        ]


class LoggedModelWrites(LoggedModelReads, TrackedRunWrites):
    """Changes of logged models."""

    def add_logged_model(
        self,
        project: str,
        experiment: int,
        *,
        id: str,
        name: str,
        model_type: str,
        run: RunId | None,
        params: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> LoggedModel:
        """Add a logged model whose files are still to come.

        Raises:
            NotFound: there is no such experiment or run.
        """
        keys = self._experiment_keys(project, [experiment])
        if not keys:
            raise NotFound("experiment", experiment)
        row = {
            "id": id,
            "experiment_key": keys[0],
            "run_key": None if run is None else self._run_key(run),
            "version_key": None,
            "name": name,
            "model_type": model_type,
            "status": "PENDING",
            "stage": "active",
            "created": self._now,
            "updated": self._now,
        }
        self._connection.execute(insert(logged_model), row)
        self._note("mlflow.model.add", id, {"name": name, "run": run})
        known = self._changed_model(project, id)
        self.set_logged_model_params(known, params)
        self.put_foreign_tags(id, tags)
        return self._changed_model(project, id)

    def set_logged_model(
        self,
        known: LoggedModel,
        *,
        status: str | None = None,
        stage: str | None = None,
        version: VersionKey | None = None,
    ) -> None:
        """Change what is given."""
        changes = {"status": status, "stage": stage, "version_key": version}
        given = {name: value for name, value in changes.items() if value is not None}
        self._connection.execute(
            update(logged_model)
            .where(logged_model.c.key == known.key)
            .values(updated=self._now, **given)
        )
        self._note("mlflow.model.set", known.id, given)

    def set_logged_model_tags(self, known: LoggedModel, tags: Mapping[str, str | None]) -> None:
        """Set tags of a logged model; ``None`` takes one away."""
        self.put_foreign_tags(known.id, tags)
        self.set_logged_model(known)

    def set_logged_model_params(self, known: LoggedModel, params: Mapping[str, str]) -> None:
        """Set parameters of a logged model."""
        rows = [
            {"model_key": known.key, "name": name, "value": value} for name, value in params.items()
        ]
        if rows:
            self._connection.execute(upsert(self._dialect, logged_model_param, "value"), rows)

    def put_model_metrics(
        self, id: RunId, metrics: Sequence[tuple[LoggedModel, ModelMetric]]
    ) -> None:
        """Renew the last points of logged models' metrics, as a run logged them."""
        put = insert_or(self._dialect, logged_model_metric)
        new, old = put.excluded, logged_model_metric.c
        later = or_(new.step > old.step, and_(new.step == old.step, new.time >= old.time))
        renew = put.on_conflict_do_update(
            index_elements=[column.name for column in logged_model_metric.primary_key],
            set_={"step": new.step, "time": new.time, "value": new.value},
            where=later,
        )
        run_key = self._run_key(id)
        rows = [
            {
                "model_key": known.key,
                "run_key": run_key,
                "name": point.name,
                "dataset_name": point.dataset_name,
                "dataset_digest": point.dataset_digest,
                "step": point.step,
                "time": point.time,
                "value": point.value,
            }
            for known, point in metrics
        ]
        if rows:
            self._connection.execute(renew, rows)

    def _changed_model(self, project: str, id: str) -> LoggedModel:
        found = self.find_logged_model(project, id)
        assert found is not None, f"the logged model {id} was just written"
        return found
