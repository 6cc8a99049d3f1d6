"""Ids, references and frozen records: what the other rooms pass to each other.

No I/O, no clock: whoever makes a record passes the time in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov._lazy import load_on_use

if TYPE_CHECKING:
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
    from ._json_depth import check_depth
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
    "check_depth",
    "check_name",
    "is_name",
    "name_like",
    "new_id",
    "parse_digest",
    "show_digest",
]

__getattr__, __dir__ = load_on_use(
    __name__,
    {
        "Asset": "._assets",
        "AssetId": "._ids",
        "AssetName": "._assets",
        "AuditRow": "._people",
        "Because": "._edges",
        "Change": "._differences",
        "DEFAULT_PROJECT": "._references",
        "Difference": "._differences",
        "Digest": "._ids",
        "Edge": "._edges",
        "Inherits": "._edges",
        "Kind": "._kinds",
        "LATEST": "._references",
        "Member": "._people",
        "Missing": "._policies",
        "Origin": "._edges",
        "Policy": "._policies",
        "Project": "._assets",
        "ProjectId": "._ids",
        "Reference": "._references",
        "Role": "._people",
        "Run": "._runs",
        "RunId": "._ids",
        "RunStatus": "._runs",
        "SignIn": "._people",
        "Token": "._people",
        "TokenId": "._ids",
        "Treatment": "._policies",
        "User": "._people",
        "UserId": "._ids",
        "Version": "._assets",
        "VersionId": "._ids",
        "VersionKey": "._ids",
        "check_depth": "._json_depth",
        "check_name": "._references",
        "is_name": "._references",
        "name_like": "._references",
        "new_id": "._ids",
        "parse_digest": "._ids",
        "show_digest": "._ids",
    },
)
