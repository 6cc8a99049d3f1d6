"""In which role a run uses, or makes, each of its datasets."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._datasets import Place

_LONGEST = 128


def roles_of(places: Sequence[Place]) -> list[str]:
    """Return a role for each dataset.

    One alone is ``dataset`` (or whatever kind it is), so that a job that reads another one next
    time is compared with what it made before. Of several each is ``dataset.NAME``, by its asset,
    for the order in which events name them means nothing. What OMProv says of its own stays.
    """
    kinds = [place.asset.kind for place in places]
    return [
        place.own.role
        if place.own is not None
        else str(place.asset.kind)
        if kinds.count(place.asset.kind) == 1
        else _long_role(f"{place.asset.kind}.{place.asset.name}")
        for place in places
    ]


def _long_role(role: str) -> str:
    if len(role) <= _LONGEST:
        return role
    digits = hashlib.sha256(role.encode()).hexdigest()[:16]
    return f"{role[: _LONGEST - 17]}-{digits}"
