"""Histories that git recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Query
from starlette.responses import Response

from omprov.errors import InvalidInput
from omprov.records import Difference, Edge, Role, Version, VersionKey
from omprov.repository import CommitVersion
from omprov.server._access import Asking
from omprov.server._answers import answer, answer_one
from omprov.server._idempotency import Key, create
from omprov.server._named import named_asset, stored
from omprov.server._schemas._requests import CommitHome, CommitNames, CommitTags, NewCommits

from ._declaring import array_of, changes, gives, gives_one, make_router, versions_by_name
from ._projects import Reference

if TYPE_CHECKING:
    from omprov.repository import Repository

router = make_router("git")
_COUNT = {
    "type": "object",
    "properties": {"count": {"type": "integer"}},
    "required": ["count"],
    "additionalProperties": False,
}
_KEYS = {"type": "object", "additionalProperties": {"type": ["integer", "null"]}}


@router.post("/projects/{project}/commits", **changes(_COUNT, status=201))
def add_commits(asking: Asking, project: str, body: NewCommits, key: Key = None) -> Response:
    """Record versions that commits make; answers how many were new."""
    repository = asking.in_project(project, Role.EDITOR)
    asset = named_asset(asking, body.asset, project)
    versions = [_commit_version(repository, one) for one in body.versions]
    homes: dict[str, Any] = dict(body.commits)

    def make(on: Repository) -> dict[str, int]:
        return {"count": on.add_commits(asset, versions, homes, body.tags)}

    return create(asking, repository, key, body, make)


def _commit_version(repository: Repository, said: CommitHome) -> CommitVersion:
    content = stored(repository, said.content.digest)
    try:
        inherited = {
            home if isinstance(home, str) else VersionKey(home): Difference.from_json(facts)
            for home, facts in said.inherits
        }
    except (KeyError, TypeError) as error:
        raise InvalidInput(f"this is no difference: {error}") from error
    return CommitVersion(
        said.commit, content, inherited, said.message, said.creator, said.created, said.source
    )


@router.post("/projects/{project}/commits/versions", **changes(versions_by_name()))
def find_commits(asking: Asking, project: str, body: CommitNames) -> Response:
    """Find the version that each commit is; null where it is of none. Changes nothing."""
    repository = asking.in_project(project, Role.VIEWER)
    asset = _readable(asking, body.asset, project)
    return answer(asking.request, repository.find_commits(asset, body.commits or []))


@router.post("/projects/{project}/commits/keys", **changes(_KEYS))
def find_commit_keys(asking: Asking, project: str, body: CommitNames) -> Response:
    """Find the keys of the versions that commits are. Changes nothing."""
    repository = asking.in_project(project, Role.VIEWER)
    asset = _readable(asking, body.asset, project)
    return answer(asking.request, repository.find_commit_keys(asset, body.commits))


@router.post("/projects/{project}/commits/tags", **changes(_COUNT))
def tag_commits(asking: Asking, project: str, body: CommitTags) -> Response:
    """Set the tag `git` of the versions that commits make; answers how many have one now."""
    repository = asking.in_project(project, Role.EDITOR)
    asset = named_asset(asking, body.asset, project)
    return answer(asking.request, {"count": repository.tag_commits(asset, body.states)})


@router.get("/projects/{project}/commits/edges", **gives(array_of(Edge)))
def uploaded_edges(asking: Asking, project: str, reference: Reference) -> Response:
    """List the edges of an asset's versions, by keys, without their evidence."""
    repository = asking.in_project(project, Role.VIEWER)
    asset = asking.reference(reference, Role.VIEWER, project)
    return answer(asking.request, repository.uploaded_edges(asset))


@router.get("/projects/{project}/commits/version", **gives_one(Version))
def get_commit_version(
    asking: Asking,
    project: str,
    reference: Reference,
    commit: Annotated[str | None, Query(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")] = None,
    key: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> Response:
    """Find a version by the commit that makes it, or by its key."""
    repository = asking.in_project(project, Role.VIEWER)
    asset = asking.reference(reference, Role.VIEWER, project)
    home = commit if commit is not None else None if key is None else VersionKey(key)
    if home is None:
        raise InvalidInput("say which: `commit` or `key`")
    found = repository.get_commit_version(asset, home)
    return answer_one(asking.request, asking.version_by_id(found.id, Role.VIEWER, removed=True))


def _readable(asking: Asking, named: Any, project: str) -> Any:
    text = named if isinstance(named, str) else str(named.record())
    return asking.reference(text, Role.VIEWER, project)
