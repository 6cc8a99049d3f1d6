"""Traces: what clients say of them is kept as it is; their spans are artifacts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from omprov.catalog.mlflow import Trace
from omprov.records import check_depth

from ._call import Endpoint, checked_text
from ._errors import invalid, missing
from ._experiments import ensure_default, experiment_number, get_experiment
from ._pages import page
from ._shapes import root_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.catalog.mlflow import MlflowReads

    from ._call import Call

LOCATION = "mlflow.artifactLocation"


def _start(call: Call) -> dict[str, Any]:
    ensure_default(call)
    sent = call.arguments.get("trace")
    info = sent.get("trace_info") if isinstance(sent, dict) else None
    if not isinstance(info, dict):
        raise invalid("Missing value for required parameter 'trace.trace_info'.")
    id = checked_text(info.get("trace_id") or "", "trace_id")  # noqa: A001 the field's name
    if not id or len(id) > 128:
        raise invalid("Invalid trace ID: it takes 1 to 128 characters.")
    where = _experiment_of(info)
    check_depth(info)
    try:
        json.dumps(info, allow_nan=False)
    except ValueError as error:  # whoever asks for it could not be answered
        raise invalid("Invalid trace: JSON has neither NaN nor Infinity.") from error
    with call.repository.writing_mlflow() as writer:
        experiment = get_experiment(writer, call, where)
        place = f"{root_of(experiment)}/traces/{id}/artifacts"
        tags = {**_object(info.get("tags")), LOCATION: place}
        kept = {**info, "tags": tags}
        writer.put_trace(call.project, Trace(id, experiment.number, _time(info), kept))
    return {"trace": {"trace_info": kept}}


def _object(value: Any) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}


def _experiment_of(info: Mapping[str, Any]) -> str:
    location = _object(_object(info.get("trace_location")).get("mlflow_experiment"))
    return checked_text(location.get("experiment_id", "0"), "experiment_id")


def _time(info: Mapping[str, Any]) -> datetime:
    try:
        said = datetime.fromisoformat(str(info.get("request_time")))
        return (said if said.tzinfo else said.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.now(UTC)


def _found(reader: MlflowReads, call: Call) -> Trace:
    id = call.text("trace_id")  # noqa: A001 the field's name
    found = reader.find_trace(call.project, id)
    if found is None:
        raise missing(f"Trace with ID '{id}' not found.")
    return found


def _get(call: Call) -> dict[str, Any]:
    with call.repository.reading_mlflow() as reader:
        return {"trace": {"trace_info": dict(_found(reader, call).info)}}


def _search(call: Call) -> dict[str, Any]:
    if (call.find_text("filter") or "").strip() or call.texts("order_by"):
        raise invalid("Filters and orders of traces are not offered here.")
    numbers = [
        experiment_number(_experiment_of({"trace_location": one}))
        for one in call.items("locations")
    ]
    with call.repository.reading_mlflow() as reader:
        found, more = page(
            call,
            lambda limit, offset: reader.list_traces(
                call.project, numbers, limit=limit, offset=offset
            ),
            usual=100,
            most=500,
        )
    return {"traces": [dict(one.info) for one in found], **more}


def _set_tag(call: Call) -> dict[str, Any]:
    return _tagged(call, call.find_text("value") or "")


def _delete_tag(call: Call) -> dict[str, Any]:
    return _tagged(call, None)


def _tagged(call: Call, value: str | None) -> dict[str, Any]:
    key = call.text("key")
    with call.repository.writing_mlflow() as writer:
        known = _found(writer, call)
        tags = _object(known.info.get("tags"))
        if value is None:
            tags.pop(key, None)
        else:
            tags[key] = value
        changed = Trace(known.id, known.experiment, known.time, {**known.info, "tags": tags})
        writer.put_trace(call.project, changed)
    return {}


def _delete(call: Call) -> dict[str, Any]:
    ids = call.texts("request_ids") or call.texts("trace_ids")
    if not ids:
        raise invalid("Traces are deleted by their IDs here: give 'request_ids'.")
    with call.repository.writing_mlflow() as writer:
        return {"traces_deleted": writer.remove_traces(call.project, ids)}


ENDPOINTS = (
    Endpoint("POST", "3.0/mlflow/traces", _start),
    Endpoint("POST", "3.0/mlflow/traces/search", _search, writes=False),
    Endpoint("POST", "3.0/mlflow/traces/delete-traces", _delete),
    Endpoint("POST", "2.0/mlflow/traces/delete-traces", _delete),
    Endpoint("GET", "3.0/mlflow/traces/{trace_id}", _get, writes=False),
    Endpoint("PATCH", "2.0/mlflow/traces/{trace_id}/tags", _set_tag),
    Endpoint("PATCH", "3.0/mlflow/traces/{trace_id}/tags", _set_tag),
    Endpoint("DELETE", "2.0/mlflow/traces/{trace_id}/tags", _delete_tag),
    Endpoint("DELETE", "3.0/mlflow/traces/{trace_id}/tags", _delete_tag),
)
