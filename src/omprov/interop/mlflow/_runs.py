"""Runs: begun, ended, found."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from omprov.catalog.mlflow import RUNS, Criteria
from omprov.records import RunStatus
from omprov.repository import RunEnd

from ._call import Endpoint, time_of
from ._errors import invalid, missing
from ._experiments import ensure_default, experiment_number, get_experiment, labels, view_stages
from ._filters import parse_filter, parse_order
from ._pages import page
from ._recording import end_run
from ._shapes import run_id_of, run_info_json, run_json

if TYPE_CHECKING:
    from omprov.catalog.mlflow import MlflowReads, TrackedRun
    from omprov.records import RunId

    from ._call import Call

RUN_NAME = "mlflow.runName"
PARENT = "mlflow.parentRunId"
USER = "mlflow.user"

_ENDED = {
    "FINISHED": RunStatus.SUCCEEDED,
    "FAILED": RunStatus.FAILED,
    "KILLED": RunStatus.KILLED,
}
_GOING_ON = frozenset({"RUNNING", "SCHEDULED"})


def get_run(reader: MlflowReads, call: Call) -> TrackedRun:
    """Return the run that a call names, deleted ones included.

    Raises:
        Refused: there is none.
    """
    return run_of(reader, call, call.text("run_id", "run_uuid"))


def run_of(reader: MlflowReads, call: Call, id: str) -> TrackedRun:
    """Return a run by its id as MLflow writes it.

    Raises:
        Refused: there is none.
    """
    found = reader.find_tracked_run(call.project, run_id_of(id))
    if found is None:
        raise missing(f"Run with id={id} not found")
    return found


def active_run(reader: MlflowReads, call: Call) -> RunId:
    """Return the id of the run that a call changes.

    Raises:
        Refused: there is none, or it is deleted.
    """
    return active_run_and_key(reader, call)[0]


def active_run_and_key(reader: MlflowReads, call: Call) -> tuple[RunId, int]:
    """Return the id of the run that a call changes, and its key in the catalog.

    Raises:
        Refused: there is none, or it is deleted.
    """
    text = call.text("run_id", "run_uuid")
    id = run_id_of(text)  # noqa: A001 the field's name
    found = reader.find_tracked_stage(call.project, id)
    if found is None:
        raise missing(f"Run with id={text} not found")
    key, stage = found
    if stage != "active":
        raise invalid(f"The run {text} must be in the 'active' state. Current state is {stage}.")
    return id, key


def _create(call: Call) -> dict[str, Any]:
    ensure_default(call)
    tags = labels(call.items("tags"))
    name = call.find_text("run_name") or tags.get(RUN_NAME) or f"run-{secrets.token_hex(4)}"
    tags[RUN_NAME] = name
    user = call.find_text("user_id")
    if user:
        tags.setdefault(USER, user)
    started = call.number("start_time", 0)
    parent = tags.get(PARENT)
    with call.repository.writing_mlflow() as writer:
        id = call.find_text("experiment_id") or "0"  # noqa: A001 the field's name
        experiment = get_experiment(writer, call, id)
        if experiment.stage != "active":
            raise invalid(
                f"The experiment {id} must be in the 'active' state. "
                f"Current state is {experiment.stage}."
            )
        run = writer.add_tracked_run(
            call.project,
            experiment.number,
            name=name,
            started=time_of(started, "start_time") if started else datetime.now(UTC),
            tags=tags,
            parent=run_id_of(parent) if parent else None,
        )
    return {"run": run_json(run)}


def _get(call: Call) -> dict[str, Any]:
    with call.repository.reading_mlflow() as reader:
        return {"run": run_json(get_run(reader, call))}


def _update(call: Call) -> dict[str, Any]:
    status = call.find_text("status") or ""
    if status and status not in _ENDED and status not in _GOING_ON:
        raise invalid(f"Invalid value {status!r} for parameter 'status'.")
    with call.repository.reading_mlflow() as reader:
        id = active_run(reader, call)  # noqa: A001 the field's name
    name = call.find_text("run_name")
    if name:
        with call.repository.writing_mlflow() as writer:
            writer.set_tracked_run(id, name=name)
            writer.set_tags(id, {RUN_NAME: name})
    if status in _ENDED:
        ended = call.number("end_time", 0)
        time = time_of(ended, "end_time") if ended else datetime.now(UTC)
        end_run(call.repository, id, RunEnd(_ENDED[status], time))
    elif status in _GOING_ON:
        with call.repository.writing_mlflow() as writer:
            writer.set_run(id, status=RunStatus.RUNNING)
    with call.repository.reading_mlflow() as reader:
        return {"run_info": run_info_json(get_run(reader, call))}


def _staged(stage: str, call: Call) -> dict[str, Any]:
    with call.repository.writing_mlflow() as writer:
        run = get_run(writer, call)
        writer.set_tracked_run(run.id, stage=stage)
    return {}


def _delete(call: Call) -> dict[str, Any]:
    return _staged("deleted", call)


def _restore(call: Call) -> dict[str, Any]:
    return _staged("active", call)


def _search(call: Call) -> dict[str, Any]:
    ensure_default(call)
    numbers = [experiment_number(one) for one in call.texts("experiment_ids")]
    criteria = Criteria(
        parse_filter(call.find_text("filter"), RUNS), parse_order(call.texts("order_by"), RUNS)
    )
    stages = view_stages(call, "run_view_type")
    with call.repository.reading_mlflow() as reader:
        found, more = page(
            call,
            lambda limit, offset: reader.search_tracked_runs(
                call.project, numbers, criteria, stages=stages, limit=limit, offset=offset
            ),
            usual=1000,
            most=50_000,
        )
    return {"runs": [run_json(run) for run in found], **more}


ENDPOINTS = (
    Endpoint("POST", "2.0/mlflow/runs/create", _create),
    Endpoint("GET", "2.0/mlflow/runs/get", _get, writes=False),
    Endpoint("POST", "2.0/mlflow/runs/update", _update),
    Endpoint("POST", "2.0/mlflow/runs/delete", _delete),
    Endpoint("POST", "2.0/mlflow/runs/restore", _restore),
    Endpoint("POST", "2.0/mlflow/runs/search", _search, writes=False),
)
