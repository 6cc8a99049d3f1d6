"""What ``import omprov`` offers to scripts: the nearest repository, without opening it by hand.

Beside the command line this is the one place that reads the environment and the clock.
"""

from __future__ import annotations

import getpass
import os
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import omprov.repository
from omprov.errors import AlreadyExists, InvalidInput, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from omprov.records import Difference
    from omprov.repository import ActiveRun, Added, ByReference, Repository, VersionHandle


def connect(url: str | Path | None = None, *, create: bool = True) -> Repository:
    """Open a repository.

    Args:
        url: where it is; else ``OMPROV_URL``; else the nearest ``.omprov`` upwards from the
            current folder; else a new ``.omprov`` at the root of the git checkout, or here.
        create: make a new one where there is none.

    Raises:
        NotFound: there is none, and `create` is false.
        Unavailable: the address is a server's; this release opens folders.
    """
    folder = _place(url)
    try:
        return omprov.repository.Repository.open(folder, who=_user(), clock=_now)
    except NotFound:
        if not create:
            raise
    try:
        return omprov.repository.Repository.create(folder, who=_user(), clock=_now)
    except AlreadyExists:  # another process was quicker
        return omprov.repository.Repository.open(folder, who=_user(), clock=_now)


def find_repository(url: str | Path | None = None) -> Path:
    """Return the ``.omprov`` folder that `connect` would open, without opening it.

    Raises:
        NotFound: there is none.
        Unavailable: the address is a server's.
    """
    folder = _place(url)
    path = folder if folder == _own(folder.parent) else _own(folder)
    if not (path / "catalog.db").exists():
        raise NotFound("repository", path, hint="`omprov init` makes one.")
    return path


def start_run(
    name: str = "run",
    *,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    repository: Repository | None = None,
) -> ActiveRun:
    """Begin a run; use it in a ``with`` statement. It is recorded when the block ends.

    Args:
        name: what to call it.
        params: parameters known from the start.
        tags: tags of the run.
        repository: the nearest one where left out.
    """
    return omprov.repository.ActiveRun(
        repository or _nearby(), name, clock=_now, params=params, tags=tags
    )


def get_version(reference: str, *, repository: Repository | None = None) -> VersionHandle:
    """Return the version that a reference names; without a selector, the latest.

    Raises:
        NotFound: there is none; with near matches.
        AmbiguousReference: several could be meant.
    """
    home = repository or _nearby()
    return omprov.repository.VersionHandle(home, home.get_version(reference))


def add_version(
    asset: str, content: str | Path | Mapping[str, bytes] | ByReference, **facts: Any
) -> Added:
    """Record the state of an asset in the nearest repository; see `Repository.add_version`."""
    return _nearby().add_version(asset, content, **facts)


def difference(older: str, newer: str, *, measure: str | None = None) -> Difference:
    """Measure by how much `newer` differs from `older`; see `Repository.diff`."""
    return _nearby().diff(older, newer, measure=measure)


def _nearby() -> Repository:
    return _opened(os.environ.get("OMPROV_URL"), Path.cwd())


@lru_cache(maxsize=8)
def _opened(url: str | None, here: Path) -> Repository:
    del here  # only part of the key: the nearest repository depends on it
    return connect(url)


def _place(url: str | Path | None) -> Path:
    """Return the folder of a repository, be it there or about to be made."""
    where = url if url is not None else os.environ.get("OMPROV_URL") or None
    if where is not None:
        return _folder(where)
    return _nearest(Path.cwd()) or _git_root(Path.cwd()) or Path.cwd()


def _folder(where: str | Path) -> Path:
    text = str(where)
    if text.startswith(("http://", "https://", "postgresql://")):
        raise Unavailable(f"{text}: this release opens repositories in folders, not on servers")
    if "://" in text and not text.startswith("file://"):
        raise InvalidInput(f"{text!r} is no repository: give a folder")
    return Path(text.removeprefix("file://")).expanduser()


def _nearest(start: Path) -> Path | None:
    folders = (start, *start.parents)
    return next(
        (f for f in folders if (f / omprov.repository.FOLDER / "catalog.db").exists()), None
    )


def _own(folder: Path) -> Path:
    return folder / omprov.repository.FOLDER


def _git_root(start: Path) -> Path | None:
    return next((f for f in (start, *start.parents) if (f / ".git").exists()), None)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user need not have a name
        return f"uid-{os.getuid()}"


def _now() -> datetime:
    return datetime.now(UTC)
