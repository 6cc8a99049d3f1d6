"""Registered models: assets under the names that MLflow's clients give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from omprov.catalog.mlflow import REGISTERED_MODELS, Criteria
from omprov.errors import InvalidInput
from omprov.records import AssetName, Kind, check_name, name_like

from ._call import Endpoint
from ._errors import EXISTS, Refused, invalid, missing
from ._experiments import labels
from ._filters import parse_filter, parse_order
from ._pages import page
from ._shapes import model_version_json, registered_model_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from omprov.catalog.mlflow import MlflowReads, MlflowWrites, RegisteredModel, RegisteredVersion

    from ._call import Call

STAGES = {"none": "None", "staging": "Staging", "production": "Production", "archived": "Archived"}


def get_registered(reader: MlflowReads, call: Call, name: str) -> RegisteredModel:
    """Return a registered model by its name.

    Raises:
        Refused: there is none.
    """
    found = reader.find_registered_model(call.project, name)
    if found is None:
        raise missing(f"Registered Model with name={name} not found")
    return found


def get_registered_version(reader: MlflowReads, call: Call) -> RegisteredVersion:
    """Return the version that a call names.

    Raises:
        Refused: there is none.
    """
    name, number = call.text("name"), version_number(call.text("version"))
    found = reader.find_registered_version(call.project, name, number)
    if found is None:
        raise missing(f"Model Version (name={name}, version={number}) not found")
    return found


def version_number(text: str) -> int:
    """Return the number that a version's name is.

    Raises:
        Refused: it is none.
    """
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise invalid(f"Model version must be an integer, got '{text[:40]}'")
    return int(text)


def stage_of(text: str) -> str:
    """Return a stage as it is written.

    Raises:
        Refused: there is no such stage.
    """
    if text.lower() not in STAGES:
        raise invalid(
            f"Invalid Model Version stage: {text}. "
            f"Value must be one of {', '.join(STAGES.values())}."
        )
    return STAGES[text.lower()]


def alias_of(text: str) -> str:
    """Return the alias that OMProv knows by a name; upper and lower case are the same.

    Raises:
        Refused: it cannot be an alias.
    """
    folded = text.lower()
    if folded == "latest" or (folded[:1] == "v" and folded[1:].isdigit()):
        raise invalid(f"'{text}' is a reserved alias name.")
    try:
        return check_name(folded, "alias")
    except InvalidInput as error:
        raise invalid(f"Invalid alias name: {error}") from error


def _shown(
    reader: MlflowReads, call: Call, models: Sequence[RegisteredModel]
) -> list[dict[str, Any]]:
    newest: dict[str, list[RegisteredVersion]] = {model.name: [] for model in models}
    for one in reader.newest_registered(call.project, list(newest)):
        newest[one.model_name].append(one)
    shown = []
    for model in models:
        keys = reader.aliases(model.asset.name)
        versions = reader.get_versions(keys.values())
        aliases = {alias: versions[key].number for alias, key in keys.items()}
        shown.append(registered_model_json(model, newest[model.name], aliases))
    return shown


def _create(call: Call) -> dict[str, Any]:
    name = call.text("name")
    if not name.strip() or len(name) > 256 or "/" in name or ":" in name:
        raise invalid(
            "Registered model name takes 1 to 256 characters, and neither '/' nor ':' among them."
        )
    tags = labels(call.items("tags"))
    with call.repository.writing_mlflow() as writer:
        if writer.find_registered_model(call.project, name) is not None:
            raise Refused(EXISTS, f"Registered Model (name={name}) already exists.")
        made = _add(writer, call, name, call.find_text("description") or "")
        if tags:
            writer.set_tags(made.asset.id, tags)
            made = get_registered(writer, call, name)
        return {"registered_model": registered_model_json(made, [], {})}


def _add(writer: MlflowWrites, call: Call, name: str, description: str) -> RegisteredModel:
    """Register the asset of the name that is most like it, unless that is registered already."""
    base = name_like(name, "model")[:120]
    number, short = 1, base
    while True:
        full = AssetName(call.project, Kind.MODEL, short)
        asset = writer.find_asset(full)
        if asset is None:
            return writer.add_registered_model(
                writer.add_asset(full, description=description), name
            )
        if asset.removed is None and short == name and not writer.is_registered(asset):
            if description:
                asset = writer.set_asset(asset.id, description=description)
            return writer.add_registered_model(asset, name)
        number += 1
        short = f"{base}-{number}"


def _get(call: Call) -> dict[str, Any]:
    with call.repository.reading_mlflow() as reader:
        known = get_registered(reader, call, call.text("name"))
        return {"registered_model": _shown(reader, call, [known])[0]}


def _search(call: Call) -> dict[str, Any]:
    criteria = Criteria(
        parse_filter(call.find_text("filter"), REGISTERED_MODELS),
        parse_order(call.texts("order_by"), REGISTERED_MODELS),
    )
    with call.repository.reading_mlflow() as reader:
        found, more = page(
            call,
            lambda limit, offset: reader.search_registered_models(
                call.project, criteria, limit=limit, offset=offset
            ),
            usual=100,
            most=1000,
        )
        return {"registered_models": _shown(reader, call, found), **more}


def _update(call: Call) -> dict[str, Any]:
    with call.repository.writing_mlflow() as writer:
        known = get_registered(writer, call, call.text("name"))
        writer.set_asset(known.asset.id, description=call.find_text("description") or "")
        writer.set_registered_model(known)
    return _get(call)


def _rename(call: Call) -> dict[str, Any]:
    """Rename a model; one with protected aliases takes an owner, for clients follow name and alias.

    Who could rename it could give its name, and with that its aliases, to another one.
    """
    new = call.text("new_name")
    with call.repository.reading_mlflow() as reader:
        asset = get_registered(reader, call, call.text("name")).asset.name
        aliases = reader.aliases(asset)
    if any(alias in aliases for alias in call.repository.list_protected(asset)):
        call.repository.check_owner("renaming a model with protected aliases")
    with call.repository.writing_mlflow() as writer:
        known = get_registered(writer, call, call.text("name"))
        if new != known.name and writer.find_registered_model(call.project, new) is not None:
            raise Refused(EXISTS, f"Registered Model (name={new}) already exists.")
        writer.set_registered_model(known, name=new)
        return {"registered_model": _shown(writer, call, [get_registered(writer, call, new)])[0]}


def _delete(call: Call) -> dict[str, Any]:
    call.repository.check_owner("removing a registered model")
    with call.repository.writing_mlflow() as writer:
        known = get_registered(writer, call, call.text("name"))
        writer.forget_registered_model(known)
    call.repository.remove_asset(known.asset.name)
    return {}


def _newest(call: Call) -> dict[str, Any]:
    name = call.text("name")
    stages = [stage_of(one) for one in call.texts("stages")]
    with call.repository.reading_mlflow() as reader:
        get_registered(reader, call, name)
        found = reader.newest_registered(call.project, [name], stages)
    return {"model_versions": [model_version_json(one) for one in found]}


def _set_tag(call: Call) -> dict[str, Any]:
    tags = labels([{"key": call.text("key"), "value": call.find_text("value") or ""}])
    with call.repository.writing_mlflow() as writer:
        known = get_registered(writer, call, call.text("name"))
        writer.set_tags(known.asset.id, tags)
        writer.set_registered_model(known)
    return {}


def _delete_tag(call: Call) -> dict[str, Any]:
    with call.repository.writing_mlflow() as writer:
        known = get_registered(writer, call, call.text("name"))
        writer.set_tags(known.asset.id, {call.text("key"): None})
        writer.set_registered_model(known)
    return {}


def _set_alias(call: Call) -> dict[str, Any]:
    alias = alias_of(call.text("alias"))
    with call.repository.reading_mlflow() as reader:
        known = get_registered_version(reader, call)
    call.repository.set_alias(known.version, alias)
    return {}


def _delete_alias(call: Call) -> dict[str, Any]:
    alias = alias_of(call.text("alias"))
    with call.repository.reading_mlflow() as reader:
        known = get_registered(reader, call, call.text("name"))
        there = alias in reader.aliases(known.asset.name)
    if there:
        call.repository.remove_alias(known.asset.name, alias)
    return {}


def _get_alias(call: Call) -> dict[str, Any]:
    alias = alias_of(call.text("alias"))
    with call.repository.reading_mlflow() as reader:
        name = get_registered(reader, call, call.text("name")).name
        found = reader.find_registered_alias(call.project, name, alias)
    if found is None:
        raise invalid(f"Registered model alias {call.text('alias')} not found.")
    return {"model_version": model_version_json(found)}


ENDPOINTS = (
    Endpoint("POST", "2.0/mlflow/registered-models/create", _create),
    Endpoint("GET", "2.0/mlflow/registered-models/get", _get, writes=False),
    Endpoint("GET", "2.0/mlflow/registered-models/search", _search, writes=False),
    Endpoint("PATCH", "2.0/mlflow/registered-models/update", _update),
    Endpoint("POST", "2.0/mlflow/registered-models/rename", _rename),
    Endpoint("DELETE", "2.0/mlflow/registered-models/delete", _delete),
    Endpoint("GET", "2.0/mlflow/registered-models/get-latest-versions", _newest, writes=False),
    Endpoint("POST", "2.0/mlflow/registered-models/get-latest-versions", _newest, writes=False),
    Endpoint("POST", "2.0/mlflow/registered-models/set-tag", _set_tag),
    Endpoint("DELETE", "2.0/mlflow/registered-models/delete-tag", _delete_tag),
    Endpoint("POST", "2.0/mlflow/registered-models/alias", _set_alias),
    Endpoint("DELETE", "2.0/mlflow/registered-models/alias", _delete_alias),
    Endpoint("GET", "2.0/mlflow/registered-models/alias", _get_alias, writes=False),
)
