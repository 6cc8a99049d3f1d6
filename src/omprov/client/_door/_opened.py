"""A repository on a server: the connection, and what is kept of it on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote

from omprov.client._founding import open_local
from omprov.client._wire import from_json
from omprov.errors import InvalidInput
from omprov.records import DEFAULT_PROJECT, AssetName, Reference, Version
from omprov.repository import Local
from omprov.repository._resolving import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from omprov.client._connection import Connection
    from omprov.content import ContentStore
    from omprov.records import Asset, VersionId
    from omprov.repository import AnyAsset, AnyVersion

_Record = TypeVar("_Record")


class Connected(Local):
    """A repository on a server; the calls stand on it noun by noun."""

    keeps_references = False  # where a file lies on this machine means nothing to the server

    def __init__(
        self, path: Path, content: ContentStore, connection: Connection, *, who: str
    ) -> None:
        super().__init__(path, content)
        self.connection = connection
        self.who = self.config.get("user.name") or who
        self.project = self.config.get("project") or DEFAULT_PROJECT

    @classmethod
    def open(cls, folder: Path, connection: Connection, *, who: str) -> Self:
        """Open what is kept here of a repository on a server; nothing is asked of the server yet.

        Args:
            folder: made where it does not exist.
            connection: to the server.
            who: whom runs that begin here say they are of; the server records who signed in.

        Raises:
            Conflict: the folder is another server's.
            StorageFull: there is no room.
            Unavailable: the folder cannot be written.
        """
        content = open_local(folder, connection.url)
        return cls(folder, content, connection, who=who)

    @property
    def url(self) -> str:
        """The address of the server."""
        return self.connection.url

    def close(self) -> None:
        """Release files and connections; the repository is of no use afterwards."""
        super().close()
        self.connection.close()

    def _get(self, kind: type[_Record], path: str, /, **query: Any) -> _Record:
        return from_json(kind, self.connection.get(path, **query))

    def _get_all(self, kind: type[_Record], path: str, /, **query: Any) -> Iterator[_Record]:
        return (from_json(kind, item) for item in self.connection.get_all(path, **query))

    def _send(
        self, kind: type[_Record], method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> _Record:
        return from_json(kind, self.connection.send(method, path, body))

    def _in_project(self, rest: str) -> str:
        return f"/projects/{quote(self.project, safe='')}/{rest}"

    def _asset_path(self, asset: Asset, *rest: str) -> str:
        return path_of("assets", asset.id, *rest)

    def _version_id(self, reference: AnyVersion) -> VersionId:
        """Return the id of a version, be it removed where its number is given."""
        return reference.id if isinstance(reference, Version) else self._find(reference).id

    def _find(self, reference: AnyVersion) -> Version:
        return self._get(
            Version, self._in_project("version"), reference=text_of(reference), removed=True
        )


def path_of(*parts: str) -> str:
    """Return a path of the API; each part may hold any characters."""
    return "".join("/" + quote(part, safe="") for part in parts)


def text_of(reference: AnyVersion | AnyAsset) -> str:
    """Write a reference as people do."""
    match reference:
        case str():
            return reference
        case Reference():
            return str(reference)
        case AssetName() | Version():
            return str(parse(reference))


def not_here(what: str) -> InvalidInput:
    """Return the error of what is done where the repository lies."""
    return InvalidInput(
        f"{what} is done on the machine of the server, in the repository itself: unset OMPROV_URL "
        "there, or name its folder with --repo"
    )
