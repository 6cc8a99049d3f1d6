"""Experiments: groups of a project's runs. Number 0, ``Default``, is there from the first call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omprov.catalog.mlflow import EXPERIMENTS, Criteria
from omprov.errors import AlreadyExists

from ._call import Endpoint, checked_text
from ._errors import EXISTS, Refused, invalid, missing
from ._filters import parse_filter, parse_order
from ._pages import page
from ._shapes import experiment_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.catalog.mlflow import Experiment, MlflowReads

    from ._call import Call

DEFAULT = "Default"
_LONGEST_NAME = 500
STAGES = {
    "ACTIVE_ONLY": ("active",),
    "DELETED_ONLY": ("deleted",),
    "ALL": ("active", "deleted"),
}


def ensure_default(call: Call) -> None:
    """Make experiment 0 of the project, if it is not there."""
    with call.repository.reading_mlflow() as reader:
        if reader.find_experiment(call.project, 0) is not None:
            return
    with call.repository.writing_mlflow() as writer:
        if writer.find_experiment(call.project, 0) is not None:  # another one was quicker
            return
        name = DEFAULT
        while writer.find_experiment_by_name(call.project, name) is not None:
            name += "_"
        writer.add_experiment(call.project, name, number=0)


def experiment_number(text: str) -> int:
    """Return the number that an experiment's id is.

    Raises:
        Refused: it is none.
    """
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise invalid(f"Invalid experiment ID {text!r}: it is a number.")
    return int(text)


def get_experiment(reader: MlflowReads, call: Call, id: str) -> Experiment:
    """Return an experiment by its id, deleted ones included.

    Raises:
        Refused: there is none.
    """
    number = experiment_number(id)
    found = reader.find_experiment(call.project, number)
    if found is None:
        raise missing(f"No Experiment with id={id} exists")
    return found


def view_stages(call: Call, name: str) -> tuple[str, ...]:
    """Return which stages a search is about.

    Raises:
        Refused: there is no such view.
    """
    view = call.find_text(name) or "ACTIVE_ONLY"
    if view not in STAGES:
        raise invalid(f"Invalid value {view!r} for parameter '{name}': one of {list(STAGES)}.")
    return STAGES[view]


def labels(items: list[Mapping[str, Any]]) -> dict[str, str]:
    """Return tags or parameters as they are sent, by name.

    Raises:
        Refused: one has no name.
    """
    found = {}
    for one in items:
        name = checked_text(one.get("key", ""), "key")
        if not name or len(name) > 250:
            raise invalid(f"Invalid key {name[:40]!r}: it takes 1 to 250 characters.")
        found[name] = checked_text(one.get("value", ""), name)
    return found


def _create(call: Call) -> dict[str, Any]:
    ensure_default(call)
    name = _checked_name(call.text("name"))
    try:
        with call.repository.writing_mlflow() as writer:
            known = writer.find_experiment_by_name(call.project, name)
            if known is not None and known.stage == "deleted":
                raise Refused(
                    EXISTS,
                    f"Experiment '{name}' already exists in deleted state. You can restore the "
                    "experiment, or permanently delete it.",
                )
            made = writer.add_experiment(
                call.project,
                name,
                location=call.find_text("artifact_location") or None,
                tags=labels(call.items("tags")),
            )
    except AlreadyExists as error:
        raise Refused(EXISTS, f"Experiment(name={name}) already exists.") from error
    return {"experiment_id": str(made.number)}


def _checked_name(name: str) -> str:
    if not name.strip() or len(name) > _LONGEST_NAME:
        raise invalid(f"Invalid experiment name: it takes 1 to {_LONGEST_NAME} characters.")
    return name


def _get(call: Call) -> dict[str, Any]:
    ensure_default(call)
    with call.repository.reading_mlflow() as reader:
        return {
            "experiment": experiment_json(get_experiment(reader, call, call.text("experiment_id")))
        }


def _get_by_name(call: Call) -> dict[str, Any]:
    ensure_default(call)
    name = call.text("experiment_name")
    with call.repository.reading_mlflow() as reader:
        found = reader.find_experiment_by_name(call.project, name)
    if found is None:
        raise missing(f"Could not find experiment with name '{name}'")
    return {"experiment": experiment_json(found)}


def _search(call: Call) -> dict[str, Any]:
    ensure_default(call)
    criteria = Criteria(
        parse_filter(call.find_text("filter"), EXPERIMENTS),
        parse_order(call.texts("order_by"), EXPERIMENTS),
    )
    stages = view_stages(call, "view_type")
    with call.repository.reading_mlflow() as reader:
        found, more = page(
            call,
            lambda limit, offset: reader.search_experiments(
                call.project, criteria, stages=stages, limit=limit, offset=offset
            ),
            usual=1000,
            most=50_000,
        )
    return {"experiments": [experiment_json(one) for one in found], **more}


def _update(call: Call) -> dict[str, Any]:
    name = call.find_text("new_name")
    with call.repository.writing_mlflow() as writer:
        known = get_experiment(writer, call, call.text("experiment_id"))
        if known.stage != "active":
            raise invalid(f"Cannot rename experiment in non-active stage '{known.stage}'")
        if name is not None and name != known.name:
            if writer.find_experiment_by_name(call.project, _checked_name(name)) is not None:
                raise Refused(EXISTS, f"Experiment(name={name}) already exists.")
            writer.set_experiment(known, name=name)
    return {}


def _staged(stage: str, call: Call) -> dict[str, Any]:
    with call.repository.writing_mlflow() as writer:
        known = get_experiment(writer, call, call.text("experiment_id"))
        if known.stage == stage:
            raise missing(f"No Experiment with id={known.number} exists that is not {stage}")
        writer.set_experiment(known, stage=stage)
        writer.stage_runs_of(known, stage)
    return {}


def _delete(call: Call) -> dict[str, Any]:
    if experiment_number(call.text("experiment_id")) == 0:
        raise invalid(
            "Cannot delete the default experiment '0'. This is an internally reserved experiment."
        )
    return _staged("deleted", call)


def _restore(call: Call) -> dict[str, Any]:
    return _staged("active", call)


def _set_tag(call: Call) -> dict[str, Any]:
    tags = labels([{"key": call.text("key"), "value": call.find_text("value") or ""}])
    with call.repository.writing_mlflow() as writer:
        writer.set_experiment_tags(get_experiment(writer, call, call.text("experiment_id")), tags)
    return {}


def _delete_tag(call: Call) -> dict[str, Any]:
    key = call.text("key")
    with call.repository.writing_mlflow() as writer:
        known = get_experiment(writer, call, call.text("experiment_id"))
        if key not in known.tags:
            raise missing(f"No tag with name: {key} in experiment with id {known.number}")
        writer.set_experiment_tags(known, {key: None})
    return {}


def _search_datasets(call: Call) -> dict[str, Any]:
    numbers = [experiment_number(one) for one in call.texts("experiment_ids")]
    with call.repository.reading_mlflow() as reader:
        found = reader.list_datasets(call.project, numbers)
    return {
        "dataset_summaries": [
            {
                "experiment_id": str(one.data["experiment"]),
                "name": one.name,
                "digest": one.digest,
                "context": one.context,
            }
            for one in found
        ]
    }


ENDPOINTS = (
    Endpoint("POST", "2.0/mlflow/experiments/create", _create),
    Endpoint("GET", "2.0/mlflow/experiments/get", _get, writes=False),
    Endpoint("GET", "2.0/mlflow/experiments/get-by-name", _get_by_name, writes=False),
    Endpoint("GET", "2.0/mlflow/experiments/search", _search, writes=False),
    Endpoint("POST", "2.0/mlflow/experiments/search", _search, writes=False),
    Endpoint("POST", "2.0/mlflow/experiments/update", _update),
    Endpoint("POST", "2.0/mlflow/experiments/delete", _delete),
    Endpoint("POST", "2.0/mlflow/experiments/restore", _restore),
    Endpoint("POST", "2.0/mlflow/experiments/set-experiment-tag", _set_tag),
    Endpoint("POST", "2.0/mlflow/experiments/delete-experiment-tag", _delete_tag),
    Endpoint("POST", "2.0/mlflow/experiments/search-datasets", _search_datasets, writes=False),
)
