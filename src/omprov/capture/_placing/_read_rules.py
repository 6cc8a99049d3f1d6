"""The rules by which files that a run read are placed, in the order in which they apply.

Each takes the files that are left, and returns those that it leaves to the next.
"""

# Paths are text here, hundreds of thousands of them:
# ruff: noqa: PTH120

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from omprov.records import Kind, name_like

from ._file_sorts import is_in_data_folder, is_model, is_settings
from ._grouping import Group, group_files
from ._hub import find_snapshots, record_snapshot
from ._known import KnownPlaces, current_version, version_of_copy
from ._made import find_made, is_same_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from omprov.records import Version

    from ._hub import Snapshot
    from ._known import Place
    from ._reading import Reading


def take_copies(reading: Reading, paths: list[str]) -> list[str]:
    """Take files in local copies of versions, which `Repository.local_copy` gives."""
    rest: list[str] = []
    used = list(reading.declared.values())
    by_folder: dict[str, Version | None] = {}
    start = os.path.realpath(reading.repository.path) + "/"
    for path in paths:
        if not path.startswith(start):
            rest.append(path)
            continue
        folder = "/".join(path[len(start) :].split("/")[:2])
        if folder not in by_folder:
            by_folder[folder] = version_of_copy(reading.repository, path, used)
        version = by_folder[folder]
        if version is None:
            reading.leave_out([path], "it belongs to the repository itself")
        else:
            reading.add([path], version, start + folder, "a local copy of this version")
    return rest


def take_known(reading: Reading, paths: list[str]) -> list[str]:
    """Take files in folders that the workspace knows, the innermost one of each."""
    known = KnownPlaces(reading.repository, reading.ground.root)
    rest: list[str] = []
    found: dict[str, tuple[Place, list[str]]] = {}
    for path in paths:
        place = known.find(path)
        if place is None:
            rest.append(path)
        else:
            found.setdefault(place.path, (place, []))[1].append(path)
    for at, (place, files) in sorted(found.items()):
        reading.take(files, _looking_at(reading, place), at, "the workspace knows what is there")
    return rest


def _looking_at(reading: Reading, place: Place) -> Callable[[], Version]:
    return lambda: current_version(
        reading.repository, place, reading.written, reading.notes, reading.progress
    )


def take_hub(reading: Reading, paths: list[str]) -> list[str]:
    """Take files in the cache of the Hugging Face hub."""
    snapshots, rest = find_snapshots(paths)
    for one in snapshots:
        files = sorted(one.files.values())
        why = f"{one.name} at {one.revision[:12]} from the Hugging Face hub"
        reading.take(files, _recording(reading, one), files[0], why)
    return rest


def _recording(reading: Reading, snapshot: Snapshot) -> Callable[[], Version]:
    return lambda: record_snapshot(reading.repository, snapshot, reading.progress)


def take_made(reading: Reading, paths: list[str]) -> list[str]:
    """Take files with the content of what earlier runs made, and of models."""
    rest = dict.fromkeys(paths)
    for made in find_made(reading.repository, {path: reading.sizes[path] for path in paths}):
        for path in made.files:
            del rest[path]
            if is_same_file(path, made):
                reading.repository.workspace.remember(Path(path), made.version)
        first = min(made.files)
        reading.add(made.files, made.version, first, "it has the content of this version")
    return list(rest)


def take_models(reading: Reading, paths: list[str]) -> list[str]:
    """Take models: folders that are one as a whole, and files."""
    ground = reading.ground
    folders = {os.path.dirname(path) for path in paths}
    units = {
        folder
        for folder in folders
        if ground.is_model_folder(folder) and not ground.holds_avoided(folder)
    }
    taken: set[str] = set()
    for folder in sorted(units):
        if not any(folder.startswith(other + "/") for other in units):
            files = tuple(path for path in paths if path.startswith(folder + "/"))
            taken.update(files)
            reading.take_group(Group(folder, "folder", files, "a model's folder"), Kind.MODEL)
    for path in paths:
        if path not in taken and is_model("/".join(ground.shown(path))):
            taken.add(path)
            reading.take_group(Group(path, "file", (path,), "a model, by its name"), Kind.MODEL)
    return [path for path in paths if path not in taken]


def take_settings(reading: Reading, paths: list[str]) -> list[str]:
    """Take files of settings in the project that lie beside no data, as one version."""
    ground = reading.ground
    wanted = {
        path
        for path in paths
        if ground.is_inside(path)
        and is_settings(path, reading.sizes[path])
        and not is_in_data_folder("/".join(ground.shown(path)))
    }
    with_data = {os.path.dirname(path) for path in paths if path not in wanted}
    settings = [
        path
        for path in sorted(wanted)
        if (folder := os.path.dirname(path)) not in with_data
        or ground.is_forbidden(folder)
        or ground.is_mixed(folder)
    ]
    if settings:
        name = name_like(f"{name_like(reading.run_name, 'run')}-settings", "settings")
        reading.take(
            settings,
            lambda: _record_settings(reading, settings, name),
            settings[0],
            "settings that git does not track",
        )
    taken = set(settings)
    return [path for path in paths if path not in taken]


def _record_settings(reading: Reading, settings: list[str], name: str) -> Version:
    chosen = {"/".join(reading.ground.shown(path)): path for path in settings}
    content = reading.repository.content.put_selection(chosen, reading.progress)
    return reading.repository.add_version(f"params/{name}", content).version


def take_data(reading: Reading, paths: list[str]) -> list[str]:
    """Take everything else as datasets; nothing is left."""
    for group in group_files(paths, reading.ground):
        reading.take_group(group, Kind.DATASET)
    return []


READ_RULES = (
    take_copies,
    take_known,
    take_hub,
    take_made,
    take_models,
    take_settings,
    take_data,
)
