"""Stored graph indices: a cache with a checksum, which may be dropped at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from blake3 import blake3
from sqlalchemy import bindparam, select

from omprov.records import Digest

from ._tables import snapshot
from ._transaction import ReadTransaction, upsert

if TYPE_CHECKING:
    from sqlalchemy import Connection

_BY_NAME = select(snapshot.c.position, snapshot.c.checksum, snapshot.c.data).where(
    snapshot.c.name == bindparam("name")
)


class SnapshotReads(ReadTransaction):
    """Reads of snapshots."""

    def find_snapshot(self, name: str) -> tuple[int, bytes] | None:
        row = self._connection.execute(_BY_NAME, {"name": name}).first()
        if row is None or _checksum(row.data) != row.checksum:
            return None
        return row.position, row.data


def put_snapshot(connection: Connection, name: str, position: int, data: bytes) -> None:
    """Write a snapshot in place of the one of that name."""
    connection.execute(
        upsert(connection.dialect.name, snapshot, "position", "checksum", "data"),
        {"name": name, "position": position, "checksum": _checksum(data), "data": data},
    )


def _checksum(data: bytes) -> Digest:
    return Digest(blake3(data).hexdigest())
