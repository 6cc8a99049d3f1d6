"""The rules by which files that a run wrote become outputs, in the order in which they apply.

Each takes the files that are left, and returns those that it leaves to the next.
"""

# Paths are text here, hundreds of thousands of them:
# ruff: noqa: PTH110, PTH119, PTH120

from __future__ import annotations

import os
from collections import defaultdict
from typing import TYPE_CHECKING

from omprov.errors import OmprovError
from omprov.records import AssetName, Kind, Reference, name_like

from ._file_sorts import (
    DATA_SUFFIXES,
    MANY,
    MEDIA_SUFFIXES,
    TABLE_SUFFIXES,
    is_beside_data,
    is_events,
    is_in_data_folder,
    is_model,
    is_result,
    is_source,
    suffix_of,
)
from ._grouping import group_files
from ._known import KnownPlaces
from ._names import output_name
from ._recording import names_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omprov.repository import Repository

    from ._grouping import Group
    from ._known import Place
    from ._writing import Writing

_PIPELINE_MARKS = ("model_index.json", "modules.json")
"""Say of a folder that it is a model that lies in several folders below."""


def take_known(writing: Writing, paths: list[str]) -> list[str]:
    """Take files in folders that hold a version of something: they make its next version.

    A folder that the run read as well counts only where what was there changed: what a run adds to
    its input is placed by the other rules.
    """
    known = KnownPlaces(writing.repository, writing.ground.root)
    by_place: dict[str, tuple[Place, list[str]]] = {}
    rest: list[str] = []
    for path in paths:
        place = known.find(path)
        if place is None or place.held.parts:
            rest.append(path)
        else:
            by_place.setdefault(place.path, (place, []))[1].append(path)
    for at, (place, files) in sorted(by_place.items()):
        if place.name in writing.taken or _only_adds(writing, place, files):
            rest += files
        else:
            writing.store_whole(place.name, at, files, "the workspace knew a version of it there")
    return sorted(rest)


def _only_adds(writing: Writing, place: Place, files: list[str]) -> bool:
    if not any(path.startswith(place.path + "/") for path in writing.reads):
        return False
    try:
        version = writing.repository.get_version_by_id(place.held.version)
        tree = writing.repository.tree(version)
        start = len(place.path) + 1
        return not any(tree.has(os.fsencode(path[start:])) for path in files)
    except OmprovError:  # its manifest is not here
        return False


def take_events(writing: Writing, paths: list[str]) -> list[str]:
    """Take TensorBoard's files, all as one summary."""
    events = [path for path in paths if is_events(os.path.basename(path))]
    asset = writing.new_asset(Kind.SUMMARY, name_like(writing.run_name, "run"))
    writing.store(asset, events, "events of TensorBoard")
    return _without(paths, events)


def take_models(writing: Writing, paths: list[str]) -> list[str]:
    """Take models; those that have one name are one version."""
    ground = writing.ground
    models = {path for path in paths if is_model("/".join(ground.shown(path)))}
    units = _model_folders(writing, models)
    groups: dict[str, list[str]] = defaultdict(list)
    taken: set[str] = set()
    for path in paths:
        unit = _above(path, units)
        if unit is not None:
            parts = ground.shown(unit)
        elif path in models:
            *folders, name = ground.shown(path)
            parts = (*folders, name.partition(".")[0])
        else:
            continue
        taken.add(path)
        groups[output_name(parts, writing.owner)].append(path)
    for name, files in sorted(groups.items()):
        writing.store(writing.new_asset(Kind.MODEL, name), files, "a model, by its name")
    return _without(paths, taken)


def _model_folders(writing: Writing, models: Iterable[str]) -> set[str]:
    """Return the folders that are models as a whole, the outermost of each."""
    ground = writing.ground
    folders = {os.path.dirname(path) for path in models}
    above = {os.path.dirname(folder) for folder in folders}
    units = {folder for folder in folders if ground.is_model_folder(folder)}
    units |= {
        folder
        for folder in above
        if not ground.is_forbidden(folder)
        and any(os.path.exists(f"{folder}/{name}") for name in _PIPELINE_MARKS)
    }
    return {one for one in units if not any(one.startswith(other + "/") for other in units)}


def take_data(writing: Writing, paths: list[str]) -> list[str]:
    """Take what looks like data for a next run, as datasets."""
    with_models = any(made.asset.kind is Kind.MODEL for made in writing.made)
    wanted = [path for path in paths if _may_be_data(writing, path, with_models=with_models)]
    taken: set[str] = set()
    for group in group_files(wanted, writing.ground):
        if not _is_dataset(writing, group):
            continue
        asset = _data_asset(writing, group)
        if group.sort == "folder":
            files = [path for path in paths if path.startswith(group.path + "/")]
            writing.store_whole(asset, group.path, files, f"data: {group.why}")
        else:
            files = list(group.files)
            writing.store(asset, files, f"data: {group.why}")
        taken.update(files)
    return _without(paths, taken)


def _may_be_data(writing: Writing, path: str, *, with_models: bool) -> bool:
    """Say so of files in folders for data; of tables and pictures also where no model was made.

    Results of a run (metrics, plots, predictions) are none.
    """
    shown = "/".join(writing.ground.shown(path))
    if is_in_data_folder(shown):
        return not is_source(path) and not is_beside_data(os.path.basename(path))
    is_of_sort = suffix_of(path) in TABLE_SUFFIXES | MEDIA_SUFFIXES
    return is_of_sort and not (with_models or is_result(shown))


def _is_dataset(writing: Writing, group: Group) -> bool:
    """Say whether there are many files, or one whose suffix is that of data."""
    if len(group.files) >= MANY:
        return True
    for path in group.files:
        shown = "/".join(writing.ground.shown(path))
        suffixes = DATA_SUFFIXES if is_in_data_folder(shown) else TABLE_SUFFIXES
        if suffix_of(path) in suffixes:
            return True
    return False


def _data_asset(writing: Writing, group: Group) -> AssetName:
    """Return the asset that is named after the place, unless it lies in another place."""
    repository = writing.repository
    names = names_for(
        group.path,
        Kind.DATASET,
        writing.ground,
        run_name=writing.run_name,
        is_file=group.sort == "file",
    )
    known = KnownPlaces(repository, writing.ground.root)
    for name in names:
        asset = AssetName(repository.project, Kind.DATASET, name)
        elsewhere = [path for path in known.find_asset(asset) if path != group.path]
        if asset not in writing.taken and not any(map(os.path.exists, elsewhere)):
            return asset
    return writing.new_asset(Kind.DATASET, names[-1])


def take_rest(writing: Writing, paths: list[str]) -> list[str]:
    """Take everything else as one version; nothing is left."""
    asset = writing.new_asset(Kind.FILE, name_like(writing.run_name, "run"))
    writing.store(asset, paths, "it is nothing else")
    return []


def full_name(repository: Repository, asset: str) -> AssetName:
    """Return the asset that a declared output is a version of, in full."""
    wanted = Reference.parse(asset)
    kind = wanted.kind or Kind.FILE
    return AssetName(wanted.project or repository.project, kind, wanted.name)


def _without(paths: list[str], taken: Iterable[str]) -> list[str]:
    gone = set(taken)
    return [path for path in paths if path not in gone]


def _above(path: str, folders: set[str]) -> str | None:
    at = os.path.dirname(path)
    while at not in {"", "/"}:
        if at in folders:
            return at
        at = os.path.dirname(at)
    return None


WRITE_RULES = (take_known, take_events, take_models, take_data, take_rest)
