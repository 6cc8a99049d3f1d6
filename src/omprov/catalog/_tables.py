"""The tables, as `migrations` builds them; a test holds the two together.

Columns that end in ``_key`` (and `edge.newer`, `edge.older`) hold internal integer keys; columns
named ``id`` hold the public UUIDs. ``removed`` is the time of a tombstone: no row of an asset or a
version is ever deleted. `feed` and `audit` are append-only: nothing here updates or deletes there.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
)

from ._types import (
    DigestBytes,
    ExitStatus,
    IdText,
    Json,
    KeyInteger,
    Measurement,
    PlainText,
    Time,
    short_text,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

repository = Table(
    "repository",  # one row; whoever locks it is the one writer
    metadata,
    Column("key", KeyInteger, primary_key=True, autoincrement=False),
    Column("feed_position", BigInteger, nullable=False),
    Column("release", short_text(64), nullable=False),
)

project = Table(
    "project",
    metadata,
    Column("key", KeyInteger, primary_key=True),
    Column("id", IdText, nullable=False, unique=True),
    Column("name", short_text(128), nullable=False, unique=True),
    Column("created", Time, nullable=False),
)

asset = Table(
    "asset",
    metadata,
    Column("key", KeyInteger, primary_key=True),
    Column("id", IdText, nullable=False, unique=True),
    Column("project_key", ForeignKey("project.key"), nullable=False),
    Column("kind", short_text(16), nullable=False),
    Column("name", short_text(128), nullable=False),
    Column("created", Time, nullable=False),
    Column("creator", PlainText, nullable=False),
    Column("description", PlainText, nullable=False),
    Column("policy", Json),
    Column("measure", PlainText),
    Column("removed", Time),
    Index("uq_asset_project_key_kind_name", "project_key", "kind", "name", unique=True),
    Index(None, "name"),
)

run = Table(
    "run",
    metadata,
    Column("key", KeyInteger, primary_key=True),
    Column("id", IdText, nullable=False, unique=True),
    Column("tail", IdText, nullable=False, index=True),
    Column("project_key", ForeignKey("project.key"), nullable=False),
    Column("name", PlainText, nullable=False),
    Column("status", short_text(16), nullable=False),
    Column("started", Time, nullable=False),
    Column("ended", Time),
    Column("creator", PlainText, nullable=False),
    Column("command", Json, nullable=False),
    Column("exit_status", ExitStatus),
    Column("message", PlainText, nullable=False),
    Column("source", Json, nullable=False),
    Index(None, "project_key", "key"),
    Index(None, "status", "key"),
    Index(None, "name", "key"),
)

version = Table(
    "version",
    metadata,
    Column("key", KeyInteger, primary_key=True),
    Column("id", IdText, nullable=False, unique=True),
    Column("asset_key", ForeignKey("asset.key"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("digest", DigestBytes),
    Column("size", BigInteger, nullable=False),
    Column("files", BigInteger, nullable=False),
    Column("created", Time, nullable=False),
    Column("creator", PlainText, nullable=False),
    Column("message", PlainText, nullable=False),
    Column("run_key", ForeignKey("run.key")),
    Column("source", Json, nullable=False),
    Column("removed", Time),
    # run_key stands in the index so that the graphs load without touching the table
    Index("uq_version_asset_key_number", "asset_key", "number", unique=True),
    Index(None, "asset_key", "run_key", "key"),
    Index(None, "asset_key", "digest"),
    Index(None, "run_key"),
)

edge = Table(
    "edge",
    metadata,
    Column("origin", short_text(8), primary_key=True),
    Column("newer", ForeignKey("version.key"), primary_key=True),
    Column("older", ForeignKey("version.key"), primary_key=True, index=True),
    Column("weight", Double),
    CheckConstraint("newer <> older", name="two_ends"),
    sqlite_with_rowid=False,  # one tree in key order: a quarter of the size, and bulk reads stream
)

evidence = Table(
    "evidence",
    metadata,
    Column("origin", short_text(8), primary_key=True),
    Column("newer", KeyInteger, primary_key=True),
    Column("older", KeyInteger, primary_key=True),
    Column("difference", Json, nullable=False),
    ForeignKeyConstraint(
        ["origin", "newer", "older"],
        ["edge.origin", "edge.newer", "edge.older"],
        ondelete="CASCADE",
        name="fk_evidence_edge",
    ),
)

run_input = Table(
    "run_input",
    metadata,
    Column("run_key", ForeignKey("run.key"), primary_key=True),
    Column("role", PlainText, primary_key=True),
    Column("version_key", ForeignKey("version.key"), nullable=False),
    Index(None, "version_key", "run_key"),
    sqlite_with_rowid=False,
)

run_output = Table(
    "run_output",
    metadata,
    Column("run_key", ForeignKey("run.key"), primary_key=True),
    Column("role", PlainText, primary_key=True),
    Column("version_key", ForeignKey("version.key"), nullable=False),
    Index(None, "version_key", "run_key"),
    sqlite_with_rowid=False,
)

run_parent = Table(
    "run_parent",  # the id of the run that began another one, be it recorded yet or not
    metadata,
    Column("run_key", ForeignKey("run.key"), primary_key=True),
    Column("parent", IdText, nullable=False, index=True),
    sqlite_with_rowid=False,
)

run_files = Table(
    "run_files",  # trees of what a run left that is no version: its log, texts, figures
    metadata,
    Column("run_key", ForeignKey("run.key"), primary_key=True),
    Column("name", PlainText, primary_key=True),
    Column("digest", DigestBytes, nullable=False),
    sqlite_with_rowid=False,
)

run_journal = Table(
    "run_journal",  # how much of each journal that a run keeps was recorded
    metadata,
    Column("run_key", ForeignKey("run.key"), primary_key=True),
    Column("name", PlainText, primary_key=True),
    Column("position", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

run_param = Table(
    "run_param",
    metadata,
    Column("run_key", ForeignKey("run.key"), primary_key=True),
    Column("name", PlainText, primary_key=True),
    Column("value", Json, nullable=False),
    sqlite_with_rowid=False,
)

metric = Table(
    "metric",  # with the last point of each, so that tables of runs read no points
    metadata,
    Column("key", KeyInteger, primary_key=True),
    Column("run_key", ForeignKey("run.key"), nullable=False),
    Column("name", PlainText, nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("time", Time, nullable=False),
    Column("value", Measurement),
    Index("uq_metric_run_key_name", "run_key", "name", unique=True),
)

metric_point = Table(
    "metric_point",
    metadata,
    Column("key", KeyInteger, primary_key=True),
    Column("metric_key", ForeignKey("metric.key"), nullable=False),
    Column("step", BigInteger, nullable=False),
    Column("time", Time, nullable=False),
    Column("value", Measurement),
    Index(None, "metric_key", "step", "time"),
)

alias = Table(
    "alias",
    metadata,
    Column("asset_key", ForeignKey("asset.key"), primary_key=True),
    Column("name", short_text(128), primary_key=True),
    Column("version_key", ForeignKey("version.key"), nullable=False, index=True),
)

tag = Table(
    "tag",
    metadata,
    Column("target", IdText, primary_key=True),  # the id of an asset, a version or a run
    Column("name", PlainText, primary_key=True),
    Column("value", PlainText, nullable=False),
)

git_commit = Table(
    "git_commit",  # which version of an algorithm a commit is; NULL where it is of none
    metadata,
    Column("asset_key", ForeignKey("asset.key"), primary_key=True),
    Column("commit", LargeBinary(32), primary_key=True),
    Column("version_key", ForeignKey("version.key"), index=True),
    sqlite_with_rowid=False,
)

feed = Table(
    "feed",
    metadata,
    Column("position", KeyInteger, primary_key=True, autoincrement=False),
    Column("kind", short_text(16), nullable=False),
    Column("time", Time, nullable=False),
    Column("asset_key", ForeignKey("asset.key")),
    Column("version_key", ForeignKey("version.key")),
    Column("data", Json, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    Column("key", KeyInteger, primary_key=True),
    Column("time", Time, nullable=False),
    Column("who", PlainText, nullable=False),
    Column("action", PlainText, nullable=False),
    Column("target", PlainText, nullable=False),
    Column("detail", Json, nullable=False),
    Column("project_key", ForeignKey("project.key")),
    Index(None, "project_key", "key"),
)

account = Table(
    "account",  # a user; that word is taken in SQL
    metadata,
    Column("key", KeyInteger, primary_key=True),
    Column("id", IdText, nullable=False, unique=True),
    Column("name", short_text(128), nullable=False, unique=True),
    Column("created", Time, nullable=False),
    Column("is_owner", Boolean, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("password", short_text(256), nullable=False),  # as argon2 writes a hash
)

member = Table(
    "member",
    metadata,
    Column("project_key", ForeignKey("project.key"), primary_key=True),
    Column("account_key", ForeignKey("account.key"), primary_key=True, index=True),
    Column("role", short_text(8), nullable=False),
    sqlite_with_rowid=False,
)

token = Table(
    "token",
    metadata,
    Column("key", KeyInteger, primary_key=True),
    Column("id", IdText, nullable=False, unique=True),
    Column("account_key", ForeignKey("account.key"), nullable=False, index=True),
    Column("name", PlainText, nullable=False),
    Column("role", short_text(8), nullable=False),
    Column("project_key", ForeignKey("project.key")),
    Column("digest", DigestBytes, nullable=False, unique=True),  # of the secret
    Column("created", Time, nullable=False),
    Column("expires", Time),
    Column("last_used", Time),
)

sign_in = Table(
    "sign_in",
    metadata,
    Column("digest", DigestBytes, primary_key=True),  # of the secret
    Column("account_key", ForeignKey("account.key"), nullable=False, index=True),
    Column("created", Time, nullable=False),
    Column("expires", Time, nullable=False),
    Column("used", Time, nullable=False),
    sqlite_with_rowid=False,
)

sign_in_tries = Table(
    "sign_in_tries",  # failures under a name, from a place, or under a name from a place
    metadata,
    Column("subject", DigestBytes, primary_key=True),
    Column("account_key", ForeignKey("account.key")),  # who has signed in from this place before
    Column("times", Json, nullable=False),
    Column("level", Integer, nullable=False),
    Column("until", Time),
    Column("touched", Time, nullable=False),
    Index(None, "account_key", "touched"),
    sqlite_with_rowid=False,
)

protected_alias = Table(
    "protected_alias",
    metadata,
    Column("asset_key", ForeignKey("asset.key"), primary_key=True),
    Column("name", short_text(128), primary_key=True),
    sqlite_with_rowid=False,
)

snapshot = Table(
    "snapshot",
    metadata,
    Column("name", PlainText, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("checksum", DigestBytes, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

request_key = Table(
    "request_key",  # requests that were told to count once, and what they were answered
    metadata,
    Column("scope", PlainText, primary_key=True),  # whose, and to do what
    Column("key", PlainText, primary_key=True),
    Column("body", DigestBytes, nullable=False),
    Column("time", Time, nullable=False, index=True),
    Column("status", Integer),
    Column("answer", LargeBinary),
)
