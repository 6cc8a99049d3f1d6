"""Users, what they sign in with, roles in projects, protected aliases; the project in the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def short(length: int) -> sa.String:
    """Return the type of names and words: in byte order, like everything in SQLite."""
    return sa.String(length=length).with_variant(
        sa.VARCHAR(length=length, collation="C"), "postgresql"
    )


ID = short(36)


def upgrade() -> None:
    _add_users()
    _add_secrets()
    _add_protection()
    _add_projects_to_audit()


def _add_users() -> None:
    op.create_table(
        "account",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("name", short(128), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("is_owner", sa.Boolean(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("password", short(256), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_account"),
        sa.UniqueConstraint("id", name="uq_account_id"),
        sa.UniqueConstraint("name", name="uq_account_name"),
    )
    op.create_table(
        "member",
        sa.Column("project_key", KEY, nullable=False),
        sa.Column("account_key", KEY, nullable=False),
        sa.Column("role", short(8), nullable=False),
        sa.PrimaryKeyConstraint("project_key", "account_key", name="pk_member"),
        sa.ForeignKeyConstraint(["project_key"], ["project.key"], name="fk_member_project_key"),
        sa.ForeignKeyConstraint(["account_key"], ["account.key"], name="fk_member_account_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_member_account_key", "member", ["account_key"])


def _add_secrets() -> None:
    op.create_table(
        "token",
        sa.Column("key", KEY, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("account_key", KEY, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("role", short(8), nullable=False),
        sa.Column("project_key", KEY, nullable=True),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.Column("last_used", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("key", name="pk_token"),
        sa.UniqueConstraint("id", name="uq_token_id"),
        sa.UniqueConstraint("digest", name="uq_token_digest"),
        sa.ForeignKeyConstraint(["account_key"], ["account.key"], name="fk_token_account_key"),
        sa.ForeignKeyConstraint(["project_key"], ["project.key"], name="fk_token_project_key"),
    )
    op.create_index("ix_token_account_key", "token", ["account_key"])
    op.create_table(
        "sign_in",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_key", KEY, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_sign_in"),
        sa.ForeignKeyConstraint(["account_key"], ["account.key"], name="fk_sign_in_account_key"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_sign_in_account_key", "sign_in", ["account_key"])
    op.create_table(
        "sign_in_tries",
        sa.Column("subject", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_key", KEY, nullable=True),
        sa.Column("times", TEXT, nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=True),
        sa.Column("touched", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_sign_in_tries"),
        sa.ForeignKeyConstraint(
            ["account_key"], ["account.key"], name="fk_sign_in_tries_account_key"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_sign_in_tries_account_key_touched", "sign_in_tries", ["account_key", "touched"]
    )


def _add_protection() -> None:
    op.create_table(
        "protected_alias",
        sa.Column("asset_key", KEY, nullable=False),
        sa.Column("name", short(128), nullable=False),
        sa.PrimaryKeyConstraint("asset_key", "name", name="pk_protected_alias"),
        sa.ForeignKeyConstraint(["asset_key"], ["asset.key"], name="fk_protected_alias_asset_key"),
        sqlite_with_rowid=False,
    )


def _add_projects_to_audit() -> None:
    with op.batch_alter_table("audit") as audit:
        audit.add_column(sa.Column("project_key", KEY, nullable=True))
        audit.create_foreign_key("fk_audit_project_key", "project", ["project_key"], ["key"])
    op.create_index("ix_audit_project_key_key", "audit", ["project_key", "key"])
    connection = op.get_bind()
    _place_runs(connection)
    _place_names(connection)


def _place_runs(connection: sa.Connection) -> None:
    for action, home in (
        ("run.%", "SELECT run.project_key FROM run WHERE run.id = audit.target"),
        ("tag.set", "SELECT run.project_key FROM run WHERE run.id = audit.target"),
        ("tag.set", "SELECT asset.project_key FROM asset WHERE asset.id = audit.target"),
        (
            "tag.set",
            """
            SELECT asset.project_key FROM version JOIN asset ON asset.key = version.asset_key
            WHERE version.id = audit.target
            """,
        ),
        ("project.add", "SELECT project.key FROM project WHERE project.name = audit.target"),
    ):
        connection.execute(
            sa.text(
                f"UPDATE audit SET project_key = ({home}) "  # noqa: S608 the texts stand above
                "WHERE action LIKE :action AND project_key IS NULL"
            ),
            {"action": action},
        )


def _place_names(connection: sa.Connection) -> None:
    """Find the projects of what is named as ``[project/]kind/name[:selector]``."""
    known = connection.execute(sa.text("SELECT name, key FROM project"))
    projects = {name: key for name, key in known}  # noqa: C416 rows are no pairs to the type checker
    unplaced = sa.text(
        "SELECT key, target FROM audit WHERE project_key IS NULL AND key > :after "
        "AND target LIKE '%/%' ORDER BY key LIMIT 10000"
    )
    place = sa.text("UPDATE audit SET project_key = :project WHERE key = :row")
    after = 0
    while rows := connection.execute(unplaced, {"after": after}).all():
        after = rows[-1][0]
        placed = [
            {"row": key, "project": projects[name]}
            for key, target in rows
            if (name := _project_in(target)) in projects
        ]
        if placed:
            connection.execute(place, placed)


def _project_in(target: str) -> str:
    first, _, rest = target.partition(":")[0].partition("/")
    return first if "/" in rest else "default"
