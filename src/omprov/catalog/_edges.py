"""Edges between versions, and the bulk reads that graphs are built from."""

from __future__ import annotations

import math
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, case, delete, select, update

from omprov.errors import InvalidInput
from omprov.records import Difference, Edge, Kind, Origin, VersionKey

from ._interface import StoredEdge
from ._tables import asset, edge, evidence, project, run_input, version
from ._transaction import ReadTransaction, WriteTransaction, in_batches, plain_rows, upsert

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omprov.records import AssetId, AssetName

    from ._transaction import AnySelect

_SAMPLE = 20

_ORIGINS = [origin.value for origin in Origin]
_STORED = (
    select(edge.c.newer, edge.c.older, edge.c.weight, edge.c.origin, evidence.c.difference)
    .outerjoin(
        evidence,
        and_(
            evidence.c.origin == edge.c.origin,
            evidence.c.newer == edge.c.newer,
            evidence.c.older == edge.c.older,
        ),
    )
    .order_by(edge.c.newer, edge.c.older, edge.c.origin)
)
_FROM = _STORED.where(
    edge.c.origin.in_(_ORIGINS),  # lets the primary key, led by origin, serve
    edge.c.newer.in_(bindparam("keys", expanding=True)),
)
_TO = _STORED.where(edge.c.older.in_(bindparam("keys", expanding=True)))
_OF_ASSET = (
    select(edge.c.newer, edge.c.older, edge.c.weight, edge.c.origin)
    .join(version, version.c.key == edge.c.newer)
    .join(asset, asset.c.key == version.c.asset_key)
    .join(project, project.c.key == asset.c.project_key)
    .where(
        edge.c.origin.in_(_ORIGINS),
        project.c.name == bindparam("project"),
        asset.c.kind == bindparam("kind"),
        asset.c.name == bindparam("name"),
    )
    .order_by(edge.c.newer, edge.c.older, edge.c.origin)
)
_UPLOADED = (
    select(version.c.key)
    .join(asset, asset.c.key == version.c.asset_key)
    .where(asset.c.kind == bindparam("kind"), version.c.run_key.is_(None))
    .order_by(version.c.key)
)
_DECLARED = (
    select(edge.c.newer, edge.c.older, edge.c.weight)
    .where(
        edge.c.origin == Origin.DECLARED.value,
        edge.c.newer.between(bindparam("first"), bindparam("last")),
    )
    .order_by(edge.c.newer, edge.c.older)
)
_ASSET_KEY = select(asset.c.key).where(asset.c.id == bindparam("id")).scalar_subquery()
_INFERRED = (
    select(edge.c.newer, edge.c.older, edge.c.weight)
    .join(version, version.c.key == edge.c.newer)
    .where(edge.c.origin == Origin.INFERRED.value, version.c.asset_key == _ASSET_KEY)
    .order_by(edge.c.newer, edge.c.older)
)
_TUPLES = (
    select(version.c.key, run_input.c.role, run_input.c.version_key)
    .outerjoin(run_input, run_input.c.run_key == version.c.run_key)
    .where(version.c.asset_key == _ASSET_KEY, version.c.run_key.is_not(None))
    .order_by(version.c.key)
)
_TUPLE = (
    select(run_input.c.role, run_input.c.version_key)
    .select_from(version)
    .outerjoin(run_input, run_input.c.run_key == version.c.run_key)
    .where(version.c.key == bindparam("key"), version.c.run_key.is_not(None))
)
_used = version.alias("used")
_CONSUMERS = (
    select(asset.c.id)
    .where(
        asset.c.key.in_(
            select(version.c.asset_key)
            .join(run_input, run_input.c.run_key == version.c.run_key)
            .join(_used, _used.c.key == run_input.c.version_key)
            .join(_source := asset.alias("source"), _source.c.key == _used.c.asset_key)
            .where(_source.c.id.in_(bindparam("ids", expanding=True)))
        )
    )
    .order_by(asset.c.key)
)
_SOURCES = (
    select(run_input.c.role, _source.c.kind, case((_used.c.run_key.is_not(None), _source.c.id)))
    .select_from(version)
    .join(run_input, run_input.c.run_key == version.c.run_key)
    .join(_used, _used.c.key == run_input.c.version_key)
    .join(_source, _source.c.key == _used.c.asset_key)
    .where(version.c.asset_key == _ASSET_KEY)
    .distinct()
)
_IS_EDGE = and_(
    edge.c.origin == bindparam("of_origin"),
    edge.c.newer == bindparam("of_newer"),
    edge.c.older == bindparam("of_older"),
)
_REMOVE = delete(edge).where(_IS_EDGE)
_DROP_EVIDENCE = delete(evidence).where(
    evidence.c.origin == bindparam("of_origin"),
    evidence.c.newer == bindparam("of_newer"),
    evidence.c.older == bindparam("of_older"),
)
_WEIGH = update(edge).where(_IS_EDGE).values(weight=bindparam("to_weight"))


class EdgeReads(ReadTransaction):
    """Reads of edges, and of all that graphs are built from."""

    def edges_from(self, keys: Iterable[VersionKey]) -> list[StoredEdge]:
        return self._stored(_FROM, keys)

    def edges_to(self, keys: Iterable[VersionKey]) -> list[StoredEdge]:
        return self._stored(_TO, keys)

    def _stored(self, query: AnySelect, keys: Iterable[VersionKey]) -> list[StoredEdge]:
        return [
            StoredEdge(
                newer,
                older,
                weight,
                Origin(origin),
                None if difference is None else Difference.from_json(difference),
            )
            for batch in in_batches(dict.fromkeys(keys))
            for newer, older, weight, origin, difference in self._connection.execute(
                query, {"keys": batch}
            )
        ]

    def edges_of(self, asset: AssetName) -> list[StoredEdge]:
        parts = {"project": asset.project, "kind": asset.kind.value, "name": asset.name}
        rows = self._connection.execute(_OF_ASSET, parts)
        return [
            StoredEdge(newer, older, weight, Origin(origin))
            for newer, older, weight, origin in rows
        ]

    def uploaded_graph(self, kind: Kind) -> tuple[list[VersionKey], list[Edge[VersionKey]]]:
        rows = plain_rows(self._connection, _UPLOADED, {"kind": kind.value})
        keys = [VersionKey(key) for (key,) in rows]
        if not keys:
            return [], []
        uploaded = set(keys)
        bounds = {"first": keys[0], "last": keys[-1]}
        edges: list[Edge[VersionKey]] = [
            Edge._make(row)
            for row in plain_rows(self._connection, _DECLARED, bounds)
            if row[0] in uploaded and row[1] in uploaded
        ]
        return keys, edges

    def inferred_edges(self, asset: AssetId) -> list[Edge[VersionKey]]:
        return list(map(Edge._make, plain_rows(self._connection, _INFERRED, {"id": asset})))

    def provenance_tuples(self, asset: AssetId) -> list[tuple[VersionKey, dict[str, VersionKey]]]:
        rows = plain_rows(self._connection, _TUPLES, {"id": asset})
        return [
            (key, {role: used for _, role, used in uses if role is not None})
            for key, uses in groupby(rows, key=itemgetter(0))
        ]

    def producing_tuple(self, key: VersionKey) -> dict[str, VersionKey] | None:
        rows = self._connection.execute(_TUPLE, {"key": key}).all()
        if not rows:
            return None
        return {role: used for role, used in rows if role is not None}

    def input_sources(self, asset: AssetId) -> list[tuple[str, Kind, AssetId | None]]:
        rows = self._connection.execute(_SOURCES, {"id": asset})
        return [(role, Kind(kind), producer) for role, kind, producer in rows]

    def consumers(self, assets: Iterable[AssetId]) -> list[AssetId]:
        found: dict[AssetId, None] = {}
        for batch in in_batches(assets):
            rows = self._connection.execute(_CONSUMERS, {"ids": batch}).scalars()
            found |= dict.fromkeys(rows)
        return list(found)


class EdgeWrites(EdgeReads, WriteTransaction):
    """Changes of edges. Their feed rows come with the version, or from `append_feed`."""

    def add_edges(
        self,
        edges: Iterable[Edge[VersionKey]],
        origin: Origin,
        differences: Mapping[tuple[VersionKey, VersionKey], Difference] | None = None,
    ) -> None:
        rows = [_to_row(item, origin) for item in edges]
        if not rows:
            return
        self._connection.execute(upsert(self._dialect, edge, "weight"), rows)
        self._put_evidence(rows, differences or {})
        if origin is Origin.DECLARED:
            self._note(
                "edge.add",
                f"{len(rows)} declared",
                _sample(rows),
                version_key=rows[0]["newer"],
            )

    def _put_evidence(
        self,
        rows: list[dict[str, Any]],
        differences: Mapping[tuple[VersionKey, VersionKey], Difference],
    ) -> None:
        kept: list[dict[str, Any]] = []
        outdated: list[dict[str, Any]] = []
        for row in rows:
            difference = differences.get((row["newer"], row["older"]))
            ends = {"origin": row["origin"], "newer": row["newer"], "older": row["older"]}
            if difference is None:
                outdated.append({f"of_{name}": value for name, value in ends.items()})
            else:
                kept.append({**ends, "difference": difference.to_json()})
        if outdated:
            self._connection.execute(_DROP_EVIDENCE, outdated)
        if kept:
            self._connection.execute(upsert(self._dialect, evidence, "difference"), kept)

    def remove_edges(self, edges: Iterable[tuple[VersionKey, VersionKey]], origin: Origin) -> None:
        rows: list[dict[str, Any]] = [
            {"of_origin": origin.value, "of_newer": newer, "of_older": older}
            for newer, older in edges
        ]
        if not rows:
            return
        self._connection.execute(_REMOVE, rows)
        if origin is Origin.DECLARED:
            named = [{"newer": row["of_newer"], "older": row["of_older"]} for row in rows]
            self._note(
                "edge.remove",
                f"{len(rows)} declared",
                _sample(named),
                version_key=named[0]["newer"],
            )

    def set_weights(self, edges: Iterable[Edge[VersionKey]], origin: Origin) -> None:
        rows = [
            {
                "of_origin": row["origin"],
                "of_newer": row["newer"],
                "of_older": row["older"],
                "to_weight": row["weight"],
            }
            for row in (_to_row(item, origin) for item in edges)
        ]
        if rows:
            self._connection.execute(_WEIGH, rows)


def _to_row(item: Edge[VersionKey], origin: Origin) -> dict[str, Any]:
    newer, older, weight = item
    if newer == older:
        raise InvalidInput(f"the version with the key {newer} cannot inherit itself")
    if weight is not None and not (math.isfinite(weight) and weight >= 0):
        raise InvalidInput(f"{weight!r} is not a weight: it takes a finite number from 0 on")
    return {"origin": origin.value, "newer": newer, "older": older, "weight": weight}


def _sample(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "count": len(rows),
        "first": [[row["newer"], row["older"], row.get("weight")] for row in rows[:_SAMPLE]],
    }
