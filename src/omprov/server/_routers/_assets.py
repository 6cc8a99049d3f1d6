"""One asset: its facts, its versions, its aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Query
from starlette.responses import Response

from omprov.errors import InvalidInput
from omprov.records import Asset, Role, Version
from omprov.repository import History
from omprov.server._access import Access, Asking
from omprov.server._answers import answer, answer_one, nothing
from omprov.server._paging import Cursor, Limit, make_cursor, page, read_cursor
from omprov.server._schemas._records import ref
from omprov.server._schemas._requests import AliasTarget, AssetChange, Protection
from omprov.server._visible import visible_history

from ._declaring import changes, gives, gives_one, lists, make_router

if TYPE_CHECKING:
    from omprov.repository import Repository

router = make_router("assets")
_PREVIOUS = {
    "type": "object",
    "properties": {
        "previous": {
            "anyOf": [ref(Version), {"type": "null"}],
            "description": "Where the alias pointed before.",
        }
    },
    "required": ["previous"],
    "additionalProperties": False,
}


@router.get("/assets/{id}", **gives_one(Asset))
def get_asset_by_id(asking: Asking, id: str) -> Response:
    """Return an asset, be it removed."""
    return answer_one(asking.request, asking.asset_by_id(id, Role.VIEWER))


@router.patch("/assets/{id}", **changes(ref(Asset)))
def set_asset(asking: Asking, id: str, body: AssetChange) -> Response:
    """Change what is given of an asset; a new policy infers its version graph anew."""
    asset, repository = _to_change(asking, id, Role.EDITOR)
    changed = asset
    if body.policy is not None:
        changed = repository.set_policy(asset.name, body.policy.record())
    if body.description is not None or body.measure is not None:
        changed = repository.set_asset(
            asset.name, description=body.description, measure=body.measure
        )
    return answer(asking.request, changed)


@router.delete("/assets/{id}", **changes(ref(Asset)))
def remove_asset(asking: Asking, id: str) -> Response:
    """Remove an asset; its versions stay as tombstones. Takes an owner."""
    asset, repository = _to_change(asking, id, Role.OWNER)
    return answer(asking.request, repository.remove_asset(asset.name))


@router.get("/assets/{id}/versions", **lists(Version))
def list_versions(
    asking: Asking,
    id: str,
    limit: Limit = 100,
    below: Annotated[int | None, Query(ge=0, lt=2**63, description="Only lower numbers.")] = None,
    cursor: Cursor = None,
) -> Response:
    """List the versions of an asset, newest first."""
    asset = asking.asset_by_id(id, Role.VIEWER)
    after = read_cursor(cursor, int)
    found = asking.repository.list_versions(
        asset.name, limit=limit + 1, below=below if after is None else after[0]
    )
    return answer(asking.request, page(found, limit, lambda one: make_cursor(one.number)))


@router.get("/assets/{id}/history", **gives_one(History))
def history(asking: Asking, id: str) -> Response:
    """Return the version graph of an asset."""
    asset = asking.asset_by_id(id, Role.VIEWER)
    found = asking.repository.history(asset.name)
    return answer_one(asking.request, visible_history(asking, found))


@router.put("/assets/{id}/aliases/{name}", **changes(_PREVIOUS))
def set_alias(asking: Asking, id: str, name: str, body: AliasTarget) -> Response:
    """Point an alias at a version of the asset. A protected one takes an owner.

    With `previous` it moves from there only: of two who move it at once, one gets a conflict.
    """
    asset, repository = _to_change(asking, id, Role.EDITOR)
    version = asking.version_by_id(body.version, Role.EDITOR)
    if version.asset != asset.name:
        raise InvalidInput(f"{version} is no version of {asset.name}")
    if "previous" not in body.model_fields_set:
        before = repository.set_alias(version, name)
    else:
        seen = body.previous and asking.version_by_id(body.previous, Role.VIEWER, removed=True)
        before = repository.set_alias(version, name, expected=seen or None)
    return answer(asking.request, {"previous": before})


@router.delete("/assets/{id}/aliases/{name}", **changes(None))
def remove_alias(asking: Asking, id: str, name: str) -> Response:
    """Take an alias away. A protected one takes an owner."""
    asset, repository = _to_change(asking, id, Role.EDITOR)
    repository.remove_alias(asset.name, name)
    return nothing()


@router.put("/assets/{id}/aliases/{name}/protection", **changes(None))
def protect_alias(asking: Asking, id: str, name: str, body: Protection) -> Response:
    """Let only owners move an alias, or everybody who may edit. Takes an owner."""
    asset, repository = _to_change(asking, id, Role.OWNER)
    repository.protect_alias(asset.name, name, body.protected)
    return nothing()


@router.get(
    "/assets/{id}/protected-aliases", **gives({"type": "array", "items": {"type": "string"}})
)
def list_protected(asking: Asking, id: str) -> Response:
    """List the aliases that only owners move."""
    asset = asking.asset_by_id(id, Role.VIEWER)
    return answer(asking.request, list(asking.repository.list_protected(asset.name)))


def _to_change(asking: Access, id: str, role: Role) -> tuple[Asset, Repository]:
    asset = asking.asset_by_id(id, role)
    return asset, asking.at(asset.name.project)
