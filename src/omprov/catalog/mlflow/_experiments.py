"""Experiments: groups of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from omprov.catalog._labels import tags_of
from omprov.catalog._mlflow_tables import experiment
from omprov.catalog._tables import project as _project
from omprov.catalog._tables import tag as tag_table
from omprov.catalog._transaction import ReadTransaction, WriteTransaction, upsert
from omprov.errors import AlreadyExists, NotFound
from omprov.records import new_id

from ._criteria import EXPERIMENTS, Criteria
from ._facts import Experiment
from ._statements import page_of, searched

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from omprov.catalog._transaction import AnyRow

_EXPERIMENTS = select(
    experiment.c.key,
    experiment.c.id,
    experiment.c.number,
    experiment.c.name,
    experiment.c.location,
    experiment.c.stage,
    experiment.c.created,
    experiment.c.updated,
).join(_project, _project.c.key == experiment.c.project_key)


class ExperimentReads(ReadTransaction):
    """Reads of experiments."""

    def find_experiment(self, project: str, number: int) -> Experiment | None:
        """Return an experiment of a project by its number, deleted ones included."""
        return self._one_experiment(project, experiment.c.number == number)

    def find_experiment_by_name(self, project: str, name: str) -> Experiment | None:
        """Return an experiment of a project by its name, deleted ones included."""
        return self._one_experiment(project, experiment.c.name == name)

    def search_experiments(
        self, project: str, criteria: Criteria, *, stages: Sequence[str], limit: int, offset: int
    ) -> list[Experiment]:
        """Return the experiments that meet all criteria, in their order, else the newest first."""
        query = _EXPERIMENTS.where(_project_named(project), experiment.c.stage.in_(stages))
        query = searched(query, EXPERIMENTS, criteria, self._dialect).order_by(
            experiment.c.created.desc(), experiment.c.number
        )
        rows = self._connection.execute(page_of(query, limit, offset)).all()
        return self._to_experiments(rows)

    def _one_experiment(self, project: str, which: Any) -> Experiment | None:
        rows = self._connection.execute(_EXPERIMENTS.where(_project_named(project), which)).all()
        found = self._to_experiments(rows)
        return found[0] if found else None

    def _to_experiments(self, rows: Sequence[AnyRow]) -> list[Experiment]:
        tags = tags_of(self._connection, [row.id for row in rows])
        return [
            Experiment(
                key=row.key,
                id=row.id,
                number=row.number,
                name=row.name,
                location=row.location,
                stage=row.stage,
                created=row.created,
                updated=row.updated,
                tags=tags.get(row.id, {}),
            )
            for row in rows
        ]

    def _experiment_keys(self, project: str, numbers: Iterable[int]) -> list[int]:
        query = (
            select(experiment.c.key)
            .join(_project, _project.c.key == experiment.c.project_key)
            .where(_project_named(project), experiment.c.number.in_(list(numbers)))
        )
        return list(self._connection.execute(query).scalars())


def _project_named(name: str) -> Any:
    return _project.c.name == name


class ExperimentWrites(ExperimentReads, WriteTransaction):
    """Changes of experiments."""

    def add_experiment(
        self,
        project: str,
        name: str,
        *,
        number: int | None = None,
        location: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Experiment:
        """Add an experiment; it gets the next number where none is given.

        Raises:
            AlreadyExists: one of the project, be it deleted, has this name.
            NotFound: there is no such project.
        """
        if self.find_experiment_by_name(project, name) is not None:
            raise AlreadyExists("experiment", name)
        project_key = self._connection.execute(
            select(_project.c.key).where(_project.c.name == project)
        ).scalar()
        if project_key is None:
            raise NotFound("project", project)
        if number is None:
            number = self._next_number(project_key)
        row = {
            "id": new_id(self._now),
            "project_key": project_key,
            "number": number,
            "name": name,
            "location": location,
            "stage": "active",
            "created": self._now,
            "updated": self._now,
        }
        self._connection.execute(insert(experiment), row)
        self.put_foreign_tags(str(row["id"]), tags or {})
        self._note("mlflow.experiment.add", name, {"project": project, "number": number})
        found = self.find_experiment(project, number)
        assert found is not None, "the experiment was just written"
        return found

    def _next_number(self, project_key: int) -> int:
        of_project = experiment.c.project_key == project_key
        last = self._connection.execute(select(func.max(experiment.c.number)).where(of_project))
        return max(last.scalar() or 0, 0) + 1

    def set_experiment(
        self, known: Experiment, *, name: str | None = None, stage: str | None = None
    ) -> None:
        """Rename an experiment, delete it or bring it back."""
        changes: dict[str, Any] = {"updated": self._now}
        changes |= {} if name is None else {"name": name}
        changes |= {} if stage is None else {"stage": stage}
        self._connection.execute(
            update(experiment).where(experiment.c.key == known.key).values(changes)
        )
        told = {key: value for key, value in changes.items() if key != "updated"}
        self._note("mlflow.experiment.set", known.name, told)

    def set_experiment_tags(self, known: Experiment, tags: Mapping[str, str | None]) -> None:
        """Set tags of an experiment; ``None`` takes one away."""
        self.put_foreign_tags(known.id, tags)
        self._connection.execute(
            update(experiment).where(experiment.c.key == known.key).values(updated=self._now)
        )
        self._note("mlflow.experiment.tag", known.name, dict(tags))

    def put_foreign_tags(self, target: str, tags: Mapping[str, str | None]) -> None:
        """Set tags of what is no asset, version or run, by its id; no audit row."""
        gone = [name for name, value in tags.items() if value is None]
        if gone:
            self._connection.execute(
                tag_table.delete().where(tag_table.c.target == target, tag_table.c.name.in_(gone))
            )
        kept = [
            {"target": target, "name": name, "value": value}
            for name, value in tags.items()
            if value is not None
        ]
        if kept:
            self._connection.execute(upsert(self._dialect, tag_table, "value"), kept)
