"""What searches look for: comparisons and orders, and what they may name in each search."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from sqlalchemy import String, case, cast, func, literal, select

from omprov.catalog._mlflow_tables import (
    experiment,
    logged_model,
    registered_model,
    registered_version,
    tracked,
)
from omprov.catalog._tables import asset, run, tag, version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement

Entity: TypeAlias = Literal["attribute", "metric", "param", "tag", "dataset"]

PRESENT = ("IS NULL", "IS NOT NULL")
"""Operators that take no value."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of a filter.

    Attributes:
        value: a number, a text, several texts for ``IN`` and ``NOT IN``; nothing for `PRESENT`.
            Times are milliseconds since 1970.
    """

    entity: Entity
    key: str
    operator: str
    value: float | str | tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Ordering:
    """One key of an order; what lacks it comes last.

    Attributes:
        dataset: name and digest of the dataset on which a logged model's metric was measured; the
            empty text for any.
    """

    entity: Entity
    key: str
    ascending: bool = True
    dataset: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Criteria:
    """What is sought, all of it, and in which order.

    Attributes:
        datasets: (name, digest) of those on which logged models' metrics were measured; any of
            them, where there are some.
    """

    comparisons: tuple[Comparison, ...] = ()
    orderings: tuple[Ordering, ...] = ()
    datasets: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """What a search is for.

    Attributes:
        name: for messages.
        attributes: name → column.
        times: those of them that are times.
        numbers: those of them that are other numbers.
        ids: those of them that are UUIDs, which MLflow writes without hyphens.
        target: by which its tags are found.
        key: by which its metrics and parameters are found; ``None`` where it has none.
        lacking_differs: whether what lacks a tag meets ``!=``.
    """

    name: str
    attributes: Mapping[str, ColumnElement[Any]]
    target: ColumnElement[Any]
    times: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    key: ColumnElement[Any] | None = None
    entities: frozenset[str] = field(default=frozenset({"attribute", "tag"}))
    lacking_differs: bool = False

    def is_number(self, entity: str, key: str) -> bool:
        """Tell whether this is compared as a number."""
        return entity == "metric" or (entity == "attribute" and key in self.times | self.numbers)


_STATUS = case(
    (run.c.status == "succeeded", "FINISHED"), else_=func.upper(run.c.status, type_=String)
)

_USER = func.coalesce(
    select(tag.c.value)
    .where(tag.c.target == run.c.id, tag.c.name == "mlflow.user")
    .correlate(run)
    .scalar_subquery(),
    run.c.creator,
)
_ARTIFACTS = (
    func.coalesce(
        experiment.c.location, literal("mlflow-artifacts:/") + cast(experiment.c.number, String)
    )
    + "/"
    + func.replace(run.c.id, "-", "")
    + "/artifacts"
)

RUNS = Subject(
    "runs",
    {
        "run_id": run.c.id,
        "run_name": run.c.name,
        "status": _STATUS,
        "start_time": tracked.c.started,
        "end_time": run.c.ended,
        "user_id": _USER,
        "artifact_uri": _ARTIFACTS,
    },
    target=run.c.id,
    times=frozenset({"start_time", "end_time"}),
    ids=frozenset({"run_id"}),
    key=tracked.c.run_key,
    entities=frozenset({"attribute", "metric", "param", "tag", "dataset"}),
)

EXPERIMENTS = Subject(
    "experiments",
    {
        "name": experiment.c.name,
        "experiment_id": cast(experiment.c.number, String),
        "creation_time": experiment.c.created,
        "last_update_time": experiment.c.updated,
    },
    target=experiment.c.id,
    times=frozenset({"creation_time", "last_update_time"}),
)

LOGGED_MODELS = Subject(
    "logged models",
    {
        "name": logged_model.c.name,
        "model_id": logged_model.c.id,
        "model_type": logged_model.c.model_type,
        "status": logged_model.c.status,
        "source_run_id": run.c.id,
        "creation_timestamp": logged_model.c.created,
        "last_updated_timestamp": logged_model.c.updated,
    },
    target=logged_model.c.id,
    times=frozenset({"creation_timestamp", "last_updated_timestamp"}),
    ids=frozenset({"source_run_id"}),
    key=logged_model.c.key,
    entities=frozenset({"attribute", "metric", "param", "tag"}),
)

REGISTERED_MODELS = Subject(
    "registered models",
    {
        "name": registered_model.c.name,
        "creation_timestamp": asset.c.created,
        "last_updated_timestamp": registered_model.c.updated,
    },
    target=asset.c.id,
    times=frozenset({"creation_timestamp", "last_updated_timestamp"}),
    lacking_differs=True,
)

MODEL_VERSIONS = Subject(
    "model versions",
    {
        "name": registered_model.c.name,
        "version_number": version.c.number,
        "run_id": registered_version.c.run,
        "source_path": registered_version.c.source,
        "creation_timestamp": version.c.created,
        "last_updated_timestamp": registered_version.c.updated,
    },
    target=version.c.id,
    times=frozenset({"creation_timestamp", "last_updated_timestamp"}),
    numbers=frozenset({"version_number"}),
    lacking_differs=True,
)
