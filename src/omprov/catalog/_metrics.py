"""Metrics of runs: every point, and the last one of each."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, insert, or_, select

from omprov.errors import NotFound

from ._interface import ChangeKind
from ._tables import metric, metric_point, run
from ._transaction import ReadTransaction, WriteTransaction, in_batches, insert_or

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Executable

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
_METRIC_KEYS = select(metric.c.name, metric.c.key).where(
    metric.c.run_key == bindparam("run_key"), metric.c.name.in_(bindparam("names", expanding=True))
)
_ADD_POINTS = insert(metric_point)


class MetricReads(ReadTransaction):
    """Reads of metrics."""

    def metric_points(self, run: RunId, name: str) -> list[tuple[int, float, datetime]]:
        rows = self._connection.execute(_POINTS, {"id": run, "name": name})
        return [(step, value, time) for step, value, time in rows]

    def _last_values(self, run_keys: Iterable[int]) -> dict[int, dict[str, float]]:
        found: dict[int, dict[str, float]] = {}
        for batch in in_batches(run_keys):
            for key, name, value in self._connection.execute(_LAST, {"keys": batch}):
                found.setdefault(key, {})[name] = value
        return found


class MetricWrites(MetricReads, WriteTransaction):
    """Appends to metrics."""

    def add_metric_points(
        self, run: RunId, points: Iterable[tuple[str, int, float, datetime]]
    ) -> None:
        run_key: int | None = self._connection.execute(_KEY, {"id": run}).scalar()
        if run_key is None:
            raise NotFound("run", run)
        rows = list(points)
        if not rows:
            return
        self._append_points(run_key, rows)
        names = sorted({row[0] for row in rows})
        self._announce(ChangeKind.RUN, {"run": run, "metrics": names})
        self._note("run.metrics", run, {"points": len(rows), "metrics": names}, run=run)

    def _append_points(self, run_key: int, points: list[tuple[str, int, float, datetime]]) -> None:
        """Write the points and renew the last ones, in four statements for up to 500 names."""
        last: dict[str, tuple[str, int, float, datetime]] = {}
        for point in points:
            name, step, _, time = point
            known = last.get(name)
            if known is None or (step, time) >= (known[1], known[3]):
                last[name] = point
        self._connection.execute(
            _renew_last(self._dialect),
            [
                {"run_key": run_key, "name": name, "step": step, "value": value, "time": time}
                for name, step, value, time in last.values()
            ],
        )
        keys: dict[str, int] = {}
        for batch in in_batches(last):
            found = self._connection.execute(_METRIC_KEYS, {"run_key": run_key, "names": batch})
            keys.update((name, key) for name, key in found)
        self._connection.execute(
            _ADD_POINTS,
            [
                {"metric_key": keys[name], "step": step, "time": time, "value": value}
                for name, step, value, time in points
            ],
        )


@cache
def _renew_last(dialect: str) -> Executable:
    put = insert_or(dialect, metric)
    new = put.excluded
    is_later = or_(
        new.step > metric.c.step,
        and_(new.step == metric.c.step, new.time >= metric.c.time),
    )
    return put.on_conflict_do_update(
        index_elements=["run_key", "name"],
        set_={"step": new.step, "time": new.time, "value": new.value},
        where=is_later,
    )
