"""What runs log as they go on: points of metrics, parameters, tags; one transaction a request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from omprov.catalog.mlflow import ModelMetric
from omprov.repository import MetricPoint

from ._call import (
    Endpoint,
    checked_float,
    checked_number,
    checked_text,
    milliseconds_of,
    shown_float,
    time_of,
)
from ._errors import Refused, invalid, missing
from ._experiments import labels
from ._pages import page
from ._runs import RUN_NAME, active_run, active_run_and_key, get_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from omprov.catalog.mlflow import LoggedModel, MlflowWrites
    from omprov.records import RunId

    from ._call import Call

METRICS, PARAMS, TAGS, ALL = 1000, 100, 100, 1000
"""How many of each a batch takes."""
_LONGEST_PARAM = 6000
_MOST = 2**63
_NAME = re.compile(r"[/\w.\- :]{1,250}")


def _log_metric(call: Call) -> dict[str, Any]:
    return _log(call, metrics=[call.arguments], params={}, tags={})


def _log_parameter(call: Call) -> dict[str, Any]:
    params = _params([{"key": call.text("key"), "value": call.find_text("value") or ""}])
    return _log(call, metrics=[], params=params, tags={})


def _set_tag(call: Call) -> dict[str, Any]:
    tags = labels([{"key": call.text("key"), "value": call.find_text("value") or ""}])
    return _log(call, metrics=[], params={}, tags=tags)


def _delete_tag(call: Call) -> dict[str, Any]:
    key = call.text("key")
    with call.repository.writing_mlflow() as writer:
        run = get_run(writer, call)
        active_run(writer, call)
        if key not in run.tags:
            raise missing(f"No tag with name: {key} in run with id {call.text('run_id')}")
        writer.set_tags(run.id, {key: None})
    return {}


def _log_batch(call: Call) -> dict[str, Any]:
    metrics, params, tags = (call.items(name) for name in ("metrics", "params", "tags"))
    for what, items, most in (
        ("metrics", metrics, METRICS),
        ("params", params, PARAMS),
        ("tags", tags, TAGS),
        ("metrics, params, and tags", [*metrics, *params, *tags], ALL),
    ):
        if len(items) > most:
            raise invalid(
                f"A batch logging request can contain at most {most} {what}. "
                f"Got {len(items)}. Please split up {what} across multiple requests and try again."
            )
    return _log(call, metrics=metrics, params=_params(params), tags=labels(tags))


def _log(
    call: Call,
    *,
    metrics: Sequence[Mapping[str, Any]],
    params: Mapping[str, str],
    tags: Mapping[str, str],
) -> dict[str, Any]:
    points = [_point(one) for one in metrics]
    of_models = [
        (one, point) for one, point in zip(metrics, points, strict=True) if one.get("model_id")
    ]
    with call.repository.writing_mlflow() as writer:
        id, key = active_run_and_key(writer, call)  # noqa: A001 the field's name
        fresh = _fresh(writer, id, params)
        if points:
            writer.append_run_points(id, key, [*points])
        if of_models:
            writer.put_model_metrics(id, _model_points(writer, call, id, of_models))
        if fresh:
            writer.set_run(id, params=fresh)
        if tags:
            writer.set_tags(id, tags)
            if RUN_NAME in tags:
                writer.set_tracked_run(id, name=tags[RUN_NAME])
    return {}


def _point(item: Mapping[str, Any]) -> MetricPoint:
    name, value = item.get("key"), item.get("value")
    step, time = item.get("step", 0), item.get("timestamp", 0)
    if type(name) is not str or not _NAME.fullmatch(name) or "." in name or "/" in name:
        name = _checked_name(name, "metric")
    if value is None:
        raise invalid("Missing value for required parameter 'value'.")
    if type(value) is not float:
        value = checked_float(value, "value")
    if type(step) is not int or not -_MOST <= step < _MOST:
        step = checked_number(step, "step")
    if type(time) is not int:
        time = checked_number(time, "timestamp")
    return MetricPoint(name, step, value, time_of(time))


def _checked_name(value: Any, what: str) -> str:
    name = checked_text("" if value is None else value, "key")
    if not _NAME.fullmatch(name) or ".." in name.split("/") or name.startswith("/"):
        raise invalid(
            f"Invalid {what} name: {name[:100]!r}. Names may hold up to 250 alphanumerics, "
            "underscores, dashes, periods, spaces, colons and slashes, and are no paths."
        )
    return name


def _params(items: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in items:
        name = _checked_name(one.get("key"), "parameter")
        value = checked_text(one.get("value", ""), name)
        if len(value) > _LONGEST_PARAM:
            raise invalid(
                f"Param value of {name!r} has {len(value)} characters, more than {_LONGEST_PARAM}."
            )
        if found.setdefault(name, value) != value:
            raise _changed(name, found[name], value)
    return found


def _fresh(writer: MlflowWrites, id: RunId, params: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that the run has not yet; those that it has may not change."""
    known = writer.find_params(id, params) if params else {}
    for name, value in params.items():
        if name in known and known[name] != value:
            raise _changed(name, known[name], value)
    return {name: value for name, value in params.items() if name not in known}


def _changed(name: str, old: Any, new: str) -> Refused:
    return invalid(
        f"Changing param values is not allowed. Param with key='{name}' was already logged with "
        f"value='{old}'. Attempted logging new value '{new}'."
    )


def _model_points(
    writer: MlflowWrites,
    call: Call,
    run: RunId,
    metrics: Sequence[tuple[Mapping[str, Any], MetricPoint]],
) -> list[tuple[LoggedModel, ModelMetric]]:
    ids = {checked_text(item["model_id"], "model_id") for item, _ in metrics}
    models = {one: writer.find_logged_model(call.project, one) for one in ids}
    found = []
    for item, point in metrics:
        model = models[str(item["model_id"])]
        if model is None:
            raise missing(f"Logged model with ID '{item['model_id']}' not found.")
        found.append(
            (
                model,
                ModelMetric(
                    point.name,
                    point.value,
                    point.time,
                    point.step,
                    run,
                    checked_text(item.get("dataset_name") or "", "dataset_name"),
                    checked_text(item.get("dataset_digest") or "", "dataset_digest"),
                ),
            )
        )
    return found


def _history(call: Call) -> dict[str, Any]:
    name = call.text("metric_key")
    with call.repository.reading_mlflow() as reader:
        run = get_run(reader, call)
        points = reader.metric_points(run.id, name)
    items = [
        {"key": name, "value": shown_float(value), "timestamp": milliseconds_of(time), "step": step}
        for step, value, time in sorted(points, key=lambda one: (one[2], one[0]))
    ]
    if call.arguments.get("max_results") is None and not call.find_text("page_token"):
        return {"metrics": items}
    found, more = page(
        call, lambda limit, offset: items[offset : offset + limit], usual=25_000, most=2**31 - 1
    )
    return {"metrics": list(found), **more}


ENDPOINTS = (
    Endpoint("POST", "2.0/mlflow/runs/log-metric", _log_metric),
    Endpoint("POST", "2.0/mlflow/runs/log-parameter", _log_parameter),
    Endpoint("POST", "2.0/mlflow/runs/set-tag", _set_tag),
    Endpoint("POST", "2.0/mlflow/runs/delete-tag", _delete_tag),
    Endpoint("POST", "2.0/mlflow/runs/log-batch", _log_batch),
    Endpoint("GET", "2.0/mlflow/metrics/get-history", _history, writes=False),
)
