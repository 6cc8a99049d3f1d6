"""Which version of an algorithm each git commit is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "git_commit",
        sa.Column("asset_key", KEY, nullable=False),
        sa.Column("commit", sa.LargeBinary(length=32), nullable=False),
        sa.Column("version_key", KEY, nullable=True),
        sa.PrimaryKeyConstraint("asset_key", "commit", name="pk_git_commit"),
        sa.ForeignKeyConstraint(["asset_key"], ["asset.key"], name="fk_git_commit_asset_key"),
        sa.ForeignKeyConstraint(["version_key"], ["version.key"], name="fk_git_commit_version_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_git_commit_version_key", "git_commit", ["version_key"])
