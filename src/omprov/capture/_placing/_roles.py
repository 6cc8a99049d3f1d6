"""Which role each version plays in a run, the same each time the same assets are used.

`docs/design/placing.md` tells why the rules are as they are: runs with different roles are not
compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.errors import OmprovError
from omprov.records import Kind, Origin, Reference, VersionKey, name_like

from ._names import is_held_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omprov.records import AssetName, Version
    from omprov.repository import Repository

_HEADS = {Kind.MODEL: "base_model"}
_NEVER_BARE = frozenset({Kind.PARAMS, Kind.ENVIRONMENT})
"""The bare names are those of what every run records of itself."""
_MOST_FORKS = 32
_LONGEST = 128


@dataclass(frozen=True, slots=True)
class Placed:
    """A version that a run used.

    Attributes:
        version: which.
        path: where it lies; orders those that nothing else does.
        name: what to call it where two assets have one name.
    """

    version: Version
    path: str
    name: str


def give_roles(
    repository: Repository, placed: Iterable[Placed], declared: Mapping[str, Version]
) -> dict[str, Version]:
    """Return role → version.

    The only dataset is ``dataset``. Of several it is the one that is not held out for tests by its
    name, and whose asset is the oldest; the others are ``dataset.NAME``. An asset that forked from
    another one counts as that one.

    Args:
        repository: tells where assets forked from.
        placed: what was used; what is declared already, and what comes twice, is left out.
        declared: the roles that are given.
    """
    taken = dict(declared)
    known = {version.key for version in declared.values()}
    by_head: dict[str, list[tuple[tuple[bool, VersionKey, str], str, Placed]]] = {}
    for one in placed:
        if one.version.key in known:
            continue
        known.add(one.version.key)
        origin = _origin(repository, one.version)
        age = _first_key(repository, origin, one.version)
        rank = (is_held_out(origin.name), age, one.path)
        head = _HEADS.get(one.version.asset.kind, str(one.version.asset.kind))
        by_head.setdefault(head, []).append((rank, origin.name, one))
    for head, ranked in sorted(by_head.items()):
        for _, name, one in sorted(ranked, key=lambda item: item[0]):
            taken[_free_role(head, name, one, taken)] = one.version
    return {role: version for role, version in taken.items() if role not in declared}


def _free_role(head: str, name: str, one: Placed, taken: Mapping[str, Version]) -> str:
    bare = [] if one.version.asset.kind in _NEVER_BARE else [head]
    names = [name, one.version.asset.name, name_like(one.name, "other")]
    numbered = (f"{names[-1][:100]}-{number}" for number in range(2, len(taken) + 3))
    wanted = [*bare, *(f"{head}.{text}"[:_LONGEST] for text in (*names, *numbered))]
    return next(role for role in wanted if role not in taken)


def _origin(repository: Repository, version: Version) -> AssetName:
    """Return the asset that this one forked from, and that one from another, and so on."""
    asset, seen = version.asset, {version.asset}
    while len(seen) < _MOST_FORKS:
        try:
            parents = repository.inherits(_first(asset))
        except OmprovError:
            break
        elsewhere = [
            edge.older.asset
            for edge in parents
            if edge.origin is Origin.DECLARED and edge.older.asset not in seen
        ]
        if not elsewhere:
            break
        asset = min(elsewhere)
        seen.add(asset)
    return asset


def _first_key(repository: Repository, asset: AssetName, otherwise: Version) -> VersionKey:
    try:
        return repository.get_version(_first(asset), removed=True).key
    except OmprovError:
        return otherwise.key


def _first(asset: AssetName) -> Reference:
    return Reference(asset.name, asset.kind, asset.project, "v1")
