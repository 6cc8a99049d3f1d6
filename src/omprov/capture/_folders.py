"""Folders and files on disk, as the versions that they hold now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.errors import InvalidInput
from omprov.records import Kind, name_like
from omprov.repository import Added

if TYPE_CHECKING:
    from pathlib import Path

    from omprov.content import Progress
    from omprov.repository import Repository


def version_on_disk(
    repository: Repository, path: Path, role: str | None, *, progress: Progress | None = None
) -> Added:
    """Return the version that a folder or file holds now; record it where no version does.

    Args:
        repository: where.
        path: the folder or file.
        role: in which it is used; says its kind where it was never recorded.
        progress: called as bytes are stored.

    Raises:
        InvalidInput: there is no such path; or it was never recorded, and the role does not say
            what it is.
    """
    if not path.exists():
        raise InvalidInput(f"input {path}: there is no such file or folder")
    held = repository.workspace.find(path)
    if held is None:
        return repository.add_version(_asset_for(role, path), path, progress=progress)
    known = repository.get_version_by_id(held.version)
    if not repository.changes_on_disk(path):
        return Added(known, created=False)
    return repository.add_version(known.asset, path, progress=progress)


def _asset_for(role: str | None, path: Path) -> str:
    """Give a name to a folder that is used but was never recorded.

    Raises:
        InvalidInput: the role is no kind, so nobody can know what the folder is.
    """
    head = (role or "").partition(".")[0]
    if head not in set(Kind):
        raise InvalidInput(
            f"{path} was never recorded and role {role or '(none)'!r} does not say what it is: "
            f"record it with `omprov add {path} --as kind/name` first"
        )
    return f"{head}/{name_like(path.absolute().name, 'unnamed')}"
