"""Metrics of runs: every point, and the last one of each."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from omprov.errors import InvalidInput, NotFound

from ._interface import ChangeKind
from ._tables import metric, metric_point, run
from ._transaction import ReadTransaction, WriteTransaction, in_batches
from ._types import to_microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from omprov.records import RunId

_KEY = select(run.c.key).where(run.c.id == bindparam("id"))
_LAST = (
    select(metric.c.run_key, metric.c.name, metric.c.value)
    .where(metric.c.run_key.in_(bindparam("keys", expanding=True)))
    .order_by(metric.c.run_key, metric.c.name)
)
_POINTS = (
    select(metric_point.c.step, metric_point.c.value, metric_point.c.time)
    .join(metric, metric.c.key == metric_point.c.metric_key)
    .join(run, run.c.key == metric.c.run_key)
    .where(run.c.id == bindparam("id"), metric.c.name == bindparam("name"))
    .order_by(metric_point.c.step, metric_point.c.time, metric_point.c.key)
)


class MetricReads(ReadTransaction):
    """Reads of metrics."""

    def metric_points(self, run: RunId, name: str) -> list[tuple[int, float, datetime]]:
        rows = self._connection.execute(_POINTS, {"id": run, "name": name})
        return [(step, value, time) for step, value, time in rows.all()]

    def _last_values(self, run_keys: Iterable[int]) -> dict[int, dict[str, float]]:
        found: dict[int, dict[str, float]] = {}
        for batch in in_batches(run_keys):
            for key, name, value in self._connection.execute(_LAST, {"keys": batch}).all():
                found.setdefault(key, {})[name] = value
        return found


class MetricWrites(MetricReads, WriteTransaction):
    """Appends to metrics."""

    def add_metric_points(
        self, run: RunId, points: Iterable[tuple[str, int, float, datetime]]
    ) -> None:
        run_key: int | None = self._run_keys.get(run)
        if run_key is None:
            run_key = self._connection.execute(_KEY, {"id": run}).scalar()
        if run_key is None:
            raise NotFound("run", run)
        rows = list(points)
        if not rows:
            return
        self.append_run_points(run, run_key, rows)

    def append_run_points(
        self, run: RunId, run_key: int, rows: list[tuple[str, int, float, datetime]]
    ) -> None:
        """Append points, which are some, to a run whose key is known."""
        self._append_points(run_key, rows)
        names = sorted({row[0] for row in rows})
        self._announce(ChangeKind.RUN, {"run": run, "metrics": names})
        self._note("run.metrics", run, {"points": len(rows), "metrics": names}, run=run)

    def _append_points(self, run_key: int, points: list[tuple[str, int, float, datetime]]) -> None:
        """Write the points and renew the last ones, in four statements for up to 500 names.

        Both lists go to the driver as they are: most of what training logs passes here.
        """
        last: dict[str, tuple[str, int, float, datetime]] = {}
        for point in points:
            name, step, _, time = point
            known = last.get(name)
            if known is None or (step, time) >= (known[1], known[3]):
                last[name] = point
        self._connection.exec_driver_sql(
            _renew_last(self._dialect),
            [
                (run_key, _plain(name), step, to_microseconds(time), _measured(value))
                for name, step, value, time in last.values()
            ],
        )
        keys: dict[str, int] = {}
        for batch in in_batches(last):
            query = _find_keys(self._dialect, len(batch))
            found = self._connection.exec_driver_sql(query, (run_key, *batch)).all()
            keys.update((name, key) for name, key in found)
        self._connection.exec_driver_sql(
            _add_points(self._dialect),
            [
                (keys[name], step, to_microseconds(time), _measured(value))
                for name, step, value, time in points
            ],
        )


def _plain(name: str) -> str:
    if "\0" in name:
        raise InvalidInput(f"text with a NUL character cannot be stored: {name[:80]!r}")
    return name


def _measured(value: float) -> float | None:
    """Return a value as it is stored: NaN as NULL."""
    return None if math.isnan(value) else float(value)


@cache
def _add_points(dialect: str) -> str:
    sign = _placeholder(dialect)
    return (
        "INSERT INTO metric_point (metric_key, step, time, value) "  # noqa: S608 no value is in it
        f"VALUES ({sign}, {sign}, {sign}, {sign})"
    )


@cache
def _renew_last(dialect: str) -> str:
    sign = _placeholder(dialect)
    return (
        "INSERT INTO metric (run_key, name, step, time, value) "  # noqa: S608 no value is in it
        f"VALUES ({sign}, {sign}, {sign}, {sign}, {sign}) "
        "ON CONFLICT (run_key, name) DO UPDATE "
        "SET step = excluded.step, time = excluded.time, value = excluded.value "
        "WHERE excluded.step > metric.step "
        "OR (excluded.step = metric.step AND excluded.time >= metric.time)"
    )


@cache
def _find_keys(dialect: str, names: int) -> str:
    sign = _placeholder(dialect)
    asked = ", ".join([sign] * names)
    return f"SELECT name, key FROM metric WHERE run_key = {sign} AND name IN ({asked})"  # noqa: S608 no value is in it


def _placeholder(dialect: str) -> str:
    return "?" if dialect == "sqlite" else "%s"
