"""The catalog over a database: its transactions. How it is made and opened stands in `_open`."""

from __future__ import annotations

import os
import threading
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy.exc import TimeoutError as NoneFree

from omprov._lazy import Later
from omprov.errors import Busy, Damaged, InvalidInput

from ._assets import AssetReads, AssetWrites
from ._changes import Changes
from ._check import broken_rules
from ._copying import CopyReads, CopyWrites
from ._edges import EdgeReads, EdgeWrites
from ._feed import FeedReads, FeedWrites
from ._histories import HistoryReads, HistoryWrites
from ._labels import LabelReads, LabelWrites
from ._protection import ProtectionReads, ProtectionWrites
from ._requests import RequestReads, RequestWrites
from ._run_writes import RunWrites
from ._runs import RunReads
from ._secrets import SecretReads, SecretWrites
from ._snapshots import put_snapshot
from ._versions import VersionReads

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, Engine
    from sqlalchemy.pool import Pool

    from ._database import Database
    from ._interface import CatalogReader, CatalogWriter
    from .mlflow import MlflowReads, MlflowWrites
    from .mlflow import _sides as _mlflow_sides
else:  # most who open a catalog speak no foreign protocol
    _mlflow_sides = Later(".mlflow._sides", "omprov.catalog")


class _Reader(
    RunReads,
    AssetReads,
    EdgeReads,
    HistoryReads,
    VersionReads,
    LabelReads,
    ProtectionReads,
    SecretReads,
    FeedReads,
    RequestReads,
    CopyReads,
):
    """`CatalogReader`, noun by noun."""

    @property
    def mlflow(self) -> MlflowReads:
        return _mlflow_sides.reads_of(self)


class _Writer(
    RunWrites,
    AssetWrites,
    EdgeWrites,
    HistoryWrites,
    LabelWrites,
    ProtectionWrites,
    SecretWrites,
    FeedWrites,
    RequestWrites,
    CopyWrites,
):
    """`CatalogWriter`, noun by noun."""

    @property
    def mlflow(self) -> MlflowWrites:
        return _mlflow_sides.writes_of(self)


class SqlCatalog:
    """A `Catalog` in an SQL database. Threads share it; each transaction has its own connection."""

    def __init__(self, engine: Engine, database: Database, *, patience: float) -> None:
        """Wrap an engine whose database has been checked; `open_catalog` does that."""
        self._engine = engine
        self._writing = database.for_writing(engine)
        self._database = database
        self._place = database.place
        self._patience = patience
        self._turn = threading.Lock()
        self._changes = self._new_changes()
        _OPEN.add(self)

    def __repr__(self) -> str:
        return f"<catalog {self._place}>"

    @contextmanager
    def read(self) -> Iterator[CatalogReader]:
        with self._connected(self._engine) as connection:
            yield _Reader(connection)

    @contextmanager
    def write(self, who: str, now: datetime) -> Iterator[CatalogWriter]:
        if now.tzinfo is None:
            raise InvalidInput(f"the time {now.isoformat()} has no time zone")
        with self._my_turn():
            with self._connected(self._writing) as connection, connection.begin():
                writer = _Writer(connection, who=who, now=now)
                before = writer.position()
                yield writer
                writer.flush()
            if writer.position() > before:
                self._changes.tell(writer.position())

    def store_snapshot(self, name: str, position: int, data: bytes) -> None:
        with (
            self._my_turn(),
            self._connected(self._writing) as connection,
            connection.begin(),
        ):
            put_snapshot(connection, name, position, data)

    def wait_for_change(self, after: int, timeout: float) -> int:
        return self._changes.wait(after, timeout)

    def check(self) -> list[str]:
        try:
            with self._connected(self._engine) as connection:
                return self._database.problems(connection) or broken_rules(connection)
        except Damaged as error:
            return [str(error)]

    def copy_to(self, path: Path) -> None:
        self._database.copy(self._engine, path)

    def close(self) -> None:
        self._changes.close()
        self._engine.dispose()

    def _new_changes(self) -> Changes:
        return Changes(
            self._database.poll,
            self._position,
            lambda tell: self._database.listen(self._engine, tell),
        )

    def _position(self) -> int:
        with self.read() as reader:
            return reader.position()

    @contextmanager
    def _connected(self, engine: Engine) -> Iterator[Connection]:
        try:
            connection = engine.connect()
        except NoneFree as error:
            raise Busy(
                f"all connections to {self._place} are in use; try again in a moment"
            ) from error
        with connection:
            yield connection

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        """Let the threads of this process write in turn; the database sees to other processes."""
        if not self._turn.acquire(timeout=self._patience):
            raise Busy(f"another thread is writing to {self._place}; try again in a moment")
        try:
            yield
        finally:
            self._turn.release()

    def _start_anew_after_fork(self) -> None:
        """Leave the parent's connections alone: they must be neither used nor closed here."""
        _INHERITED.append(self._engine.pool)
        self._engine.dispose(close=False)
        self._turn = threading.Lock()
        self._changes = self._new_changes()


_OPEN: weakref.WeakSet[SqlCatalog] = weakref.WeakSet()
_INHERITED: list[Pool] = []


def _start_anew_after_fork() -> None:
    for catalog in list(_OPEN):
        catalog._start_anew_after_fork()  # noqa: SLF001 a part of the class, outside it for the hook


os.register_at_fork(after_in_child=_start_anew_after_fork)
