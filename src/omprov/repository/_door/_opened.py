"""An opened repository: its parts, and the views that the calls work on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Self, TypeAlias

from omprov.catalog import open_catalog
from omprov.content import ContentStore
from omprov.errors import Damaged, NotFound
from omprov.records import DEFAULT_PROJECT, AssetName, Reference, Version
from omprov.repository._config import Config
from omprov.repository._contents import Differences
from omprov.repository._door._local import Local
from omprov.repository._founding import is_complete, make_parts
from omprov.repository._graphs import Graphs
from omprov.repository._known_people import KnownPeople
from omprov.repository._layout import CATALOG, CONFIG, CONTENT, FOLDER
from omprov.repository._remotes import remote_setup

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from omprov.catalog import Catalog, CatalogReader, CatalogWriter


AnyVersion: TypeAlias = str | Reference | Version
"""A version, or what people write for one."""

AnyAsset: TypeAlias = str | Reference | AssetName
"""An asset's name, or what people write for one."""


class Opened(Local):
    """The parts of a repository, opened together; the calls stand on it noun by noun."""

    def __init__(
        self,
        path: Path,
        catalog: Catalog,
        content: ContentStore,
        *,
        who: str,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__(path, content)
        self.who = self.config.get("user.name") or who
        self.project = self.config.get("project") or DEFAULT_PROJECT
        self._catalog = catalog
        self._clock = clock
        self._differences = Differences(content)
        self._people = KnownPeople()
        self._graphs = Graphs(catalog, self._differences.free_distance)
        self._at_first_write: Callable[[CatalogWriter], None] | None = None

    @classmethod
    def create(cls, folder: Path, *, who: str, clock: Callable[[], datetime]) -> Self:
        """Make an empty repository in ``folder/.omprov`` (or in `folder`, so named) and open it.

        What an interrupted call left behind is completed.

        Raises:
            AlreadyExists: there is one.
            Conflict: a file stands where a folder has to be.
            StorageFull: there is no room.
            Unavailable: the folder cannot be written.
        """
        path = path_in(folder)
        make_parts(path, who=who, now=clock())
        return cls.open(path, who=who, clock=clock)

    @classmethod
    def open(cls, folder: Path, *, who: str, clock: Callable[[], datetime]) -> Self:
        """Open the repository in ``folder/.omprov``, or `folder` itself if it is one.

        Raises:
            NotFound: there is none.
            SchemaMismatch: it was written by another release.
            Damaged: its database is not what it was.
        """
        path = path_in(folder)
        if not is_complete(path):
            raise NotFound("repository", path, hint="`omprov init` makes one.")
        try:
            content = ContentStore.open(path / CONTENT, remote_setup(Config(path / CONFIG)))
            with _closed_on_error(content):
                catalog = open_catalog(path / CATALOG)
        except NotFound as error:
            raise Damaged(
                f"{path} lacks its {error.what}: restore {error.name} from a backup"
            ) from error
        return cls(path, catalog, content, who=who, clock=clock)

    def close(self) -> None:
        """Release files; the repository is of no use afterwards."""
        self._graphs.keep_snapshots()
        self._catalog.close()
        super().close()

    def _reading(self) -> AbstractContextManager[CatalogReader]:
        return self._catalog.read()

    def _writing(self) -> AbstractContextManager[CatalogWriter]:
        opening = self._catalog.write(self.who, self._clock())
        return opening if self._at_first_write is None else self._noting(opening)

    @contextmanager
    def _noting(self, opening: AbstractContextManager[CatalogWriter]) -> Iterator[CatalogWriter]:
        """Write beside the first transaction of this view what has to stand or fall with it."""
        note, self._at_first_write = self._at_first_write, None
        with opening as writer:
            if note is not None:
                note(writer)
            yield writer

    def _reading_graphs(self) -> AbstractContextManager[CatalogReader]:
        return self._graphs.at(self._catalog.read())

    def _writing_graphs(self) -> AbstractContextManager[CatalogWriter]:
        return self._graphs.at(self._writing())


def path_in(folder: Path) -> Path:
    """Return the ``.omprov`` folder of a repository in `folder`, or so named."""
    return folder if folder.name == FOLDER else folder / FOLDER


@contextmanager
def _closed_on_error(content: ContentStore) -> Iterator[None]:
    try:
        yield
    except BaseException:
        content.close()
        raise
