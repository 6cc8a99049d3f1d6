"""From the files that a run wrote to the versions that are its outputs."""

# Paths are text here, hundreds of thousands of them:
# ruff: noqa: PTH110, PTH113, PTH116, PTH119, PTH120

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from omprov.content import may_hold
from omprov.errors import OmprovError
from omprov.records import AssetName, Kind, Reference, name_like
from omprov.repository import Output

from ._file_sorts import (
    MANY,
    MEDIA_SUFFIXES,
    TABLE_SUFFIXES,
    is_events,
    is_in_data_folder,
    is_model,
    is_result,
    is_scratch,
    suffix_of,
)
from ._ground import Ground
from ._grouping import group_files
from ._known import KnownPlaces
from ._names import output_name, owner_name
from ._recording import COPY_LIMIT, names_for, tree_paths

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omprov.capture._accesses import Accesses
    from omprov.content import Progress, TreeSummary
    from omprov.records import Run
    from omprov.repository import Repository

    from ._grouping import Group
    from ._known import Place

_MARGIN_NS = 2_000_000_000
"""Some file systems keep times to two seconds only."""


@dataclass(frozen=True, slots=True)
class PlacedOutputs:
    """The outputs of a run.

    Attributes:
        outputs: role → what to record; the content is stored already.
        places: role → the folder or file that holds all of it, and nothing else.
        reasons: path of each file written → into which asset it went and why, or why into none.
        notes: what a person should know.
    """

    outputs: Mapping[str, Output]
    places: Mapping[str, Path]
    reasons: Mapping[str, str]
    notes: tuple[str, ...]


def place_writes(
    repository: Repository,
    accesses: Accesses,
    *,
    project_root: Path,
    run_name: str,
    started_ns: int,
    declared: Mapping[Path, str] | None = None,
    progress: Progress | None = None,
) -> PlacedOutputs:
    """Group the files that a run wrote into outputs, and store them.

    The same program run again gives the same assets. What cannot be stored is left out and said.

    Args:
        repository: where to store.
        accesses: what was read and written.
        project_root: the folder of the project.
        run_name: names what has no name of its own.
        started_ns: when the run began, in ns since 1970: what changed before it did not write.
        declared: folders and files that are recorded as outputs anyway → their assets.
        progress: told the files and bytes done.
    """
    given = declared or {}
    call = _Call(
        repository,
        Ground(project_root, (one for one in accesses.reads if not is_scratch(one))),
        run_name=run_name,
        reads=tuple(one for one in accesses.reads if one not in accesses.writes),
        taken={_full(repository, asset) for asset in given.values()},
        progress=progress,
    )
    rest = call.look(accesses.writes, started_ns, [os.path.realpath(path) for path in given])
    rest = call.take_known(rest)
    rest = call.take_events(rest)
    rest = call.take_models(rest)
    rest = call.take_data(rest)
    call.take_rest(rest)
    return call.answer()


def remember_outputs(repository: Repository, placed: PlacedOutputs, run: Run) -> None:
    """Let the workspace know what the folders hold whose content is now recorded as outputs."""
    for role, path in placed.places.items():
        if role in run.outputs:
            repository.workspace.remember(path, run.outputs[role])


@dataclass(slots=True)
class _Made:
    asset: AssetName
    content: TreeSummary
    place: str | None
    files: tuple[str, ...]
    why: str


@dataclass(slots=True)
class _Call:
    """What one call knows and has found so far."""

    repository: Repository
    ground: Ground
    run_name: str
    reads: tuple[str, ...]
    taken: set[AssetName]
    progress: Progress | None
    made: list[_Made] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def owner(self) -> str:
        """What to call things that have no name of their own."""
        return owner_name(self.run_name, os.path.basename(self.ground.root))

    def look(self, paths: Iterable[str], started_ns: int, declared: list[str]) -> list[str]:
        """Return the files that may be outputs; say of the others why they are none."""
        own = os.path.realpath(self.repository.path) + "/"
        kept: list[str] = []
        for path in sorted(paths):
            reason = self._reason_against(path, own, started_ns, declared)
            if reason:
                self.reasons[path] = f"left out: {reason}"
            else:
                kept.append(path)
        return kept

    def _reason_against(self, path: str, own: str, started_ns: int, declared: list[str]) -> str:
        if any(path == one or path.startswith(one + "/") for one in declared):
            return "it is part of a declared output"
        if path.startswith(own):
            return "it belongs to the repository itself"
        if is_scratch(path):
            return "a cache, a lock or the like, by its name"
        if self.ground.is_tracked_source(path):
            return "git tracks it as source: it is part of the next version of the code"
        if not all(may_hold(os.fsencode(part)) for part in path.strip("/").split("/")):
            return "it belongs to other books kept on a folder"
        try:
            stat = os.stat(path)
        except OSError:
            return "it is gone"
        if not os.path.isfile(path):
            return "it is no regular file"
        if stat.st_ctime_ns < started_ns - _MARGIN_NS:
            return "it was opened for writing, and not changed"
        return ""

    def take_known(self, paths: list[str]) -> list[str]:
        """Take files in folders that hold a version of something: they make its next version.

        A folder that the run read as well counts only where what was there changed: what it adds
        to its input is placed by the other rules.
        """
        known = KnownPlaces(self.repository, self.ground.root)
        by_place: dict[str, tuple[Place, list[str]]] = {}
        rest: list[str] = []
        for path in paths:
            place = known.find(path)
            if place is None or place.held.parts:
                rest.append(path)
            else:
                by_place.setdefault(place.path, (place, []))[1].append(path)
        for at, (place, files) in sorted(by_place.items()):
            asset = _full(self.repository, place.asset)
            if asset in self.taken or self._only_adds(place, files):
                rest += files
                continue
            self._store_whole(asset, at, files, "the folder held a version of it")
        return sorted(rest)

    def _only_adds(self, place: Place, files: list[str]) -> bool:
        if not any(path.startswith(place.path + "/") for path in self.reads):
            return False
        try:
            tree = self.repository.content.tree(place.held.digest)
            start = len(place.path) + 1
            return not any(tree.has(os.fsencode(path[start:])) for path in files)
        except OmprovError:
            return False

    def take_events(self, paths: list[str]) -> list[str]:
        """Take TensorBoard's files as one summary; return the others."""
        events = [path for path in paths if is_events(os.path.basename(path))]
        asset = self._asset(Kind.SUMMARY, name_like(self.run_name, "run"))
        self._store(asset, events, "events of TensorBoard")
        return _without(paths, events)

    def take_models(self, paths: list[str]) -> list[str]:
        """Take models, those of one name as one version; return the other files."""
        models = [path for path in paths if is_model("/".join(self.ground.shown(path)))]
        units = self._units(models)
        groups: dict[str, list[str]] = defaultdict(list)
        chosen = set(models)
        for path in paths:
            unit = _above(path, units)
            if unit is not None:
                parts = self.ground.shown(unit)
            elif path in chosen:
                *folders, name = self.ground.shown(path)
                parts = (*folders, name.partition(".")[0])
            else:
                continue
            chosen.add(path)
            groups[output_name(parts, self.owner)].append(path)
        for name, files in sorted(groups.items()):
            self._store(self._asset(Kind.MODEL, name), files, "a model, by its name")
        return _without(paths, chosen)

    def _units(self, models: list[str]) -> set[str]:
        """Return the folders that are models as a whole, the outermost of each."""
        folders = {os.path.dirname(path) for path in models}
        above = {os.path.dirname(folder) for folder in folders}
        ground = Ground(Path(self.ground.root))  # what the run read beside it does not matter here
        units = {
            folder
            for folder in folders | above
            if ground.is_model_folder(folder)
            or (folder in above and not ground.is_forbidden(folder) and _is_pipeline(folder))
        }
        return {one for one in units if not any(one.startswith(two + "/") for two in units)}

    def take_data(self, paths: list[str]) -> list[str]:
        """Take what looks like data for the next run; return the other files."""
        made_models = any(made.asset.kind is Kind.MODEL for made in self.made)
        wanted = [path for path in paths if self._may_be_data(path, made_models=made_models)]
        taken: set[str] = set()
        for group in group_files(wanted, self.ground):
            if not self._is_dataset(group):
                continue
            files = list(group.files)
            if group.sort == "folder":
                files = [path for path in paths if path.startswith(group.path + "/")]
            asset = self._data_asset(group)
            if group.sort == "folder":
                self._store_whole(asset, group.path, files, group.why)
            else:
                self._store(asset, files, group.why)
            taken.update(files)
        return _without(paths, taken)

    def _may_be_data(self, path: str, *, made_models: bool) -> bool:
        shown = "/".join(self.ground.shown(path))
        suffix = suffix_of(path)
        if suffix not in TABLE_SUFFIXES and suffix not in MEDIA_SUFFIXES:
            return False
        return is_in_data_folder(shown) or not (made_models or is_result(shown))

    def _is_dataset(self, group: Group) -> bool:
        """Say whether there is a table or the like, or many pictures, sounds or texts."""
        return len(group.files) >= MANY or any(
            suffix_of(path) in TABLE_SUFFIXES for path in group.files
        )

    def _data_asset(self, group: Group) -> AssetName:
        known = KnownPlaces(self.repository, self.ground.root)
        names = names_for(
            group.path,
            Kind.DATASET,
            self.ground,
            run_name=self.run_name,
            is_file=group.sort == "file",
        )
        for name in names:
            asset = AssetName(self.repository.project, Kind.DATASET, name)
            elsewhere = [path for path in known.find_asset(str(asset)) if path != group.path]
            if asset not in self.taken and not any(map(os.path.exists, elsewhere)):
                return self._asset(Kind.DATASET, name)
        return self._asset(Kind.DATASET, names[-1])

    def take_rest(self, paths: list[str]) -> None:
        """Take everything else as one version."""
        asset = self._asset(Kind.FILE, name_like(self.run_name, "run"))
        self._store(asset, paths, "a file that is nothing else")

    def _asset(self, kind: Kind, name: str) -> AssetName:
        """Return an asset that no other output of the run is a version of."""
        project = self.repository.project
        names = (name, *(f"{name[:120]}-{number}" for number in range(2, len(self.taken) + 3)))
        return next(
            asset for one in names if (asset := AssetName(project, kind, one)) not in self.taken
        )

    def _store(self, asset: AssetName, files: list[str], why: str) -> None:
        """Store chosen files as a version of an asset, by their paths below what they share."""
        if not files:
            return
        if asset.kind is Kind.FILE:
            chosen = {"/".join(self.ground.shown(path)): path for path in files}
        else:
            chosen = dict(tree_paths(files, _common(files)))
        place = _only_thing(files)
        try:
            content = self.repository.content.put_selection(chosen, self.progress)
        except OmprovError as error:
            self._one_by_one(asset, chosen, why, error)
        else:
            self._add(_Made(asset, content, place, tuple(files), why))

    def _one_by_one(
        self, asset: AssetName, chosen: dict[str, str], why: str, error: OmprovError
    ) -> None:
        """Leave out what cannot be stored."""
        kept: dict[str, str] = {}
        for path, place in chosen.items():
            try:
                self.repository.content.hash_files([place])
                kept[path] = place
            except OmprovError as reason:
                self.reasons[place] = f"left out: {reason}"
                self.notes.append(f"{_plain(place)} is left out of {asset}: {reason}")
        if not kept or len(kept) == len(chosen):
            self.reasons.update(dict.fromkeys(kept.values(), f"left out: {error}"))
            self.notes.append(f"{asset} gets no version: {error}")
            return
        content = self.repository.content.put_selection(kept, self.progress)
        self._add(_Made(asset, content, None, tuple(kept.values()), why))

    def _store_whole(self, asset: AssetName, path: str, files: list[str], why: str) -> None:
        """Store all of a folder, what was there before included."""
        try:
            content = self.repository.content.put_tree(path, self.progress)
        except OmprovError as error:
            self.notes.append(f"of {_plain(path)} only what the run wrote is kept: {error}")
            self._store(asset, files, why)
        else:
            self._add(_Made(asset, content, path, tuple(files), why))

    def _add(self, made: _Made) -> None:
        self.taken.add(made.asset)
        self.made.append(made)
        self.reasons.update(dict.fromkeys(made.files, f"{made.asset}: {made.why}"))
        if made.content.size > COPY_LIMIT:
            gib = made.content.size / (1 << 30)
            self.notes.append(f"{made.asset} takes {gib:.0f} GiB: outputs are always stored")

    def answer(self) -> PlacedOutputs:
        """Give roles: the kind alone, or with the asset's name where several are of one kind."""
        outputs: dict[str, Output] = {}
        places: dict[str, Path] = {}
        kinds = [made.asset.kind for made in self.made]
        for made in self.made:
            head = "files" if made.asset.kind is Kind.FILE else str(made.asset.kind)
            is_only = kinds.count(made.asset.kind) == 1
            role = head if is_only else f"{head}.{made.asset.name}"[:128]
            outputs[role] = Output(made.asset, made.content)
            if made.place is not None:
                places[role] = Path(made.place)
        return PlacedOutputs(outputs, places, self.reasons, tuple(self.notes))


def _full(repository: Repository, asset: str) -> AssetName:
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


def _is_pipeline(folder: str) -> bool:
    """Say whether a folder is a model that lies in several folders below it."""
    return any(os.path.exists(f"{folder}/{name}") for name in ("model_index.json", "modules.json"))


def _common(files: list[str]) -> str:
    return os.path.commonpath([os.path.dirname(path) for path in files])


def _only_thing(files: list[str]) -> str | None:
    """Return the file, or the folder, that these files are all of."""
    if len(files) == 1:
        return files[0]
    folder = _common(files)
    wanted = set(files)
    for at, _, names in os.walk(folder):
        if any(f"{at}/{name}" not in wanted for name in names):
            return None
    return folder


def _plain(path: str) -> str:
    return path.encode(errors="backslashreplace").decode()
