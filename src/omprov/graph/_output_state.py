"""Inferred graphs as bytes: ids, provenance tuples and stored edges.

Groups, orders and caches are not stored; they follow.
"""

from __future__ import annotations

import json
import math
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from omprov.errors import InvalidInput

from ._id_tables import ids_from_sections, ids_to_sections, table_of
from ._snapshots import pack, unpack
from ._stored_edges import iter_edges

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from ._version_table import VersionTable

_KIND = "output graph"
_LAYOUT = 1


@dataclass(frozen=True, slots=True)
class Stored:
    """What the bytes hold.

    Attributes:
        own_roles: roles that take versions of the graph itself.
        versions: id and provenance tuple, in the order of creation.
        edges: newer id, older id, weight; None while it is still to be computed.
    """

    own_roles: list[str]
    versions: list[tuple[Any, dict[str, Any]]]
    edges: list[tuple[Any, Any, float | None]]


def to_bytes(table: VersionTable, own_roles: Iterable[str]) -> bytes:
    """Pack a graph.

    Raises:
        InvalidInput: the ids of the versions are neither all int nor all str, or an id of an input
            is neither.
    """
    pairs: dict[tuple[str, Hashable], int] = {}
    lengths, used = array("i"), array("i")
    for inputs in table.used:
        lengths.append(len(inputs))
        used.extend(pairs.setdefault(pair, len(pairs)) for pair in inputs)
    for role, id_ in pairs:
        if type(id_) not in {int, str}:
            raise InvalidInput(f"state() keeps ids that are int or str, not {id_!r} of {role!r}")
    newer, older, weights = array("i"), array("i"), array("d")
    for upper, lower, weight in iter_edges(table):
        newer.append(upper)
        older.append(lower)
        weights.append(math.nan if weight is None else weight)
    sections: dict[str, bytes | bytearray | array[Any]] = {
        "pairs": json.dumps(list(pairs)).encode(),
        "lengths": lengths,
        "used": used,
        "newer": newer,
        "older": older,
        "weights": weights,
    }
    facts = {"own_roles": sorted(own_roles)}
    return pack(_KIND, _LAYOUT, facts, sections | ids_to_sections(table_of(table.ids)))


def from_bytes(state: bytes | memoryview) -> Stored:
    """Unpack what `to_bytes` made.

    Raises:
        Damaged: the bytes have changed.
        SchemaMismatch: another release or machine wrote them in another layout.
    """
    facts, sections = unpack(_KIND, _LAYOUT, state)
    ids = list(ids_from_sections(sections))
    pairs = [tuple(pair) for pair in json.loads(bytes(sections["pairs"]))]
    used = iter(sections["used"].cast("i"))
    versions = [
        (id_, dict(pairs[next(used)] for _ in range(length)))
        for id_, length in zip(ids, sections["lengths"].cast("i"), strict=True)
    ]
    numbers = zip(sections["newer"].cast("i"), sections["older"].cast("i"), strict=True)
    weights = sections["weights"].cast("d")
    edges = [
        (ids[newer], ids[older], None if math.isnan(weight) else weight)
        for (newer, older), weight in zip(numbers, weights, strict=True)
    ]
    return Stored(facts["own_roles"], versions, edges)
