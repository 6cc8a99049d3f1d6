"""An opened store: its parts, which the calls stand on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Self

from omprov.content._adding._stats import StatCache
from omprov.content._durable import disk_errors_told, fsync_folder
from omprov.content._format._objects import Key, ObjectType
from omprov.content._layout import LAYOUT_FILE, check_layout_text, layout_text
from omprov.content._opening import open_parts
from omprov.content._pack_folder import remove_leftovers
from omprov.content._remotes._movers import LocalStore
from omprov.content._remotes._remote import RemoteSetup
from omprov.errors import AlreadyExists, NotFound
from omprov.records import Digest, parse_digest

if TYPE_CHECKING:
    from types import TracebackType

    AnyPath = str | os.PathLike[str] | bytes


_UNFINISHED_LAYOUT = "layout.new"


class OpenedStore:
    """The parts of a store, opened together."""

    def __init__(self, folder: Path, setup: RemoteSetup | None = None) -> None:
        """Use `create` or `open`."""
        self.path = folder
        self._setup = setup or RemoteSetup()
        self._opened = open_parts(folder, self._setup)
        self._packs = self._opened.packs
        self._index = self._opened.index
        self._learned = self._opened.learned
        self._remotes = self._opened.remotes
        self._reader = self._opened.reader(self._remotes)
        self._stats = StatCache(folder / "stats.sqlite")
        self._local = LocalStore(folder, self._index)
        self.cache = self._opened.cache
        self.sources = self._opened.sources

    @classmethod
    def create(cls, path: AnyPath) -> Self:
        """Make a new store in a folder that is empty or does not exist yet.

        What an interrupted call left behind is completed.

        Raises:
            AlreadyExists: something is in the folder.
            StorageFull: there is no room.
        """
        folder = Path(os.fsdecode(path))
        with disk_errors_told(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if not _is_unused(folder):
                raise AlreadyExists("folder", folder, "A content store is made in an empty one.")
            (folder / "packs").mkdir(exist_ok=True)
            (folder / "tmp").mkdir(exist_ok=True)
            _write_layout(folder)
        return cls(folder)

    @classmethod
    def open(cls, path: AnyPath, setup: RemoteSetup | None = None) -> Self:
        """Open a store.

        Args:
            path: its folder.
            setup: the remotes that are read from where the store lacks something.

        Raises:
            NotFound: there is none.
            SchemaMismatch: a newer release made it.
            Damaged: what says its layout cannot be read.
        """
        folder = Path(os.fsdecode(path))
        check_layout(folder)
        remove_leftovers(folder)
        return cls(folder, setup)

    def close(self) -> None:
        """Let go of files; nothing is lost without it."""
        self._reader.close()
        for remote in self._remotes:
            remote.close()
        self.cache.close()
        self._index.close()
        self._stats.close()
        self._learned.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _is_unused(folder: Path) -> bool:
    """Say whether nothing is in a folder but what making a store there left when interrupted."""
    present = {path.name: path for path in folder.iterdir()}
    present.pop(_UNFINISHED_LAYOUT, None)
    return all(
        name in {"packs", "tmp"} and path.is_dir() and not any(path.iterdir())
        for name, path in present.items()
    )


def _write_layout(folder: Path) -> None:
    """Write what makes the folder a store, last of all and in one step."""
    unfinished = folder / _UNFINISHED_LAYOUT
    with unfinished.open("w", encoding="ascii") as file:
        file.write(layout_text())
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(folder / LAYOUT_FILE)
    fsync_folder(folder)


def check_layout(folder: Path) -> None:
    """Raise `NotFound` or `SchemaMismatch` where a folder is no store that can be opened."""
    try:
        text = (folder / LAYOUT_FILE).read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound("content store", folder) from error
    check_layout_text(text, folder)


def tree_key(digest: Digest) -> Key:
    """Return the key of a tree's top node."""
    return Key(ObjectType.TREE, bytes.fromhex(parse_digest(digest)))
