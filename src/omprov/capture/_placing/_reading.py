"""What one call of `place_reads` knows and has found so far."""

# Paths are text here, hundreds of thousands of them:
# ruff: noqa: PTH116, PTH119

from __future__ import annotations

import os
import stat as stat_module
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from omprov.errors import OmprovError

from ._file_sorts import is_in_data_folder, is_scratch, is_secret, is_source
from ._grouping import Group
from ._names import long_name
from ._recording import record_group
from ._roles import Placed
from ._wording import plain, some

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from omprov.content import Progress
    from omprov.records import Kind, Version
    from omprov.repository import Repository

    from ._ground import Ground

_MARGIN_NS = 20_000_000
"""The clock of files may lag behind that of the system by a few ticks."""


@dataclass(slots=True)
class Reading:
    """The files that a run read, and what is known of each so far.

    Attributes:
        sizes: of the files that may be inputs.
        placed: the versions found.
        reasons: file → its version and why, or why it is no input.
        notes: what a person should know.
    """

    repository: Repository
    ground: Ground
    run_name: str
    limit: int
    written: frozenset[str]
    declared: Mapping[str, Version]
    progress: Progress | None
    sizes: dict[str, int] = field(default_factory=dict)
    placed: list[Placed] = field(default_factory=list)
    reasons: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def look(self, paths: Iterable[str], started_ns: int | None) -> list[str]:
        """Return the files that may be inputs, by path; say of the others why they are none."""
        gone: list[str] = []
        changed: list[str] = []
        for path in sorted(paths):
            reason = self._reason_against(path)
            if reason:
                self.leave_out([path], reason)
                continue
            try:
                stat = os.stat(path)
            except OSError:
                gone.append(path)
                continue
            if not stat_module.S_ISREG(stat.st_mode):
                self.leave_out([path], "it is no regular file")
                continue
            if started_ns is not None and stat.st_mtime_ns > started_ns + _MARGIN_NS:
                changed.append(path)
            self.sizes[path] = stat.st_size
        self.leave_out(gone, "it is gone")
        if gone:
            self.notes.append(f"{some(gone)} gone since the run read it")
        if changed:
            self.notes.append(
                f"{some(changed)} changed after the run began, and not by the run: recorded is "
                "what is there now"
            )
        return list(self.sizes)

    def _reason_against(self, path: str) -> str:
        if path in self.written:
            return "the run wrote it"
        if is_secret(os.path.basename(path)):
            return "it may hold a secret, by its name"
        if is_scratch(path):
            return "a cache, a lock or the like, by its name"
        if self.ground.is_tracked_source(path):
            return "git tracks it as source"
        if is_source(path) and not is_in_data_folder("/".join(self.ground.shown(path))):
            return "source, which is recorded with the code"
        return ""

    def leave_out(self, files: Iterable[str], reason: str) -> None:
        """Say why files are no inputs."""
        self.reasons.update(dict.fromkeys(files, plain(f"left out: {reason}")))

    def add(self, files: Iterable[str], version: Version, path: str, why: str) -> None:
        """Note of which version files are.

        Args:
            files: those that were read.
            version: which.
            path: the folder or file that is of this version.
            why: the rule.
        """
        self.reasons.update(dict.fromkeys(files, plain(f"{version}: {why}")))
        name = long_name(self.ground.shown(path)[-8:], "other")
        self.placed.append(Placed(version, path, name))

    def take(self, files: Iterable[str], find: Callable[[], Version], path: str, why: str) -> None:
        """Add the version that a call finds or records; say what stood against it, if it fails."""
        files = list(files)
        try:
            version = find()
        except (OmprovError, OSError) as error:
            self.leave_out(files, str(error))
            self.notes.append(f"{some(files)} left out of the inputs: {error}")
        else:
            self.add(files, version, path, why)

    def take_group(self, group: Group, kind: Kind) -> None:
        """Take what nobody knew; of a folder that cannot be stored, the files that were read."""
        if group.sort != "folder":
            self.take(group.files, lambda: self._record(group, kind), group.path, group.why)
            return
        try:
            version = self._record(group, kind)
        except (OmprovError, OSError) as error:
            self.notes.append(f"of {group.path} only the files that were read are kept: {error}")
            chosen = Group(group.path, "chosen", group.files, f"{group.why}, but: {error}")
            self.take(chosen.files, lambda: self._record(chosen, kind), chosen.path, chosen.why)
        else:
            self.add(group.files, version, group.path, group.why)

    def _record(self, group: Group, kind: Kind) -> Version:
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
