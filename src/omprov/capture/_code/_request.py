"""What is asked for when the code of a run is recorded."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from omprov.errors import InvalidInput
from omprov.records import AssetName, Kind, Reference

from ._rules import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from omprov.content import Progress
    from omprov.repository import Repository

    from ._rules import Limits


@dataclass(frozen=True, slots=True)
class Request:
    """What to record, and what to leave out.

    Attributes:
        as_: which algorithm; ``None`` to name it after the repository or folder.
        limits: how much is recorded beyond what is committed.
        held: files and folders that are something else than code → what.
        script: what the command runs, by its real path.
        progress: told of an import of history.
    """

    as_: str | None = None
    limits: Limits = DEFAULT_LIMITS
    held: Mapping[Path, str] = field(default_factory=dict)
    script: Path | None = None
    progress: Progress | None = None

    def held_in(self, top: Path) -> dict[str, str]:
        """Return what is held, by its path from a folder; that of a folder ends in ``/``."""
        return names_in(top, self.held)

    def named_in(self, top: Path) -> frozenset[str]:
        """Return the script's path from a folder, if it lies in it."""
        return frozenset(names_in(top, {} if self.script is None else {self.script: ""}))


def full_name(repository: Repository, asset: str) -> str:
    """Return the full name of the algorithm that people mean.

    Raises:
        InvalidInput: it names a version, or cannot be a name.
    """
    reference = Reference.parse(asset)
    if reference.selector is not None:
        raise InvalidInput(f"{asset} names a version: name the asset alone")
    kind = reference.kind or Kind.ALGORITHM
    return str(AssetName(reference.project or repository.project, kind, reference.name))


def names_in(top: Path, paths: Mapping[Path, str]) -> dict[str, str]:
    """Return paths as they are from a folder, with a slash at the end of folders' own.

    Those that do not lie in it are left out.
    """
    result = {}
    real = Path(os.path.realpath(top))
    for path, what in paths.items():
        place = Path(os.path.realpath(path))
        if place != real and place.is_relative_to(real):
            name = place.relative_to(real).as_posix()
            result[f"{name}/" if place.is_dir() else name] = what
    return result
