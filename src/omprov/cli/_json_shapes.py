"""Records as JSON data: the stable keys that ``--json`` promises.

`SHAPES` says in words what every shape holds; the reference page prints it, and a test compares it
with what the functions give.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omprov.records import Run, show_digest

if TYPE_CHECKING:
    from datetime import datetime

    from omprov.records import Because, Inherits, Policy, Token, User, Version
    from omprov.repository import Finding, Lineage, Link

SHAPES = {
    "version": {
        "reference": "`dataset/digits:v3`",
        "id": "UUIDv7, the same in every copy of the repository",
        "asset": "`dataset/digits`",
        "number": "3",
        "digest": "`b3:…` of the content, or null",
        "size": "bytes",
        "files": "how many files",
        "created": "time, ISO 8601",
        "creator": "who recorded it",
        "message": "what they said of it",
        "run": "id of the run that produced it, or null",
        "source": "where the content came from",
        "removed": "time of removal, or null",
        "tags": "name → value",
        "aliases": "list of names",
    },
    "edge": {
        "newer": "reference",
        "older": "reference",
        "weight": "amount of difference",
        "origin": "`declared` or `inferred`",
        "because": "of an inferred edge: list of {role, newer, older, distance}",
        "difference": "of a declared edge: a *difference*, or null",
    },
    "run": {
        "id": "UUIDv7",
        "project": "name",
        "name": "what it was called",
        "status": "`running`, `succeeded`, `failed` or `killed`",
        "started": "time",
        "ended": "time, or null",
        "creator": "who ran it",
        "inputs": "role → reference",
        "outputs": "role → reference",
        "params": "name → value",
        "metrics": "name → last value",
        "command": "list of words",
        "exit_status": "of the command, or null",
        "message": "what was said of it",
        "source": "more facts",
        "tags": "name → value",
        "parent": "id of the run that began it, or null",
        "files": "name → digest of a tree of what it left that is no version",
    },
    "difference": {
        "measure": "name of the measure",
        "amount": "how much differs, in the measure's unit",
        "total": "how much there is to differ",
        "weight": "amount / total",
        "counts": "the sums that the amount is made of",
        "changed": "how many changes there are",
        "changes": "a sample: list of {name, change, old_name?, counts?, old?, new?}",
        "exact": "false where a stated fallback stands in",
        "note": "what to know about the figure",
    },
    "link": {
        "kind": "`used` (run → input), `made` (output → run) or `inherits` (newer → older)",
        "source": "reference of a version or id of a run",
        "target": "the same",
        "role": "in the run; empty for `inherits`",
        "weight": "of `inherits`, else null",
    },
    "user": {
        "id": "UUIDv7",
        "name": "name",
        "created": "time",
        "is_owner": "true where the whole server is theirs",
        "disabled": "true where they cannot sign in any more",
    },
    "token": {
        "id": "UUIDv7",
        "user": "name of whose it is",
        "name": "what it is for",
        "role": "`viewer`, `editor` or `owner`: it may do no more",
        "project": "the only one it works in, or null",
        "created": "time",
        "expires": "time, or null",
        "last_used": "time, to within five minutes, or null",
    },
    "finding": {
        "room": "`catalog`, `content`, `graph` or `remote`",
        "what": "one sentence",
        "versions": "list of references that it hits",
    },
}


def version_json(version: Version) -> dict[str, Any]:
    """Give a version as JSON data."""
    return {
        "reference": version.reference,
        "id": version.id,
        "asset": str(version.asset),
        "number": version.number,
        "digest": None if version.digest is None else show_digest(version.digest),
        "size": version.size,
        "files": version.files,
        "created": version.created.isoformat(),
        "creator": version.creator,
        "message": version.message,
        "run": version.run,
        "source": dict(version.source),
        "removed": _time(version.removed),
        "tags": dict(version.tags),
        "aliases": list(version.aliases),
    }


def edge_json(edge: Inherits) -> dict[str, Any]:
    """Give an edge with what it rests on as JSON data."""
    return {
        "newer": edge.newer.reference,
        "older": edge.older.reference,
        "weight": edge.weight,
        "origin": str(edge.origin),
        "because": [_because_json(reason) for reason in edge.because],
        "difference": None if edge.difference is None else edge.difference.to_json(),
    }


def _because_json(reason: Because) -> dict[str, Any]:
    return {
        "role": reason.role,
        "newer": None if reason.newer is None else reason.newer.reference,
        "older": None if reason.older is None else reason.older.reference,
        "distance": reason.distance,
    }


def run_json(run: Run) -> dict[str, Any]:
    """Give a run as JSON data."""
    return {
        "id": run.id,
        "project": run.project,
        "name": run.name,
        "status": str(run.status),
        "started": run.started.isoformat(),
        "ended": _time(run.ended),
        "creator": run.creator,
        "inputs": {role: version.reference for role, version in run.inputs.items()},
        "outputs": {role: version.reference for role, version in run.outputs.items()},
        "params": dict(run.params),
        "metrics": dict(run.metrics),
        "command": list(run.command),
        "exit_status": run.exit_status,
        "message": run.message,
        "source": dict(run.source),
        "tags": dict(run.tags),
        "parent": run.parent,
        "files": dict(run.files),
    }


def lineage_json(lineage: Lineage) -> dict[str, Any]:
    """Give a lineage as JSON data."""
    return {
        "root": lineage.root.reference,
        "versions": [version_json(version) for version in lineage.versions],
        "runs": [run_json(run) for run in lineage.runs],
        "links": [link_json(link) for link in lineage.links],
        "cut": lineage.cut,
    }


def link_json(link: Link) -> dict[str, Any]:
    """Give an arrow of a lineage as JSON data."""
    return {
        "kind": link.kind,
        "source": node_name(link.source),
        "target": node_name(link.target),
        "role": link.role,
        "weight": link.weight,
    }


def node_name(node: Version | Run) -> str:
    """Return the reference of a version, or the id of a run."""
    return node.id if isinstance(node, Run) else node.reference


def finding_json(finding: Finding) -> dict[str, Any]:
    """Give something that is wrong as JSON data."""
    return {"room": finding.room, "what": finding.what, "versions": list(finding.versions)}


def user_json(user: User) -> dict[str, Any]:
    """Give a user as JSON data."""
    return {
        "id": user.id,
        "name": user.name,
        "created": user.created.isoformat(),
        "is_owner": user.is_owner,
        "disabled": user.disabled,
    }


def token_json(token: Token) -> dict[str, Any]:
    """Give a token, without its secret, as JSON data."""
    return {
        "id": token.id,
        "user": token.user,
        "name": token.name,
        "role": token.role.value,
        "project": token.project,
        "created": token.created.isoformat(),
        "expires": _time(token.expires),
        "last_used": _time(token.last_used),
    }


def policy_json(policy: Policy, roles: list[str]) -> dict[str, Any]:
    """Give a policy as JSON data, with the treatment of `roles` spelled out."""
    treatments = {role: str(policy.treatment(role)) for role in sorted({*roles, *policy.roles})}
    return {"roles": treatments, "missing": str(policy.missing)}


def _time(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()
