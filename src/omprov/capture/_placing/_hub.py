"""Files in the cache of the Hugging Face hub: they are of a revision that has a name already."""

# Paths are text here:
# ruff: noqa: PTH119, PTH208

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.errors import NotFound
from omprov.records import AssetName, Kind, name_like

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from omprov.content import Progress
    from omprov.records import Version
    from omprov.repository import Repository

_IN_CACHE = re.compile(
    r"(?P<repo>.*/(?P<kind>models|datasets)--(?P<name>[^/]+))/(?:snapshots|blobs)/"
)
_KINDS = {"models": Kind.MODEL, "datasets": Kind.DATASET}
_LOOKED_AT = 200


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Files of one revision of a repository on the hub.

    Attributes:
        kind: of what is in it.
        name: ``ORG/NAME``, as on the hub.
        revision: the commit there.
        files: path in the snapshot → path on disk, of the files that were read.
    """

    kind: Kind
    name: str
    revision: str
    files: Mapping[str, str]


def find_snapshots(paths: Iterable[str]) -> tuple[list[Snapshot], list[str]]:
    """Return the snapshots that files are of, by name, and the files that are of none.

    Real paths lead to blobs that several snapshots may share: of a repository those snapshots are
    taken that hold most of the files; among equals what ``refs/main`` names, then the newest.
    """
    repositories: dict[str, list[str]] = {}
    rest: list[str] = []
    for path in paths:
        found = _IN_CACHE.match(path)
        if found is None:
            rest.append(path)
        else:
            repositories.setdefault(found["repo"], []).append(path)
    snapshots: list[Snapshot] = []
    for repo, files in sorted(repositories.items()):
        placed, left = _of_repository(repo, files)
        snapshots += placed
        rest += left
    return snapshots, rest


def _of_repository(repo: str, files: list[str]) -> tuple[list[Snapshot], list[str]]:
    kind, _, name = os.path.basename(repo).partition("--")
    contents = _revisions(repo)
    left, found = set(files), []
    while left:
        revision = max(
            contents,
            key=lambda one: len(left.intersection(contents[one].values())),
            default=None,
        )
        if revision is None:
            break
        chosen = {path: place for path, place in contents[revision].items() if place in left}
        if not chosen:
            break
        left.difference_update(chosen.values())
        found.append(Snapshot(_KINDS[kind], name.replace("--", "/"), revision, chosen))
    return found, sorted(left)


def _revisions(repo: str) -> dict[str, dict[str, str]]:
    """Return the revisions, best first → path in the snapshot → real path."""
    folder = f"{repo}/snapshots"
    try:
        names = os.listdir(folder)
    except OSError:
        return {}
    main = _read(f"{repo}/refs/main")
    times = {name: os.stat(f"{folder}/{name}").st_mtime_ns for name in names}  # noqa: PTH116
    ordered = sorted(names, key=lambda name: (name != main, -times[name], name))
    return {name: _files_below(f"{folder}/{name}") for name in ordered}


def _files_below(folder: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = f"{at}/{name}"
            found[path[len(folder) + 1 :]] = os.path.realpath(path)
    return found


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            return file.read().strip()
    except (OSError, ValueError):
        return ""


def record_snapshot(
    repository: Repository, snapshot: Snapshot, progress: Progress | None = None
) -> Version:
    """Return the version that stands for a revision, recorded now where none does.

    A revision never changes, so its files are not looked at once it is known. They are kept by
    reference: the hub has them, too.

    Raises:
        InvalidInput: a file cannot be read.
        Conflict: a file is gone, or changes while it is read.
    """
    asset = AssetName(repository.project, snapshot.kind, name_like(snapshot.name, "hub"))
    try:
        known = repository.list_versions(asset, limit=_LOOKED_AT)
    except NotFound:
        known = []
    for version in known:
        if version.source.get("revision") == snapshot.revision:
            return version
    stays = repository.keeps_references
    summary = repository.content.put_selection(snapshot.files, progress, by_reference=stays)
    source = {"hub": snapshot.name, "revision": snapshot.revision}
    if stays:
        address = f"hf://{snapshot.kind}s/{snapshot.name}@{snapshot.revision}"
        source |= {"reference": address, "identified by": "digest"}
    message = f"{snapshot.name} at {snapshot.revision[:12]}"
    return repository.add_version(asset, summary, source=source, message=message).version
