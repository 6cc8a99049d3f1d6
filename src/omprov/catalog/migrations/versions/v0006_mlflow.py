"""What MLflow's protocol speaks of: experiments, logged and registered models, artifacts, traces.

And the indices that searches of runs by metrics, parameters and tags need.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ID = sa.String(length=36).with_variant(sa.VARCHAR(length=36, collation="C"), "postgresql")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def short(length: int) -> sa.String:
    """Return the type of names and words: in byte order, like everything in SQLite."""
    return sa.String(length=length).with_variant(
        sa.VARCHAR(length=length, collation="C"), "postgresql"
    )


PATH = short(1000)


def upgrade() -> None:
    _artifact()
    _experiment()
    _link()
    _registered_model()
    _run()
    _trace()
    _logged_model()
    _registered_version()
    _logged_model_metric()
    _logged_model_param()
    _searches()


def _artifact() -> None:
    op.create_table(
        "mlflow_artifact",
        sa.Column("project_key", KEY, nullable=False),
        sa.Column("folder", PATH, nullable=False),
        sa.Column("name", PATH, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_key", "folder", "name", name="pk_mlflow_artifact"),
        sa.ForeignKeyConstraint(
            ["project_key"], ["project.key"], name="fk_mlflow_artifact_project_key"
        ),
        sqlite_with_rowid=False,
    )


def _experiment() -> None:
    op.create_table(
        "mlflow_experiment",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("project_key", KEY, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("location", TEXT, nullable=True),
        sa.Column("stage", short(8), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_mlflow_experiment"),
        sa.ForeignKeyConstraint(
            ["project_key"], ["project.key"], name="fk_mlflow_experiment_project_key"
        ),
        sa.UniqueConstraint("id", name="uq_mlflow_experiment_id"),
    )
    op.create_index(
        "uq_mlflow_experiment_project_key_name",
        "mlflow_experiment",
        ["project_key", "name"],
        unique=True,
    )
    op.create_index(
        "uq_mlflow_experiment_project_key_number",
        "mlflow_experiment",
        ["project_key", "number"],
        unique=True,
    )


def _link() -> None:
    op.create_table(
        "mlflow_link",
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sort", short(8), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("context", TEXT, nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("run_key", "position", name="pk_mlflow_link"),
        sa.ForeignKeyConstraint(["run_key"], ["run.key"], name="fk_mlflow_link_run_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_mlflow_link_name_run_key", "mlflow_link", ["name", "run_key"])


def _registered_model() -> None:
    op.create_table(
        "mlflow_registered_model",
        sa.Column("asset_key", KEY, nullable=False),
        sa.Column("project_key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("asset_key", name="pk_mlflow_registered_model"),
        sa.ForeignKeyConstraint(
            ["asset_key"], ["asset.key"], name="fk_mlflow_registered_model_asset_key"
        ),
        sa.ForeignKeyConstraint(
            ["project_key"], ["project.key"], name="fk_mlflow_registered_model_project_key"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "uq_mlflow_registered_model_project_key_name",
        "mlflow_registered_model",
        ["project_key", "name"],
        unique=True,
    )


def _run() -> None:
    op.create_table(
        "mlflow_run",
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("experiment_key", KEY, nullable=False),
        sa.Column("stage", short(8), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_key", name="pk_mlflow_run"),
        sa.ForeignKeyConstraint(["run_key"], ["run.key"], name="fk_mlflow_run_run_key"),
        sa.ForeignKeyConstraint(
            ["experiment_key"], ["mlflow_experiment.key"], name="fk_mlflow_run_experiment_key"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_mlflow_run_experiment_key_stage_started_run_key",
        "mlflow_run",
        ["experiment_key", "stage", "started", "run_key"],
    )


def _trace() -> None:
    op.create_table(
        "mlflow_trace",
        sa.Column("project_key", KEY, nullable=False),
        sa.Column("id", short(128), nullable=False),
        sa.Column("experiment_key", KEY, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("info", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("project_key", "id", name="pk_mlflow_trace"),
        sa.ForeignKeyConstraint(
            ["project_key"], ["project.key"], name="fk_mlflow_trace_project_key"
        ),
        sa.ForeignKeyConstraint(
            ["experiment_key"], ["mlflow_experiment.key"], name="fk_mlflow_trace_experiment_key"
        ),
    )
    op.create_index(
        "ix_mlflow_trace_experiment_key_time", "mlflow_trace", ["experiment_key", "time"]
    )


def _logged_model() -> None:
    op.create_table(
        "mlflow_logged_model",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("experiment_key", KEY, nullable=False),
        sa.Column("run_key", KEY, nullable=True),
        sa.Column("version_key", KEY, nullable=True),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("model_type", TEXT, nullable=False),
        sa.Column("status", short(32), nullable=False),
        sa.Column("stage", short(8), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_mlflow_logged_model"),
        sa.ForeignKeyConstraint(
            ["experiment_key"],
            ["mlflow_experiment.key"],
            name="fk_mlflow_logged_model_experiment_key",
        ),
        sa.ForeignKeyConstraint(["run_key"], ["run.key"], name="fk_mlflow_logged_model_run_key"),
        sa.ForeignKeyConstraint(
            ["version_key"], ["version.key"], name="fk_mlflow_logged_model_version_key"
        ),
        sa.UniqueConstraint("id", name="uq_mlflow_logged_model_id"),
    )
    op.create_index(
        "ix_mlflow_logged_model_experiment_key_stage_created_key",
        "mlflow_logged_model",
        ["experiment_key", "stage", "created", "key"],
    )
    op.create_index("ix_mlflow_logged_model_run_key", "mlflow_logged_model", ["run_key"])


def _registered_version() -> None:
    op.create_table(
        "mlflow_registered_version",
        sa.Column("version_key", KEY, nullable=False),
        sa.Column("asset_key", KEY, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("run", TEXT, nullable=False),
        sa.Column("run_link", TEXT, nullable=False),
        sa.Column("model", TEXT, nullable=False),
        sa.Column("stage", short(16), nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("updated", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("version_key", name="pk_mlflow_registered_version"),
        sa.ForeignKeyConstraint(
            ["version_key"], ["version.key"], name="fk_mlflow_registered_version_version_key"
        ),
        sa.ForeignKeyConstraint(
            ["asset_key"],
            ["mlflow_registered_model.asset_key"],
            name="fk_mlflow_registered_version_asset_key",
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_mlflow_registered_version_asset_key_version_key",
        "mlflow_registered_version",
        ["asset_key", "version_key"],
    )
    op.create_index("ix_mlflow_registered_version_run", "mlflow_registered_version", ["run"])


def _logged_model_metric() -> None:
    op.create_table(
        "mlflow_logged_model_metric",
        sa.Column("model_key", KEY, nullable=False),
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("dataset_name", TEXT, nullable=False),
        sa.Column("dataset_digest", TEXT, nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint(
            "model_key",
            "run_key",
            "name",
            "dataset_name",
            "dataset_digest",
            name="pk_mlflow_logged_model_metric",
        ),
        sa.ForeignKeyConstraint(
            ["model_key"],
            ["mlflow_logged_model.key"],
            name="fk_mlflow_logged_model_metric_model_key",
        ),
        sa.ForeignKeyConstraint(
            ["run_key"], ["run.key"], name="fk_mlflow_logged_model_metric_run_key"
        ),
        sqlite_with_rowid=False,
    )


def _logged_model_param() -> None:
    op.create_table(
        "mlflow_logged_model_param",
        sa.Column("model_key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("model_key", "name", name="pk_mlflow_logged_model_param"),
        sa.ForeignKeyConstraint(
            ["model_key"],
            ["mlflow_logged_model.key"],
            name="fk_mlflow_logged_model_param_model_key",
        ),
        sqlite_with_rowid=False,
    )


def _searches() -> None:
    op.create_index("ix_metric_name_value", "metric", ["name", "value", "run_key"])
    op.create_index(
        "ix_run_param_name_value", "run_param", ["name", sa.text("substr(value, 1, 64)")]
    )
    op.create_index("ix_tag_name_value", "tag", ["name", sa.text("substr(value, 1, 64)")])
