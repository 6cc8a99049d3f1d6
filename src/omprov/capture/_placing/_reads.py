"""From the files that a run read to the versions that are its inputs."""

# Paths are text here, hundreds of thousands of them; a `Path` for each would take seconds:
# ruff: noqa: PTH116, PTH119, PTH120

from __future__ import annotations

import os
import stat as stat_module
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from omprov.errors import OmprovError
from omprov.records import Kind, name_like

from ._file_sorts import is_in_data_folder, is_model, is_scratch, is_secret, is_settings
from ._ground import Ground
from ._grouping import Group, group_files
from ._hub import find_snapshots, record_snapshot
from ._known import KnownPlaces, current_version, version_of_copy
from ._made import find_made, is_same_file
from ._names import long_name
from ._recording import record_group, tree_paths
from ._roles import Placed, give_roles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from omprov.capture._accesses import Accesses
    from omprov.content import Progress
    from omprov.records import Version
    from omprov.repository import Repository

    from ._known import Place

_MARGIN_NS = 20_000_000
"""The clock of files may lag behind that of the system by a few ticks."""


@dataclass(frozen=True, slots=True)
class PlacedInputs:
    """The inputs of a run.

    Attributes:
        inputs: role → version.
        reasons: path of each file read → of which version it is and why, or why it is of none.
        notes: what a person should know.
    """

    inputs: Mapping[str, Version]
    reasons: Mapping[str, str]
    notes: tuple[str, ...]


def place_reads(
    repository: Repository,
    accesses: Accesses,
    *,
    project_root: Path,
    run_name: str,
    limit_reference: int,
    started_ns: int | None = None,
    declared: Mapping[str, Version] | None = None,
    progress: Progress | None = None,
) -> PlacedInputs:
    """Find, or record, the versions that the files are of which a run read.

    Folders that are not known yet are recorded and remembered. What cannot be placed is left out
    and said: this raises for a broken repository only. The same files on the same disk give the
    same roles, in whatever order they were read.

    Args:
        repository: where to look and record.
        accesses: what was read and written; what a run wrote itself is none of its inputs.
        project_root: the folder of the project.
        run_name: names what has no name of its own.
        limit_reference: data of more bytes stays where it is; see `copy_limit`.
        started_ns: when the run began, in ns since 1970: files that changed later are said.
        declared: inputs that are given already, by role; they are not given again.
        progress: told the files and bytes done.
    """
    call = _Call(
        repository,
        Ground(project_root, (one for one in accesses.writes if not is_scratch(one))),
        run_name=run_name,
        limit=limit_reference,
        written=frozenset(accesses.writes),
        declared=declared or {},
        progress=progress,
    )
    sizes = call.look(accesses.reads, started_ns)
    rest = call.take_copies(sizes)
    rest = call.take_known(rest)
    snapshots, rest = find_snapshots(rest)
    for snapshot in snapshots:
        call.take(
            snapshot.files.values(),
            lambda one=snapshot: record_snapshot(repository, one, progress)[0],  # type: ignore[misc]
            f"{snapshot.name} at {snapshot.revision[:12]} from the Hugging Face hub",
        )
    rest = call.take_made({path: sizes[path] for path in rest})
    rest = call.take_models(rest)
    rest = call.take_settings(rest, sizes)
    for group in group_files(rest, call.ground):
        call.take_group(group, Kind.DATASET)
    inputs = give_roles(repository, call.placed, call.declared)
    return PlacedInputs(inputs, call.reasons, tuple(dict.fromkeys(call.notes)))


@dataclass(slots=True)
class _Call:
    """What one call knows and has found so far."""

    repository: Repository
    ground: Ground
    run_name: str
    limit: int
    written: frozenset[str]
    declared: Mapping[str, Version]
    progress: Progress | None
    placed: list[Placed] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def look(self, paths: Iterable[str], started_ns: int | None) -> dict[str, int]:
        """Return the sizes of files that may be inputs; say of the others why they are none."""
        sizes: dict[str, int] = {}
        gone: list[str] = []
        changed: list[str] = []
        for path in sorted(paths):
            reason = self._reason_against(path)
            if reason:
                self.reasons[path] = reason
                continue
            try:
                stat = os.stat(path)
            except OSError:
                gone.append(path)
                self.reasons[path] = "left out: it is gone"
                continue
            if not stat_module.S_ISREG(stat.st_mode):
                self.reasons[path] = "left out: it is no regular file"
                continue
            if started_ns is not None and stat.st_mtime_ns > started_ns + _MARGIN_NS:
                changed.append(path)
            sizes[path] = stat.st_size
        if gone:
            self.notes.append(f"{_some(gone)} gone since the run read them")
        if changed:
            self.notes.append(
                f"{_some(changed)} changed after the run began, and not by the run: recorded is "
                "what they hold now"
            )
        return sizes

    def _reason_against(self, path: str) -> str:
        if path in self.written:
            return "left out: the run wrote it"
        if is_secret(os.path.basename(path)):
            return "left out: it may hold a secret, by its name"
        if is_scratch(path):
            return "left out: a cache, a lock or the like, by its name"
        if self.ground.is_tracked_source(path):
            return "left out: git tracks it as source"
        return ""

    def take_copies(self, paths: Iterable[str]) -> list[str]:
        """Take files in local copies of versions; return the others."""
        rest: list[str] = []
        used = list(self.declared.values())
        by_folder: dict[str, tuple[Version | None, bool]] = {}
        start = os.path.realpath(self.repository.path) + "/"
        for path in paths:
            if not path.startswith(start):
                rest.append(path)
                continue
            folder = "/".join(path[len(start) :].split("/")[:2])
            if folder not in by_folder:
                by_folder[folder] = version_of_copy(self.repository, path, used)
            version, _ = by_folder[folder]
            if version is None:
                self.reasons[path] = "left out: it belongs to the repository itself"
            else:
                self._placed([path], version, start + folder, "a local copy of this version")
        return rest

    def take_known(self, paths: Iterable[str]) -> list[str]:
        """Take files in folders that the workspace knows; return the others."""
        known = KnownPlaces(self.repository, self.ground.root)
        rest: list[str] = []
        found: dict[str, tuple[Place, list[str]]] = {}
        for path in paths:
            place = known.find(path)
            if place is None:
                rest.append(path)
            else:
                found.setdefault(place.path, (place, []))[1].append(path)
        for at, (place, files) in sorted(found.items()):

            def look(place: Place = place) -> Version:
                return current_version(
                    self.repository, place, self.written, self.notes, self.progress
                )

            self.take(files, look, "the workspace knows what is there", at)
        return rest

    def take_made(self, sizes: Mapping[str, int]) -> list[str]:
        """Take files that earlier runs made; return the others."""
        rest = dict(sizes)
        for made in find_made(self.repository, sizes):
            for path in made.files:
                del rest[path]
                if is_same_file(path, made):
                    self.repository.workspace.remember(Path(path), made.version)
            self._placed(
                made.files, made.version, min(made.files), "it has the content of this version"
            )
        return list(rest)

    def take_settings(self, paths: Iterable[str], sizes: Mapping[str, int]) -> list[str]:
        """Take files of settings that lie beside no data as one version; return the others."""
        paths = list(paths)
        wanted = {
            path
            for path in paths
            if self.ground.is_inside(path)
            and is_settings(path, sizes[path])
            and not is_in_data_folder("/".join(self.ground.shown(path)))
        }
        with_data = {os.path.dirname(path) for path in paths if path not in wanted}
        settings = [
            path
            for path in sorted(wanted)
            if (folder := os.path.dirname(path)) not in with_data
            or self.ground.is_forbidden(folder)
            or self.ground.is_mixed(folder)
        ]
        if settings:
            root = self.ground.root
            name = name_like(f"{name_like(self.run_name, 'run')}-settings", "settings")
            self.take(
                settings,
                lambda: (
                    self.repository.add_version(
                        f"params/{name}",
                        self.repository.content.put_selection(tree_paths(settings, root)),
                    ).version
                ),
                "settings that git does not track",
            )
        taken = set(settings)
        return [path for path in paths if path not in taken]

    def take_models(self, paths: Iterable[str]) -> list[str]:
        """Take models that nobody knew; return the other files."""
        paths = list(paths)
        models = [path for path in paths if is_model("/".join(self.ground.shown(path)))]
        folders = {
            folder
            for folder in {os.path.dirname(path) for path in paths}
            if self.ground.is_model_folder(folder)
        }
        taken: set[str] = set()
        for folder in sorted(folders):
            if any(folder.startswith(other + "/") for other in folders):
                continue
            files = tuple(path for path in paths if path.startswith(folder + "/"))
            taken.update(files)
            self.take_group(Group(folder, "folder", files, "the folder of a model"), Kind.MODEL)
        for path in sorted(set(models) - taken):
            self.take_group(Group(path, "file", (path,), "a model, by its name"), Kind.MODEL)
        taken.update(models)
        return [path for path in paths if path not in taken]

    def take_group(self, group: Group, kind: Kind) -> None:
        """Take what nobody knew; where a folder cannot be read, the files that were read in it."""

        def record(group: Group = group) -> Version:
            recorded = record_group(
                self.repository,
                group,
                kind,
                self.ground,
                run_name=self.run_name,
                limit=self.limit,
                progress=self.progress,
            )
            if recorded.note:
                self.notes.append(recorded.note)
            return recorded.version

        if group.sort != "folder":
            self.take(group.files, record, group.why, group.path)
            return
        try:
            version = record()
        except OmprovError as error:
            chosen = Group(group.path, "chosen", group.files, f"{group.why}, but: {error}")
            self.notes.append(f"of {group.path} only the files that were read are kept: {error}")
            self.take(chosen.files, lambda: record(chosen), chosen.why, group.path)
        else:
            self._placed(group.files, version, group.path, group.why)

    def take(
        self,
        files: Iterable[str],
        find: Callable[[], Version],
        why: str,
        path: str = "",
    ) -> None:
        """Take files whose version is found, or recorded, by a call; say why where it fails."""
        files = list(files)
        try:
            version = find()
        except OmprovError as error:
            self.reasons.update(dict.fromkeys(files, f"left out: {error}"))
            self.notes.append(f"{_some(files)} left out of the inputs: {error}")
        else:
            self._placed(files, version, path or min(files), why)

    def _placed(self, files: Iterable[str], version: Version, path: str, why: str) -> None:
        self.reasons.update(dict.fromkeys(files, f"{version}: {why}"))
        name = long_name(self.ground.shown(path)[-8:], "other")
        self.placed.append(Placed(version, path, name))


def _some(paths: list[str]) -> str:
    first = paths[0].encode(errors="backslashreplace").decode()
    return f"{first} is" if len(paths) == 1 else f"{len(paths)} files, for example {first}, are"
