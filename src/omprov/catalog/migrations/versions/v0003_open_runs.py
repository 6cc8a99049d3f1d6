"""Runs within runs, what runs left beside versions, and how far their journals got."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ID = sa.String(length=36).with_variant(sa.VARCHAR(length=36, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "run_parent",
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("parent", ID, nullable=False),
        sa.PrimaryKeyConstraint("run_key", name="pk_run_parent"),
        sa.ForeignKeyConstraint(["run_key"], ["run.key"], name="fk_run_parent_run_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_run_parent_parent", "run_parent", ["parent"])
    op.create_table(
        "run_journal",
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("run_key", "name", name="pk_run_journal"),
        sa.ForeignKeyConstraint(["run_key"], ["run.key"], name="fk_run_journal_run_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_files",
        sa.Column("run_key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("run_key", "name", name="pk_run_files"),
        sa.ForeignKeyConstraint(["run_key"], ["run.key"], name="fk_run_files_run_key"),
        sqlite_with_rowid=False,
    )
