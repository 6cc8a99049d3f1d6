"""Which versions a run used, by what its clients said of it: code, datasets, models."""

from __future__ import annotations

import json
from pathlib import PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING, Any

from omprov.errors import OmprovError
from omprov.records import AssetName, Kind, name_like

from ._call import said_json

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping

    from omprov.catalog.mlflow import Link, TrackedRun
    from omprov.records import Version
    from omprov.repository import Repository

COMMIT = "mlflow.source.git.commit"
SCRIPT = "mlflow.source.name"
REPOSITORY = "mlflow.source.git.repoURL"
CODE_FILE = "source.json"
DATASET_FILE = "dataset.json"


def used_versions(
    repository: Repository, run: TrackedRun, model_version: Callable[[str], Version | None]
) -> dict[str, Version]:
    """Return what a run used, by role; versions are recorded where they are not.

    Args:
        repository: in the run's project.
        run: what clients said of it.
        model_version: returns the version of a logged model that another run made.
    """
    used: dict[str, Version] = {}
    code = _algorithm(repository, run.tags)
    if code is not None:
        used["algorithm"] = code
    for link in run.links:
        if link.sort == "dataset":
            context = name_like(link.context, "")
            role = free_role(f"dataset.{context}" if context else "dataset", used)
            used[role] = _dataset(repository, link)
        elif link.sort == "used":
            version = model_version(link.name)
            if version is not None and version.run != run.id:
                used[free_role("base_model", used)] = version
    return used


def free_role(role: str, taken: Container[str]) -> str:
    """Return the role, with a number if it is taken."""
    number, free = 1, role
    while free in taken:
        number += 1
        free = f"{role}.{number}"
    return free


def living_name(repository: Repository, name: AssetName) -> AssetName:
    """Return the name; with a number, if an asset that was removed, and takes nothing, has it."""
    number, living = 1, name
    with repository.reading_mlflow() as reader:
        while (asset := reader.find_asset(living)) is not None and asset.removed is not None:
            number += 1
            living = AssetName(name.project, name.kind, f"{name.name[:120]}-{number}")
    return living


def _algorithm(repository: Repository, tags: Mapping[str, str]) -> Version | None:
    """Return the version of the code: the one of its commit, else what clients said of it."""
    commit, script = tags.get(COMMIT, ""), tags.get(SCRIPT, "")
    name = name_like(_stem(script), "script")
    known = _of_commit(repository, commit, name) if commit else None
    if known is not None or not (commit or script):
        return known
    said = {"commit": commit, "name": _base(script), "repository": tags.get(REPOSITORY, "")}
    facts = {key: value for key, value in said.items() if value}
    return repository.add_version(
        living_name(repository, AssetName(repository.project, Kind.ALGORITHM, name)),
        {CODE_FILE: _json(facts)},
        message=f"commit {commit[:12]}" if commit else "",
        source={"mlflow": facts},
    ).version


def _of_commit(repository: Repository, commit: str, name: str) -> Version | None:
    """Return the version that a commit is of some algorithm; one of the script's name first."""
    known = repository.list_assets(project=repository.project, kind=Kind.ALGORITHM)
    for asset in sorted(known, key=lambda one: (one.name.name != name, one.name)):
        try:
            found = repository.find_commits(asset.name, [commit]).get(commit)
        except OmprovError:  # no commit's id
            return None
        if found is not None:
            return found
    return None


def _base(script: str) -> str:
    """Return the name of a script, without the folders of the machine where it ran."""
    windows = PureWindowsPath(script)
    return windows.name if windows.drive else PurePosixPath(script).name or script


def _stem(script: str) -> str:
    name = _base(script)
    return name.removesuffix(".py").removesuffix(".ipynb")


def _dataset(repository: Repository, link: Link) -> Version:
    """Return the version of a dataset: what it was called, its digest, where it came from."""
    dataset = link.data.get("dataset", {})
    known = _referenced(repository, dataset.get("source", ""))
    if known is not None:
        return known
    facts = {
        key: dataset[key]
        for key in ("name", "digest", "source_type", "source", "schema", "profile")
        if dataset.get(key)
    }
    told = {key: facts[key] for key in ("name", "digest", "source_type", "source") if key in facts}
    asset = AssetName(repository.project, Kind.DATASET, name_like(link.name, "dataset"))
    return repository.add_version(
        living_name(repository, asset),
        {DATASET_FILE: _json(facts)},
        message=f"digest {link.digest}",
        source={"mlflow": told},
    ).version


def _referenced(repository: Repository, source: str) -> Version | None:
    """Return the version that a dataset's source names: ``omprov://host/project/dataset/x:v3``."""
    said = said_json(source, None)
    uri = (
        next((one for one in said.values() if _is_ours(one)), None)
        if isinstance(said, dict)
        else None
    )
    if uri is None:
        return None
    try:
        version = repository.get_version(uri)
    except OmprovError:
        return None
    mine = version.asset.project == repository.project and version.asset.kind == Kind.DATASET
    return version if mine else None


def _is_ours(value: object) -> bool:
    return isinstance(value, str) and value.startswith("omprov://")


def _json(facts: Mapping[str, Any]) -> bytes:
    return (json.dumps(facts, sort_keys=True, ensure_ascii=False, indent=1) + "\n").encode()
