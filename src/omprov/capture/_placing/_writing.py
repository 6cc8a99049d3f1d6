"""What one call of `place_writes` knows and has stored so far."""

# Paths are text here, hundreds of thousands of them:
# ruff: noqa: PTH113, PTH116, PTH119, PTH120

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omprov.content import may_hold
from omprov.errors import OmprovError
from omprov.records import AssetName, Kind

from ._file_sorts import is_scratch
from ._names import owner_name
from ._recording import COPY_LIMIT, tree_paths
from ._wording import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omprov.content import Progress, TreeSummary
    from omprov.repository import Repository

    from ._ground import Ground

_MARGIN_NS = 2_000_000_000
"""Some file systems keep times to two seconds only."""


@dataclass(frozen=True, slots=True)
class Made:
    """An output whose content is stored.

    Attributes:
        asset: whose next version it is.
        content: what was stored.
        place: the folder or file that holds all of it and nothing else; ``None`` where none does.
    """

    asset: AssetName
    content: TreeSummary
    place: str | None


@dataclass(slots=True)
class Writing:
    """The files that a run wrote, and what became of each so far.

    Attributes:
        reads: files that the run read and did not write.
        declared: folders and files that are recorded as outputs anyway.
        taken: assets that an output of the run is a version of.
        reasons: file → the asset it went into and why, or why into none.
        notes: what a person should know.
    """

    repository: Repository
    ground: Ground
    run_name: str
    reads: tuple[str, ...]
    declared: tuple[str, ...]
    taken: set[AssetName]
    progress: Progress | None
    made: list[Made] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def owner(self) -> str:
        """What to call things that have no name of their own."""
        return owner_name(self.run_name, os.path.basename(self.ground.root))

    def look(self, paths: Iterable[str], started_ns: int) -> list[str]:
        """Return the files that may be outputs, by path; say of the others why they are none."""
        own = os.path.realpath(self.repository.path) + "/"
        kept: list[str] = []
        for path in sorted(paths):
            reason = self._reason_against(path, own, started_ns)
            if reason:
                self.reasons[path] = f"left out: {reason}"
            else:
                kept.append(path)
        return kept

    def _reason_against(self, path: str, own: str, started_ns: int) -> str:
        if any(path == one or path.startswith(one + "/") for one in self.declared):
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
            changed = os.stat(path).st_ctime_ns
        except OSError:
            return "it is gone"
        if not os.path.isfile(path):
            return "it is no regular file"
        if changed < started_ns - _MARGIN_NS:
            return "it was opened for writing, and not changed"
        return ""

    def new_asset(self, kind: Kind, name: str) -> AssetName:
        """Return an asset that no other output of the run is a version of."""
        project = self.repository.project
        names = (name, *(f"{name[:120]}-{number}" for number in range(2, len(self.taken) + 3)))
        return next(
            asset for one in names if (asset := AssetName(project, kind, one)) not in self.taken
        )

    def store(self, asset: AssetName, files: list[str], why: str) -> None:
        """Store files as a version, by their paths below the folder that all are in.

        Of an asset of kind ``file`` they are the paths below the project.
        """
        if not files:
            return
        chosen = dict(tree_paths(files, _common(files)))
        place = _only_thing(files)
        if asset.kind is Kind.FILE:
            chosen = {"/".join(self.ground.shown(path)): path for path in files}
            place = None  # what lies there has other paths
        try:
            content = self.repository.content.put_selection(chosen, self.progress)
        except (OmprovError, OSError) as error:
            self._store_some(asset, chosen, why, error)
        else:
            self._add(Made(asset, content, place), files, why)

    def store_whole(self, asset: AssetName, path: str, files: list[str], why: str) -> None:
        """Store all of a folder or file as a version, with what was there before.

        Args:
            asset: whose version.
            path: of the folder or file.
            files: what the run wrote in it.
            why: the rule.
        """
        try:
            content = self.repository.content.put_tree(path, self.progress)
        except (OmprovError, OSError) as error:
            self.notes.append(f"of {path} only what the run wrote is kept: {error}")
            self.store(asset, files, why)
        else:
            self._add(Made(asset, content, path), files, why)

    def _store_some(
        self, asset: AssetName, chosen: dict[str, str], why: str, error: Exception
    ) -> None:
        """Store what can be stored, file by file."""
        kept: dict[str, str] = {}
        for name, path in chosen.items():
            try:
                self.repository.content.hash_files([path])
            except OmprovError as reason:
                self.reasons[path] = plain(f"left out: {reason}")
                self.notes.append(f"{path} is left out of {asset}: {reason}")
            else:
                kept[name] = path
        try:
            if not kept or len(kept) == len(chosen):
                raise error
            content = self.repository.content.put_selection(kept, self.progress)
        except (OmprovError, OSError) as reason:
            self.reasons.update(dict.fromkeys(kept.values(), plain(f"left out: {reason}")))
            self.notes.append(f"{asset} gets no version: {reason}")
        else:
            self._add(Made(asset, content, None), list(kept.values()), why)

    def _add(self, made: Made, files: list[str], why: str) -> None:
        self.taken.add(made.asset)
        self.made.append(made)
        self.reasons.update(dict.fromkeys(files, plain(f"{made.asset}: {why}")))
        if made.content.size > COPY_LIMIT:
            gib = made.content.size / (1 << 30)
            self.notes.append(f"{made.asset} takes {gib:.0f} GiB: outputs are always stored")


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
