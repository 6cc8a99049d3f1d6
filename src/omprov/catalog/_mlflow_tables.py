"""The tables of what MLflow's protocol speaks of and OMProv has no other place for.

Runs, points of metrics, parameters, tags, versions and aliases stand in the tables that all share.
Tags of experiments and logged models stand in `tag`, too, by their ids.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    func,
)

from . import _tables
from ._tables import metadata
from ._types import (
    DigestBytes,
    IdText,
    Json,
    KeyInteger,
    Measurement,
    PlainText,
    Time,
    short_text,
)

INDEXED = 64
"""So many characters of a tag's or a parameter's value stand in its index: PostgreSQL takes no
row of more than 2,700 bytes in one."""

PathText = short_text(1000)
"""A path in byte order, so that what is below a folder is a range."""

experiment = Table(
    "mlflow_experiment",
    metadata,
    Column("key", KeyInteger, primary_key=True),
    Column("id", IdText, nullable=False, unique=True),
    Column("project_key", ForeignKey("project.key"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("name", PlainText, nullable=False),
    Column("location", PlainText),  # of artifacts, where it is not this server
    Column("stage", short_text(8), nullable=False),
    Column("created", Time, nullable=False),
    Column("updated", Time, nullable=False),
    Index("uq_mlflow_experiment_project_key_number", "project_key", "number", unique=True),
    Index("uq_mlflow_experiment_project_key_name", "project_key", "name", unique=True),
)

tracked = Table(
    "mlflow_run",  # the experiment of a run; `started` is the run's, for pages in its order
    metadata,
    Column("run_key", ForeignKey("run.key"), primary_key=True),
    Column("experiment_key", ForeignKey("mlflow_experiment.key"), nullable=False),
    Column("stage", short_text(8), nullable=False),
    Column("started", Time, nullable=False),
    Index(None, "experiment_key", "stage", "started", "run_key"),
    sqlite_with_rowid=False,
)

link = Table(
    "mlflow_link",  # datasets and models that a run names, as they were sent
    metadata,
    Column("run_key", ForeignKey("run.key"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("sort", short_text(8), nullable=False),  # dataset, used, made
    Column("name", PlainText, nullable=False),  # of the dataset; the id of the model
    Column("digest", PlainText, nullable=False),
    Column("context", PlainText, nullable=False),
    Column("data", Json, nullable=False),
    Index(None, "name", "run_key"),
    sqlite_with_rowid=False,
)

logged_model = Table(
    "mlflow_logged_model",
    metadata,
    Column("key", KeyInteger, primary_key=True),
    Column("id", IdText, nullable=False, unique=True),
    Column("experiment_key", ForeignKey("mlflow_experiment.key"), nullable=False),
    Column("run_key", ForeignKey("run.key"), index=True),
    Column("version_key", ForeignKey("version.key")),  # once it is recorded
    Column("name", PlainText, nullable=False),
    Column("model_type", PlainText, nullable=False),
    Column("status", short_text(32), nullable=False),
    Column("stage", short_text(8), nullable=False),
    Column("created", Time, nullable=False),
    Column("updated", Time, nullable=False),
    Index(None, "experiment_key", "stage", "created", "key"),
)

logged_model_param = Table(
    "mlflow_logged_model_param",
    metadata,
    Column("model_key", ForeignKey("mlflow_logged_model.key"), primary_key=True),
    Column("name", PlainText, primary_key=True),
    Column("value", PlainText, nullable=False),
    sqlite_with_rowid=False,
)

logged_model_metric = Table(
    "mlflow_logged_model_metric",  # the last point of each
    metadata,
    Column("model_key", ForeignKey("mlflow_logged_model.key"), primary_key=True),
    Column("run_key", ForeignKey("run.key"), primary_key=True),
    Column("name", PlainText, primary_key=True),
    Column("dataset_name", PlainText, primary_key=True),
    Column("dataset_digest", PlainText, primary_key=True),
    Column("step", BigInteger, nullable=False),
    Column("time", Time, nullable=False),
    Column("value", Measurement),
    sqlite_with_rowid=False,
)

registered_model = Table(
    "mlflow_registered_model",  # what MLflow calls an asset
    metadata,
    Column("asset_key", ForeignKey("asset.key"), primary_key=True),
    Column("project_key", ForeignKey("project.key"), nullable=False),
    Column("name", PlainText, nullable=False),
    Column("updated", Time, nullable=False),
    Index("uq_mlflow_registered_model_project_key_name", "project_key", "name", unique=True),
    sqlite_with_rowid=False,
)

registered_version = Table(
    "mlflow_registered_version",
    metadata,
    Column("version_key", ForeignKey("version.key"), primary_key=True),
    Column("asset_key", ForeignKey("mlflow_registered_model.asset_key"), nullable=False),
    Column("source", PlainText, nullable=False),
    Column("run", PlainText, nullable=False),
    Column("run_link", PlainText, nullable=False),
    Column("model", PlainText, nullable=False),
    Column("stage", short_text(16), nullable=False),
    Column("description", PlainText, nullable=False),
    Column("updated", Time, nullable=False),
    Index(None, "asset_key", "version_key"),
    Index(None, "run"),
    sqlite_with_rowid=False,
)

artifact = Table(
    "mlflow_artifact",  # files as they come; each is stored as a tree that holds it alone
    metadata,
    Column("project_key", ForeignKey("project.key"), primary_key=True),
    Column("folder", PathText, primary_key=True),
    Column("name", PathText, primary_key=True),
    Column("digest", DigestBytes, nullable=False),
    Column("size", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

trace = Table(
    "mlflow_trace",
    metadata,
    Column("project_key", ForeignKey("project.key"), primary_key=True),
    Column("id", short_text(128), primary_key=True),
    Column("experiment_key", ForeignKey("mlflow_experiment.key"), nullable=False),
    Column("time", Time, nullable=False),
    Column("info", Json, nullable=False),
    Index(None, "experiment_key", "time"),
)

# what searches look for, in tables that all share
Index(
    "ix_metric_name_value",
    _tables.metric.c.name,
    _tables.metric.c.value,
    _tables.metric.c.run_key,
)
Index(
    "ix_run_param_name_value",
    _tables.run_param.c.name,
    func.substr(_tables.run_param.c.value, 1, INDEXED),
)
Index(
    "ix_tag_name_value",
    _tables.tag.c.name,
    func.substr(_tables.tag.c.value, 1, INDEXED),
)
