"""What is read of MLflow's tables, as frozen records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from omprov.records import Asset, Digest, RunId, RunStatus, Version, VersionKey


@dataclass(frozen=True, slots=True)
class Experiment:
    """A group of runs of a project.

    Attributes:
        key: internal.
        number: by which clients know it; 0 is the one that is always there.
        location: where clients put artifacts, if not here.
        stage: ``active`` or ``deleted``.
    """

    key: int
    id: str
    number: int
    name: str
    location: str | None
    stage: str
    created: datetime
    updated: datetime
    tags: Mapping[str, str] = field(default_factory=dict)


class TrackedMetric(NamedTuple):
    """The last point of a metric."""

    name: str
    value: float
    time: datetime
    step: int


@dataclass(frozen=True, slots=True)
class Link:
    """A dataset or model that a run names.

    Attributes:
        sort: ``dataset``; ``used`` or ``made``, of models.
        name: of the dataset, or the id of the model.
        context: what the dataset is for.
        data: as it was sent.
    """

    sort: Literal["dataset", "used", "made"]
    name: str
    digest: str = ""
    context: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrackedRun:
    """A run as MLflow knows it."""

    key: int
    id: RunId
    experiment: int
    location: str | None
    stage: str
    name: str
    status: RunStatus
    started: datetime
    ended: datetime | None
    creator: str
    metrics: tuple[TrackedMetric, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelMetric:
    """The last point of a logged model's metric, as one run logged it on one dataset."""

    name: str
    value: float
    time: datetime
    step: int
    run: RunId
    dataset_name: str = ""
    dataset_digest: str = ""


@dataclass(frozen=True, slots=True)
class LoggedModel:
    """A model that a run logs.

    Attributes:
        version: once it is recorded.
    """

    key: int
    id: str
    experiment: int
    location: str | None
    run: RunId | None
    version: VersionKey | None
    name: str
    model_type: str
    status: str
    created: datetime
    updated: datetime
    params: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[ModelMetric, ...] = ()


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """An asset under the name that MLflow's clients gave it."""

    name: str
    asset: Asset
    updated: datetime


@dataclass(frozen=True, slots=True)
class RegisteredVersion:
    """A version of a registered model.

    Attributes:
        model_name: of the registered model.
        source: where clients said that its files are.
        run: the id of its run, as clients gave it.
        model: the id of its logged model.
        stage: ``None``, ``Staging``, ``Production`` or ``Archived``.
    """

    model_name: str
    version: Version
    source: str
    run: str
    run_link: str
    model: str
    stage: str
    description: str
    updated: datetime


@dataclass(frozen=True, slots=True)
class ArtifactFile:
    """A file that clients stored.

    Attributes:
        digest: of a tree that holds this file alone.
    """

    folder: str
    name: str
    digest: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Trace:
    """What was sent of a trace; its spans are an artifact."""

    id: str
    experiment: int
    time: datetime
    info: Mapping[str, Any]
