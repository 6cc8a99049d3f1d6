"""Files in folders that the workspace knows: of which version they are."""

# Paths are text here, hundreds of thousands of them:
# ruff: noqa: PTH112, PTH120

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from omprov.errors import OmprovError
from omprov.records import DEFAULT_PROJECT, AssetName, Digest, Kind, Reference
from omprov.repository import ByReference

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from omprov.content import Progress
    from omprov.records import Version
    from omprov.repository import Held, Repository

_COPIES = "copies"
NOT_PLACES = frozenset({Kind.ALGORITHM, Kind.ENVIRONMENT})
"""Kinds whose versions do not count as read or written because a file in their folder was."""


@dataclass(frozen=True, slots=True)
class Place:
    """A folder or file that the workspace knows.

    Attributes:
        path: absolute, without symlinks.
        held: what it held when it was last looked at.
        asset: whose version that is, with its project.
    """

    path: str
    held: Held
    asset: str

    @property
    def name(self) -> AssetName:
        """The asset's full name."""
        wanted = Reference.parse(self.asset)
        assert wanted.project is not None, "it is written in full"
        assert wanted.kind is not None, "it is written in full"
        return AssetName(wanted.project, wanted.kind, wanted.name)


class KnownPlaces:
    """The folders and files that the workspace of a repository knows, the innermost first.

    A folder that holds the whole project is none: it would be everything.
    """

    def __init__(self, repository: Repository, root: str) -> None:
        self._places: dict[str, Place] = {}
        self._above: dict[str, Place | None] = {}
        for held in repository.workspace.list():
            path = os.path.realpath(repository.workspace.path_of(held))
            place = Place(path, held, _asset_of(held))
            holds_project = f"{root}/".startswith(path.rstrip("/") + "/")
            if not held.removed and not holds_project and place.name.kind not in NOT_PLACES:
                self._places[path] = place

    def find(self, path: str) -> Place | None:
        """Return the innermost known folder that holds a file, or the file itself."""
        found = self._places.get(path)
        return found if found is not None else self._find_above(os.path.dirname(path))

    def find_asset(self, asset: AssetName) -> list[str]:
        """Return where versions of an asset lie."""
        return [path for path, place in self._places.items() if place.name == asset]

    def _find_above(self, folder: str) -> Place | None:
        if folder not in self._above:
            found = self._places.get(folder)
            if found is None and folder not in {"", "/"}:
                found = self._find_above(os.path.dirname(folder))
            self._above[folder] = found
        return self._above[folder]


def current_version(
    repository: Repository,
    place: Place,
    written: Container[str],
    notes: list[str],
    progress: Progress | None = None,
) -> Version:
    """Return the version that a known folder or file held while a run read it.

    What the run itself wrote does not count. Where anything else differs from what is known, the
    next version is recorded, which inherits what was held.

    Args:
        repository: where to look and record.
        place: the folder or file.
        written: what the run wrote.
        notes: gets what a person should know.
        progress: told the files and bytes done.
    """
    version = repository.get_version(_reference(place.held))
    path = Path(place.path)
    try:
        changes = repository.changes_on_disk(path)
        changed = [delta.path for delta in changes if _at(place, delta.path) not in written]
        if not changed:
            return version
        by_state = version.source.get("identified by") == "size and time"
        content = ByReference(path, hashed=not by_state) if place.held.by_reference else path
        added = repository.add_version(place.asset, content, progress=progress)
    except OmprovError as error:
        notes.append(
            f"{place.path} is taken for {version}, for its changes cannot be kept: {error}"
        )
        return version
    if added.created:
        notes.append(f"{place.path} differs from {version}: recorded as {added.version}")
    return added.version


def version_of_copy(repository: Repository, path: str, used: Sequence[Version]) -> Version | None:
    """Return the version that a file in a local copy is of; ``None`` where it lies in none.

    Args:
        repository: whose copies.
        path: of the file.
        used: versions that the run named; where one has the content, it is the one.
    """
    folder = os.path.realpath(repository.path / _COPIES) + "/"
    if not path.startswith(folder):
        return None
    digest = Digest(path[len(folder) :].partition("/")[0])
    holders = repository.find_holders(digest)
    named = {version.key for version in used}
    chosen = [version for version in holders if version.key in named] or holders
    return chosen[0] if chosen else None


def _at(place: Place, path: str) -> str:
    whole = f"{place.path}/{path}"
    return whole if os.path.isdir(place.path) else place.path


def _reference(held: Held) -> Reference:
    wanted = Reference.parse(held.reference)
    return replace(wanted, project=wanted.project or DEFAULT_PROJECT)


def _asset_of(held: Held) -> str:
    return str(replace(_reference(held), selector=None))
