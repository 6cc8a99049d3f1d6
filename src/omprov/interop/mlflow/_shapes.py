"""Records as MLflow's JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omprov.records import RunId, RunStatus

from ._call import milliseconds_of, shown_float

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.catalog.mlflow import (
        Experiment,
        LoggedModel,
        RegisteredModel,
        RegisteredVersion,
        TrackedRun,
    )

STATUSES = {
    RunStatus.RUNNING: "RUNNING",
    RunStatus.SUCCEEDED: "FINISHED",
    RunStatus.FAILED: "FAILED",
    RunStatus.KILLED: "KILLED",
}
ARTIFACTS = "mlflow-artifacts:/"


def hex_of(id: str) -> str:
    """Return a run's id as MLflow writes it: 32 hex digits."""
    return id.replace("-", "")


def run_id_of(text: str) -> RunId:
    """Return the id that MLflow writes without hyphens; what is none stays as it is."""
    if len(text) != 32:
        return RunId(text)
    parts = (text[:8], text[8:12], text[12:16], text[16:20], text[20:])
    return RunId("-".join(parts).lower())


def root_of(experiment: Experiment) -> str:
    """Return where the artifacts of an experiment are."""
    return _root(experiment.number, experiment.location)


def _root(number: int, location: str | None) -> str:
    return location.rstrip("/") if location else f"{ARTIFACTS}{number}"


def artifact_root(run: TrackedRun) -> str:
    """Return where the artifacts of a run are."""
    return f"{_root(run.experiment, run.location)}/{hex_of(run.id)}/artifacts"


def model_root(model: LoggedModel) -> str:
    """Return where the files of a logged model are."""
    return f"{_root(model.experiment, model.location)}/models/{model.id}/artifacts"


def experiment_json(experiment: Experiment) -> dict[str, Any]:
    """Give an experiment."""
    return {
        "experiment_id": str(experiment.number),
        "name": experiment.name,
        "artifact_location": root_of(experiment),
        "lifecycle_stage": experiment.stage,
        "creation_time": milliseconds_of(experiment.created),
        "last_update_time": milliseconds_of(experiment.updated),
        "tags": pairs(experiment.tags),
    }


def run_info_json(run: TrackedRun) -> dict[str, Any]:
    """Give what a run is."""
    info = {
        "run_id": hex_of(run.id),
        "run_uuid": hex_of(run.id),
        "run_name": run.name,
        "experiment_id": str(run.experiment),
        "user_id": run.tags.get("mlflow.user", run.creator),
        "status": STATUSES[run.status],
        "start_time": milliseconds_of(run.started),
        "artifact_uri": artifact_root(run),
        "lifecycle_stage": run.stage,
    }
    if run.ended is not None:
        info["end_time"] = milliseconds_of(run.ended)
    return info


def run_json(run: TrackedRun) -> dict[str, Any]:
    """Give a run with all that was logged."""
    return {
        "info": run_info_json(run),
        "data": {
            "metrics": [
                {
                    "key": name,
                    "value": shown_float(value),
                    "timestamp": milliseconds_of(time),
                    "step": step,
                }
                for name, value, time, step in run.metrics
            ],
            "params": pairs({name: _shown(value) for name, value in run.params.items()}),
            "tags": pairs(run.tags),
        },
        "inputs": {
            "dataset_inputs": [dict(one.data) for one in run.links if one.sort == "dataset"],
            "model_inputs": [{"model_id": one.name} for one in run.links if one.sort == "used"],
        },
        "outputs": {
            "model_outputs": [dict(one.data) for one in run.links if one.sort == "made"],
        },
    }


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def logged_model_json(model: LoggedModel) -> dict[str, Any]:
    """Give a logged model."""
    info = {
        "model_id": model.id,
        "experiment_id": str(model.experiment),
        "name": model.name,
        "creation_timestamp_ms": milliseconds_of(model.created),
        "last_updated_timestamp_ms": milliseconds_of(model.updated),
        "artifact_uri": model_root(model),
        "status": f"LOGGED_MODEL_{model.status}",
        "model_type": model.model_type,
        "tags": pairs(model.tags),
    }
    if model.run is not None:
        info["source_run_id"] = hex_of(model.run)
    return {
        "info": info,
        "data": {
            "params": pairs(model.params),
            "metrics": [
                {
                    "key": point.name,
                    "value": shown_float(point.value),
                    "timestamp": milliseconds_of(point.time),
                    "step": point.step,
                    "model_id": model.id,
                    "run_id": hex_of(point.run),
                    "dataset_name": point.dataset_name,
                    "dataset_digest": point.dataset_digest,
                }
                for point in model.metrics
            ],
        },
    }


def registered_model_json(
    model: RegisteredModel,
    newest: list[RegisteredVersion],
    aliases: Mapping[str, int],
) -> dict[str, Any]:
    """Give a registered model."""
    found = {
        "name": model.name,
        "creation_timestamp": milliseconds_of(model.asset.created),
        "last_updated_timestamp": milliseconds_of(model.updated),
        "description": model.asset.description,
        "latest_versions": [model_version_json(one) for one in newest],
        "tags": pairs(model.asset.tags),
    }
    if aliases:
        found["aliases"] = [
            {"alias": alias, "version": str(number)} for alias, number in aliases.items()
        ]
    return found


def model_version_json(known: RegisteredVersion) -> dict[str, Any]:
    """Give a version of a registered model."""
    return {
        "name": known.model_name,
        "version": str(known.version.number),
        "creation_timestamp": milliseconds_of(known.version.created),
        "last_updated_timestamp": milliseconds_of(known.updated),
        "user_id": known.version.creator,
        "current_stage": known.stage,
        "description": known.description,
        "source": known.source,
        "run_id": known.run,
        "run_link": known.run_link,
        "model_id": known.model,
        "status": "READY",
        "tags": pairs(known.version.tags),
        "aliases": list(known.version.aliases),
    }


def pairs(labels: Mapping[str, str]) -> list[dict[str, str]]:
    """Give tags or parameters as MLflow lists them."""
    return [{"key": name, "value": value} for name, value in labels.items()]
