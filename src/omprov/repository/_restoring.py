"""Restoring a repository from a backup, so that it is there whole or counts as not there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.catalog import SCHEMA
from omprov.content import ContentStore, fetch_catalog
from omprov.errors import Conflict, NotFound, SchemaMismatch

from ._founding import alone_in, founding_errors_told, is_complete
from ._layout import CATALOG, CONFIG, CONTENT, FOLDER, WORKSPACE

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from omprov.content import Backup, Progress, Vault

_MARK = "restoring"
_UNFINISHED = "catalog.new"


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        path: the ``.omprov`` folder that was made.
        backup: from which it was made.
        packs: how many packs were fetched.
        bytes: of those packs.
        present: how many an interrupted call had fetched.
        outdated: the catalog has an older release's layout: it has to be migrated.
    """

    path: Path
    backup: Backup
    packs: int
    bytes: int
    present: int
    outdated: bool


def restore(
    vault: Vault, path: Path, *, at: str | datetime | None, progress: Progress | None
) -> Restored:
    """Restore a repository; see `Repository.restore`.

    Args:
        vault: where from.
        path: the ``.omprov`` folder to be made.
        at: which backup; see `Vault.find`.
        progress: told the packs and bytes.
    """
    _check_place(path)
    backup = vault.find(at)
    if backup.schema > SCHEMA:
        raise SchemaMismatch(
            f"the backup {backup.id} has the layout {backup.schema}, made by omprov "
            f"{backup.release}; this release takes {SCHEMA}: upgrade omprov"
        )
    with founding_errors_told(path):
        path.mkdir(parents=True, exist_ok=True)
        with alone_in(path):
            _check_place(path)
            (path / _MARK).write_text(f"{backup.id}\n{vault.url}\n", encoding="utf-8")
            (path / ".gitignore").write_text("*\n", encoding="utf-8")
            with _open_store(path / CONTENT) as store:
                packs, size = store.receive(vault, backup, progress)
            for name in (CONFIG, WORKSPACE):
                _write_file(path / name, backup.files.get(name))
            fetch_catalog(vault, backup.catalog, path / _UNFINISHED)
            _sync(path)
            (path / _UNFINISHED).rename(path / CATALOG)
            _sync(path)
            (path / _MARK).unlink()
    present = len(backup.packs) - packs
    return Restored(path, backup, packs, size, present, backup.schema < SCHEMA)


def _check_place(path: Path) -> None:
    """Refuse any place but an empty one and that of a restore that was interrupted.

    Raises:
        Conflict: something else is there.
    """
    what = "restore into an empty folder, or one that does not exist yet"
    if is_complete(path):
        raise Conflict(f"{path} is a repository, and stays as it is: {what}")
    try:
        inside = {one.name for one in path.iterdir()} if path.exists() else set()
        beside: set[str] = set()
        if path.name == FOLDER and path.parent.exists():
            beside = {one.name for one in path.parent.iterdir()} - {FOLDER}
    except NotADirectoryError as error:
        raise Conflict(f"{path} cannot be made: a file stands in the way") from error
    if beside or (inside and _MARK not in inside):
        other = path.parent / min(beside) if beside else path / min(inside)
        raise Conflict(f"{other} is there, and restoring overwrites nothing: {what}")


def _open_store(path: Path) -> ContentStore:
    try:
        return ContentStore.open(path)
    except NotFound:
        return ContentStore.create(path)


def _write_file(path: Path, text: str | None) -> None:
    if text is None:
        path.unlink(missing_ok=True)
        return
    with path.open("wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
