"""An opened repository: its parts, and the views that the calls work on."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Self, TypeAlias

from omprov.catalog import open_catalog
from omprov.content import ContentStore
from omprov.errors import Damaged, NotAllowed, NotFound
from omprov.records import DEFAULT_PROJECT, AssetName, Reference, Version
from omprov.repository._config import Config
from omprov.repository._contents import Differences
from omprov.repository._door._local import Local
from omprov.repository._founding import is_complete, make_parts
from omprov.repository._graphs import Graphs
from omprov.repository._known_people import KnownPeople
from omprov.repository._layout import CATALOG, CONFIG, CONTENT, FOLDER
from omprov.repository._remotes import bucket_settings, remote_setup
from omprov.repository._shared_bucket import SharedBucket
from omprov.repository._sharing import make_shared_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from omprov.catalog import Catalog, CatalogReader, CatalogWriter
    from omprov.records import Digest


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
        bucket: SharedBucket | None = None,
    ) -> None:
        super().__init__(path, content)
        self.who = self.config.get("user.name") or who
        self.project = self.config.get("project") or DEFAULT_PROJECT
        self._catalog = catalog
        self._bucket = bucket
        self._clock = clock
        self._differences = Differences(content)
        self._people = KnownPeople()
        self._graphs = Graphs(catalog, self._differences.free_distance)
        self._owns: Callable[[str], bool] = lambda _: True
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

    @classmethod
    def open_shared(
        cls,
        folder: Path,
        *,
        catalog: str,
        who: str,
        clock: Callable[[], datetime],
        content: str | None = None,
        options: Mapping[str, str] | None = None,
    ) -> Self:
        """Open a repository whose catalog is in a database that many use; make what is missing.

        Any number of processes, on any machines, may do so at once. With a bucket, `folder` is a
        stage and a cache: each content is in the bucket before a version names it, so that all find
        it there. Without one, all who use the catalog need the same folder.

        Args:
            folder: for ``folder/.omprov`` (or `folder`, so named): content, settings.
            catalog: its address; see `omprov.catalog.create_catalog`.
            who: the name recorded with every change.
            clock: gives the time.
            content: the URL of a bucket, see `omprov.content.open_bucket`.
            options: of the bucket.

        Raises:
            Conflict: the folder holds another repository, or files stand where folders have to be.
            SchemaMismatch: the catalog was written by another release.
            Unavailable: the database, or the bucket, cannot be reached.
        """
        path = path_in(folder)
        bucket = None if content is None else bucket_settings(content, options)
        catalog_there = make_shared_parts(path, catalog, who=who, now=clock())
        try:
            setup = remote_setup(Config(path / CONFIG), bucket)
            store = ContentStore.open(path / CONTENT, setup)
            with _closed_on_error(store):
                shared = None if bucket is None else SharedBucket(store, bucket)
                if shared is not None:
                    shared.take_over(path, catalog_there)
                return cls(path, catalog_there, store, who=who, clock=clock, bucket=shared)
        except BaseException:
            catalog_there.close()
            raise

    def close(self) -> None:
        """Release files; the repository is of no use afterwards."""
        self._graphs.keep_snapshots()
        self._catalog.close()
        if self._bucket is not None:
            self._bucket.close()
        super().close()

    def view(
        self,
        *,
        who: str,
        project: str | None = None,
        owns: Callable[[str], bool] | None = None,
    ) -> Self:
        """Return this repository as another person works with it, in another project.

        Both share all parts: close this one, and not the view.

        Args:
            who: the name recorded with every change.
            project: the project of references that name none; the same where left out.
            owns: says of a project whether they own it, and so may move what is protected there;
                as here where left out.
        """
        seen = super().view(who=who, project=project)
        seen._owns = owns or self._owns  # noqa: SLF001 a copy of this very object
        return seen

    def _check_may_move(
        self, reader: CatalogReader, asset: AssetName, aliases: Iterable[str]
    ) -> None:
        """Raise `NotAllowed` where one of these aliases is protected from whoever works here."""
        if self._owns(asset.project):
            return
        for alias in sorted(set(aliases) & set(reader.list_protected(asset))):
            raise NotAllowed(f"{asset}:{alias} is protected: only an owner of the project moves it")

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

    def wait_for_change(self, after: int, timeout: float) -> int:
        """Return the position of the change feed once it is above `after`, or at the timeout.

        Args:
            after: a position; of 0 that of now is above, unless nothing was ever recorded.
            timeout: seconds.

        Raises:
            Unavailable: the database cannot be reached.
        """
        return self._catalog.wait_for_change(after, timeout)

    def _writing_graphs(
        self, naming: Iterable[Digest | None] = ()
    ) -> AbstractContextManager[CatalogWriter]:
        """Open the write transaction with the graphs brought up to it.

        Args:
            naming: the contents that it will name: first they come to where all can read them.
        """
        if self._bucket is not None:
            self._bucket.bring(naming)
        return self._graphs.at(self._writing(), for_writing=True)


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
