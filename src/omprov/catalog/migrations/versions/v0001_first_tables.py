"""The first tables.

Column types are written out, not taken from `_types`: a migration stays as it was released.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INTEGER = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ID = sa.String(length=36).with_variant(sa.VARCHAR(length=36, collation="C"), "postgresql")


def short(length: int) -> sa.String:
    """Return the type of names and words: in byte order, like everything in SQLite."""
    return sa.String(length=length).with_variant(
        sa.VARCHAR(length=length, collation="C"), "postgresql"
    )


def upgrade() -> None:
    _repository_and_projects()
    _assets()
    _runs()
    _versions()
    _edges()
    _run_links()
    _metrics()
    _labels()
    _feed_and_audit()
    _snapshots()


def _repository_and_projects() -> None:
    op.create_table(
        "repository",
        sa.Column("key", KEY, autoincrement=False, nullable=False),
        sa.Column("feed_position", sa.BigInteger(), nullable=False),
        sa.Column("release", short(64), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_repository"),
    )
    op.create_table(
        "project",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("name", short(128), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_project"),
        sa.UniqueConstraint("id", name="uq_project_id"),
        sa.UniqueConstraint("name", name="uq_project_name"),
    )


def _assets() -> None:
    op.create_table(
        "asset",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("project_key", KEY, nullable=False),
        sa.Column("kind", short(16), nullable=False),
        sa.Column("name", short(128), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("creator", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("policy", TEXT, nullable=True),
        sa.Column("measure", TEXT, nullable=True),
        sa.Column("removed", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["project_key"], ["project.key"], name="fk_asset_project_key"),
        sa.PrimaryKeyConstraint("key", name="pk_asset"),
        sa.UniqueConstraint("id", name="uq_asset_id"),
    )
    op.create_index("ix_asset_name", "asset", ["name"], unique=False)
    op.create_index(
        "uq_asset_project_key_kind_name", "asset", ["project_key", "kind", "name"], unique=True
    )


def _runs() -> None:
    op.create_table(
        "run",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("tail", ID, nullable=False),
        sa.Column("project_key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("status", short(16), nullable=False),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.BigInteger(), nullable=True),
        sa.Column("creator", TEXT, nullable=False),
        sa.Column("command", TEXT, nullable=False),
        sa.Column("exit_status", INTEGER, nullable=True),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["project_key"], ["project.key"], name="fk_run_project_key"),
        sa.PrimaryKeyConstraint("key", name="pk_run"),
        sa.UniqueConstraint("id", name="uq_run_id"),
    )
    op.create_index("ix_run_name_key", "run", ["name", "key"], unique=False)
    op.create_index("ix_run_project_key_key", "run", ["project_key", "key"], unique=False)
    op.create_index("ix_run_status_key", "run", ["status", "key"], unique=False)
    op.create_index("ix_run_tail", "run", ["tail"], unique=False)


def _versions() -> None:
    op.create_table(
        "version",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("asset_key", KEY, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("creator", TEXT, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("run_key", KEY, nullable=True),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("removed", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["asset_key"], ["asset.key"], name="fk_version_asset_key"),
        sa.ForeignKeyConstraint(["run_key"], ["run.key"], name="fk_version_run_key"),
        sa.PrimaryKeyConstraint("key", name="pk_version"),
        sa.UniqueConstraint("id", name="uq_version_id"),
    )
    op.create_index("ix_version_asset_key_digest", "version", ["asset_key", "digest"], unique=False)
    op.create_index(
        "ix_version_asset_key_run_key_key", "version", ["asset_key", "run_key", "key"], unique=False
    )
    op.create_index("ix_version_run_key", "version", ["run_key"], unique=False)
    op.create_index("uq_version_asset_key_number", "version", ["asset_key", "number"], unique=True)


def _edges() -> None:
    op.create_table(
        "edge",
        sa.Column("origin", short(8), nullable=False),
        sa.Column("newer", KEY, nullable=False),
        sa.Column("older", KEY, nullable=False),
        sa.Column("weight", sa.Double(), nullable=True),
        sa.CheckConstraint("newer <> older", name=op.f("ck_edge_two_ends")),
        sa.ForeignKeyConstraint(["newer"], ["version.key"], name="fk_edge_newer"),
        sa.ForeignKeyConstraint(["older"], ["version.key"], name="fk_edge_older"),
        sa.PrimaryKeyConstraint("origin", "newer", "older", name="pk_edge"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_edge_older", "edge", ["older"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("origin", short(8), nullable=False),
        sa.Column("newer", KEY, nullable=False),
        sa.Column("older", KEY, nullable=False),
        sa.Column("difference", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["origin", "newer", "older"],
            ["edge.origin", "edge.newer", "edge.older"],
            name="fk_evidence_edge",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("origin", "newer", "older", name="pk_evidence"),
    )


def _run_links() -> None:
    op.create_table(
        "run_input",
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("version_key", KEY, nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["run.key"], name="fk_run_input_run_key"),
        sa.ForeignKeyConstraint(["version_key"], ["version.key"], name="fk_run_input_version_key"),
        sa.PrimaryKeyConstraint("run_key", "role", name="pk_run_input"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_run_input_version_key_run_key", "run_input", ["version_key", "run_key"], unique=False
    )
    op.create_table(
        "run_output",
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("role", TEXT, nullable=False),
        sa.Column("version_key", KEY, nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["run.key"], name="fk_run_output_run_key"),
        sa.ForeignKeyConstraint(["version_key"], ["version.key"], name="fk_run_output_version_key"),
        sa.PrimaryKeyConstraint("run_key", "role", name="pk_run_output"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_run_output_version_key_run_key", "run_output", ["version_key", "run_key"], unique=False
    )
    op.create_table(
        "run_param",
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["run_key"], ["run.key"], name="fk_run_param_run_key"),
        sa.PrimaryKeyConstraint("run_key", "name", name="pk_run_param"),
        sqlite_with_rowid=False,
    )


def _metrics() -> None:
    op.create_table(
        "metric",
        sa.Column("key", KEY, nullable=False),
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["run_key"], ["run.key"], name="fk_metric_run_key"),
        sa.PrimaryKeyConstraint("key", name="pk_metric"),
    )
    op.create_index("uq_metric_run_key_name", "metric", ["run_key", "name"], unique=True)
    op.create_table(
        "metric_point",
        sa.Column("key", KEY, nullable=False),
        sa.Column("metric_key", KEY, nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["metric_key"], ["metric.key"], name="fk_metric_point_metric_key"),
        sa.PrimaryKeyConstraint("key", name="pk_metric_point"),
    )
    op.create_index(
        "ix_metric_point_metric_key_step_time",
        "metric_point",
        ["metric_key", "step", "time"],
        unique=False,
    )


def _labels() -> None:
    op.create_table(
        "alias",
        sa.Column("asset_key", KEY, nullable=False),
        sa.Column("name", short(128), nullable=False),
        sa.Column("version_key", KEY, nullable=False),
        sa.ForeignKeyConstraint(["asset_key"], ["asset.key"], name="fk_alias_asset_key"),
        sa.ForeignKeyConstraint(["version_key"], ["version.key"], name="fk_alias_version_key"),
        sa.PrimaryKeyConstraint("asset_key", "name", name="pk_alias"),
    )
    op.create_index("ix_alias_version_key", "alias", ["version_key"], unique=False)
    op.create_table(
        "tag",
        sa.Column("target", ID, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("target", "name", name="pk_tag"),
    )


def _feed_and_audit() -> None:
    op.create_table(
        "feed",
        sa.Column("position", KEY, autoincrement=False, nullable=False),
        sa.Column("kind", short(16), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("asset_key", KEY, nullable=True),
        sa.Column("version_key", KEY, nullable=True),
        sa.Column("data", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["asset_key"], ["asset.key"], name="fk_feed_asset_key"),
        sa.ForeignKeyConstraint(["version_key"], ["version.key"], name="fk_feed_version_key"),
        sa.PrimaryKeyConstraint("position", name="pk_feed"),
    )
    op.create_table(
        "audit",
        sa.Column("key", KEY, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("who", TEXT, nullable=False),
        sa.Column("action", TEXT, nullable=False),
        sa.Column("target", TEXT, nullable=False),
        sa.Column("detail", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_audit"),
    )


def _snapshots() -> None:
    op.create_table(
        "snapshot",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("checksum", sa.LargeBinary(length=32), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_snapshot"),
    )
