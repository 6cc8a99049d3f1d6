"""Opens git repositories and reads their objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pygit2

from omprov.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from pathlib import Path


def open_repository(path: Path) -> pygit2.Repository:
    """Open the repository that a folder lies in.

    Raises:
        NotFound: there is none.
        Unavailable: git refuses to read it, for instance since another user owns it.
    """
    found = pygit2.discover_repository(str(path)) if path.exists() else None
    if found is None:
        raise NotFound("git repository", path, hint="`git init` makes one.")
    try:
        return pygit2.Repository(found)
    except pygit2.GitError as error:
        hint = ""
        if "owned" in str(error):
            hint = f" If you trust it: git config --global --add safe.directory {path}"
        raise Unavailable(f"{path} cannot be read by git: {error}.{hint}") from error


def read_object(repository: pygit2.Repository, id_: str) -> Any:
    """Return an object: a commit, a tree, a blob.

    Raises:
        Unavailable: it is not there: the clone is partial, or damaged.
    """
    try:
        return repository[id_]
    except (KeyError, pygit2.GitError) as error:
        raise _lacking(repository, id_) from error


def read_raw(repository: pygit2.Repository, id_: bytes) -> tuple[int, bytes]:
    """Return the type of an object and its bytes, which is quicker than to make an object of them.

    Raises:
        Unavailable: it is not there: the clone is partial, or damaged.
    """
    try:
        found: tuple[int, bytes] = repository.read(pygit2.Oid(id_))
    except (KeyError, pygit2.GitError) as error:
        raise _lacking(repository, id_.hex()) from error
    return found


def _lacking(repository: pygit2.Repository, id_: str) -> Unavailable:
    return Unavailable(
        f"{repository.path} lacks the object {id_}: a partial clone gets everything by "
        "`git fetch --refetch --no-filter`; of a damaged one `git fsck` says more"
    )
