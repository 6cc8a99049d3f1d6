"""What runs say that they used and made: datasets, models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from omprov.catalog.mlflow import Link

from ._call import Endpoint, checked_number, checked_text, said_json
from ._errors import invalid, missing
from ._recording import HISTORY
from ._runs import active_run, get_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ._call import Call

CONTEXT = "mlflow.data.context"
_MOST = 1000
_LONGEST = {"name": 500, "digest": 36, "source": 65_535, "schema": 1_048_575}


def _log_inputs(call: Call) -> dict[str, Any]:
    datasets, models = call.items("datasets"), call.items("models")
    if len(datasets) > _MOST:
        raise invalid(f"A request can log at most {_MOST} datasets. Got {len(datasets)}.")
    _check_models(models)
    links = [_dataset(one) for one in datasets]
    links += [Link("used", checked_text(one.get("model_id", ""), "model_id")) for one in models]
    return _linked(call, links)


def _check_models(models: list[Mapping[str, Any]]) -> None:
    if len(models) > _MOST:
        raise invalid(f"A request can log at most {_MOST} models. Got {len(models)}.")


def _dataset(item: Mapping[str, Any]) -> Link:
    said = item.get("dataset")
    if not isinstance(said, dict):
        raise invalid("Missing value for required parameter 'dataset'.")
    dataset = {name: checked_text(value, name) for name, value in said.items() if value is not None}
    for name in ("name", "digest", "source_type", "source"):
        if not dataset.get(name):
            raise invalid(f"Missing value for required parameter 'dataset.{name}'.")
    for name, most in _LONGEST.items():
        if len(dataset.get(name, "")) > most:
            raise invalid(f"'dataset.{name}' is longer than {most} characters.")
    tags = item.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, dict) for tag in tags):
        raise invalid("Invalid value for parameter 'tags': it takes a list of objects.")
    labels = {str(tag.get("key", "")): checked_text(tag.get("value", ""), "tag") for tag in tags}
    return Link(
        "dataset",
        dataset["name"],
        dataset["digest"],
        labels.get(CONTEXT, ""),
        {"dataset": dataset, "tags": [{"key": k, "value": v} for k, v in labels.items()]},
    )


def _log_outputs(call: Call) -> dict[str, Any]:
    links = []
    models = call.items("models")
    _check_models(models)
    for one in models:
        model = checked_text(one.get("model_id", ""), "model_id")
        step = checked_number(one.get("step", 0), "step")
        links.append(Link("made", model, data={"model_id": model, "step": step}))
    return _linked(call, links)


def _linked(call: Call, links: list[Link]) -> dict[str, Any]:
    with call.repository.writing_mlflow() as writer:
        id = active_run(writer, call)  # noqa: A001 the field's name
        for one in links:
            if one.sort != "dataset" and writer.find_logged_model(call.project, one.name) is None:
                raise missing(f"Logged model with ID '{one.name}' not found.")
        writer.add_links(id, links)
    return {}


def _log_model(call: Call) -> dict[str, Any]:
    """Add what an older client says of a model to the tag in which it looks for it."""
    said = said_json(call.text("model_json"), None)
    if not isinstance(said, dict):
        raise invalid("Malformed model info: it is no JSON object.")
    lacking = {"artifact_path", "flavors", "utc_time_created", "run_id"} - set(said)
    if lacking:
        raise invalid(f"Model json is missing mandatory fields: {sorted(lacking)}")
    with call.repository.writing_mlflow() as writer:
        id = active_run(writer, call)  # noqa: A001 the field's name
        history = said_json(get_run(writer, call).tags.get(HISTORY, "[]"), None)
        known = history if isinstance(history, list) else []
        writer.set_tags(id, {HISTORY: json.dumps([*known, said])})
    return {}


ENDPOINTS = (
    Endpoint("POST", "2.0/mlflow/runs/log-inputs", _log_inputs),
    Endpoint("POST", "2.0/mlflow/runs/outputs", _log_outputs),
    Endpoint("POST", "2.0/mlflow/runs/log-model", _log_model),
)
