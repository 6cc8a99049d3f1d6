"""Making what a shared repository lacks: its folder here, its catalog elsewhere.

Many processes do so at once: those in one folder in turn, those elsewhere through the database.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from omprov.catalog import create_catalog, open_catalog
from omprov.content import ContentStore
from omprov.errors import AlreadyExists, Conflict, Damaged, NotFound
from omprov.records import DEFAULT_PROJECT

from ._founding import alone_in, founding_errors_told, is_complete
from ._layout import CATALOG, CONTENT, SHARED
from ._shared_bucket import write_mark

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from omprov.catalog import Catalog


def make_shared_parts(path: Path, address: str, *, who: str, now: datetime) -> Catalog:
    """Make what is missing in the folder and in the database; return the open catalog.

    Args:
        path: the ``.omprov`` folder.
        address: of the catalog.
        who: makes the first project.
        now: when.

    Raises:
        Conflict: the folder belongs to another repository.
        Damaged: content is there, and nothing says whose.
    """
    with founding_errors_told(path):
        path.mkdir(parents=True, exist_ok=True)
        with alone_in(path):
            if is_complete(path):
                raise Conflict(
                    f"{path} is a repository with a catalog of its own ({CATALOG}): take another "
                    "folder for the shared one"
                )
            (path / ".gitignore").write_text("*\n", encoding="utf-8")
            catalog = _made_catalog(address)
            try:
                owner, before = _owner(catalog, who=who, now=now)
                _make_folder(path, owner, before)
            except BaseException:
                catalog.close()
                raise
    return catalog


def _made_catalog(address: str) -> Catalog:
    try:
        return open_catalog(address)
    except NotFound:
        pass
    try:
        return create_catalog(address)
    except AlreadyExists:  # another process was quicker
        return open_catalog(address)


def _owner(catalog: Catalog, *, who: str, now: datetime) -> tuple[str, str]:
    """Return what names the catalog wherever it is: the id of its first project.

    And what named it before it became a copy; empty where it is none.
    """
    with catalog.read() as reader:
        projects, mark = reader.list_projects(), reader.copy_mark()
    if mark is not None:  # its first project may be on the way
        return mark.state.catalog, mark.replaced
    if not projects:
        with catalog.write(who, now) as writer:
            projects = writer.list_projects() or [writer.add_project(DEFAULT_PROJECT)]
    return min(project.id for project in projects), ""


def name_owner(path: Path, owner: str) -> None:
    """Write down that the catalog of a shared repository has another name now."""
    mark = path / SHARED
    if mark.exists():
        write_mark(mark, {**json.loads(mark.read_text(encoding="utf-8")), "repository": owner})


def _make_folder(path: Path, owner: str, before: str) -> None:
    mark = path / SHARED
    try:
        known = json.loads(mark.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = None
    except ValueError as error:
        raise Damaged(f"{mark} cannot be read: {error}") from error
    if known is not None and before and known.get("repository") == before:
        name_owner(path, owner)
    elif known is not None and known.get("repository") != owner:
        raise Conflict(
            f"{path} holds the content of another repository ({known.get('repository')}), which "
            "collecting garbage would lose: take a folder of its own for each catalog"
        )
    try:
        ContentStore.open(path / CONTENT).close()
    except NotFound:
        ContentStore.create(path / CONTENT).close()
    if known is None:
        write_mark(mark, {"repository": owner, "buckets": []})
