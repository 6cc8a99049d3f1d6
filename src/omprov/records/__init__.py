"""Ids, references and frozen records: what the other rooms pass to each other.

No I/O, no clock: whoever makes a record passes the time in.
"""

from ._assets import Asset, AssetName, Project, Version
from ._differences import Change, Difference
from ._edges import Because, Edge, Inherits, Origin
from ._ids import (
    AssetId,
    Digest,
    ProjectId,
    RunId,
    TokenId,
    UserId,
    VersionId,
    VersionKey,
    new_id,
    parse_digest,
    show_digest,
)
from ._kinds import Kind
from ._people import AuditRow, Member, Role, SignIn, Token, User
from ._policies import Missing, Policy, Treatment
from ._references import DEFAULT_PROJECT, LATEST, Reference, check_name, is_name, name_like
from ._runs import Run, RunStatus

__all__ = [
    "DEFAULT_PROJECT",
    "LATEST",
    "Asset",
    "AssetId",
    "AssetName",
    "AuditRow",
    "Because",
    "Change",
    "Difference",
    "Digest",
    "Edge",
    "Inherits",
    "Kind",
    "Member",
    "Missing",
    "Origin",
    "Policy",
    "Project",
    "ProjectId",
    "Reference",
    "Role",
    "Run",
    "RunId",
    "RunStatus",
    "SignIn",
    "Token",
    "TokenId",
    "Treatment",
    "User",
    "UserId",
    "Version",
    "VersionId",
    "VersionKey",
    "check_name",
    "is_name",
    "name_like",
    "new_id",
    "parse_digest",
    "show_digest",
]
