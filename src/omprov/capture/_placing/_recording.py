"""Records what a run read and nobody knew: its name, its parent, and how it is kept."""

# Paths are text here:
# ruff: noqa: PTH119

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omprov.diff import get_measure
from omprov.errors import OmprovError
from omprov.records import AssetName, Kind
from omprov.repository import AUTO, ByReference, parse_size, store_content

from ._names import data_name, long_name, output_name, owner_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from omprov.content import Progress, TreeSummary
    from omprov.records import Digest, Version
    from omprov.repository import Repository

    from ._ground import Ground
    from ._grouping import Group

COPY_LIMIT = 10 << 30
NEAR = 0.9
"""Contents that differ by less have something to do with each other."""
_READ_UP_TO = 16
"""Above this many times the limit data is known by sizes and times: nobody waits for hours."""
_NEWEST = 500
_CANDIDATES = 50
_MOST_FILES = 2_000_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of unknown data.

    Attributes:
        version: which it is now.
        note: what a person should know; ``""`` for nothing.
    """

    version: Version
    note: str


def copy_limit(repository: Repository) -> int:
    """Return up to how many bytes data that a run read is stored; above it is left where it is."""
    value = repository.config.get("capture.copy_limit")
    return COPY_LIMIT if value is None else parse_size(value)


def record_group(
    repository: Repository,
    group: Group,
    kind: Kind,
    ground: Ground,
    *,
    run_name: str,
    limit: int,
    progress: Progress | None = None,
) -> Recorded:
    """Record data that nobody knew, unless a version holds the same already.

    Args:
        repository: where.
        group: the folder or files.
        kind: what it is.
        ground: how a person sees the path.
        run_name: names what has no name.
        limit: above so many bytes it stays where it is.
        progress: told the files and bytes done.

    Raises:
        InvalidInput: something in it cannot be read, or be part of a tree.
        Conflict: it is gone, or changes while it is read.
    """
    path = None if group.sort == "chosen" else Path(group.path)
    size = _size(group, _READ_UP_TO * limit)
    stays = size > limit and repository.keeps_references
    content: Path | ByReference | TreeSummary
    if path is None:
        content = _chosen(repository, group, by_reference=stays, progress=progress)
    else:
        hashed = size <= _READ_UP_TO * limit
        content = ByReference(path, hashed=hashed) if stays else path
    summary, source = store_content(repository.content, content, progress)
    assert summary is not None, "there is content"
    same = _holder(repository, summary.digest, kind)
    if same is not None:
        if path is not None:
            repository.workspace.remember(path, same)
        return Recorded(same, "")
    names = names_for(group.path, kind, ground, run_name=run_name, is_file=group.sort == "file")
    asset, inherits = _home(repository, kind, names, summary)
    added = repository.add_version(
        asset, content, inherits=inherits, source=source, stored=summary, progress=progress
    )
    kept = " by reference, for its size," if stays else ""
    return Recorded(added.version, f"{group.path} was not known:{kept} recorded as {added.version}")


def names_for(path: str, kind: Kind, ground: Ground, *, run_name: str, is_file: bool) -> list[str]:
    """Return what an asset for this path may be called, best first."""
    parts = list(ground.shown(path))
    if is_file and parts:
        parts[-1] = os.path.basename(parts[-1]).lstrip(".").split(".")[0] or parts[-1]
    owner = owner_name(run_name, os.path.basename(ground.root))
    outside = parts[-3:] if not ground.is_inside(path) and path != ground.root else parts
    first = output_name(outside, owner) if kind is Kind.MODEL else data_name(outside, owner)
    return list(dict.fromkeys([first, long_name(parts, owner)]))


def nearest_of_kind(repository: Repository, kind: Kind, summary: TreeSummary) -> Version | None:
    """Return the newest version of the asset whose content is nearest; ``None`` where none is near.

    Looked at are the 50 assets of the kind that changed last; files in common decide.
    """
    newest: dict[AssetName, Version] = {}
    for version in repository.newest_of_kind(kind, limit=_NEWEST):
        newest.setdefault(version.asset, version)
    return _nearest(repository, list(newest.values())[:_CANDIDATES], summary)


def _nearest(
    repository: Repository, candidates: Sequence[Version], summary: TreeSummary
) -> Version | None:
    files = get_measure("files")
    tree = repository.content.tree(summary.digest)
    left = _MOST_FILES
    best: tuple[float, Version] | None = None
    for version in candidates:
        fewer, more = sorted((version.files, summary.files))
        if version.digest is None or 1 - fewer / max(more, 1) >= NEAR or left < version.files:
            continue  # even if all of the smaller one were in the larger
        left -= version.files
        try:
            weight = files.compare(repository.tree(version), tree).weight
        except OmprovError:  # its manifest is not here: then it can be no evidence
            continue
        if weight < NEAR and (best is None or weight < best[0]):
            best = weight, version
    return None if best is None else best[1]


def _home(
    repository: Repository, kind: Kind, names: Iterable[str], summary: TreeSummary
) -> tuple[AssetName, Any]:
    """Return the asset that data becomes a version of, and what that inherits.

    A name that is taken fits where what is there is near; else the next one is tried.
    """
    taken = {
        asset.name.name: asset
        for asset in repository.list_assets(project=repository.project, kind=kind, removed=True)
    }
    for name in (*names, *_numbered(list(names)[-1])):
        asset = AssetName(repository.project, kind, name)
        if name not in taken:
            parent = nearest_of_kind(repository, kind, summary)
            return asset, () if parent is None else [parent]
        if taken[name].removed is not None:
            continue
        newest = repository.list_versions(asset, limit=10)
        if not newest or _nearest(repository, newest, summary) is not None:
            return asset, AUTO
    raise AssertionError("some number is free")


def _numbered(name: str) -> Iterable[str]:
    return (f"{name[:120]}-{number}" for number in range(2, 1_000_000))


def _holder(repository: Repository, digest: Digest, kind: Kind) -> Version | None:
    """Return the newest version of this kind with the content, whatever its asset."""
    holders = repository.find_holders(digest)
    return next((version for version in holders if version.asset.kind == kind), None)


def _chosen(
    repository: Repository, group: Group, *, by_reference: bool, progress: Progress | None
) -> TreeSummary:
    return repository.content.put_selection(
        tree_paths(group.files, group.path), progress, by_reference=by_reference
    )


def tree_paths(files: Iterable[str], root: str) -> Mapping[str, str]:
    """Return path in a tree → path on disk, for files below a folder."""
    start = len(root.rstrip("/")) + 1
    return {path[start:]: path for path in files}


def _size(group: Group, most: int) -> int:
    """Return how many bytes it takes; where that is more than `most`, some number above it."""
    if group.sort == "folder":
        return size_of(group.path, most)
    return sum(os.stat(path).st_size for path in group.files if os.path.exists(path))  # noqa: PTH110, PTH116


def size_of(folder: str, most: int) -> int:
    """Return the bytes of all files below a folder; stop looking above `most`."""
    size, waiting = 0, [folder]
    while waiting and size <= most:
        try:
            with os.scandir(waiting.pop()) as found:
                for entry in found:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        size += entry.stat(follow_symlinks=False).st_size
        except OSError:  # what cannot be looked at is said when it is stored
            continue
    return size
