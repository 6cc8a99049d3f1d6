"""A repository on a server as one end of a copy; `docs/design/copying.md`."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from omprov.catalog import CopyState, read_line
from omprov.content import ContentStore, parse_key, show_key
from omprov.errors import Busy, Damaged, InvalidInput, NotFound, Unavailable
from omprov.records import parse_digest
from omprov.repository import Contents

from ._wire import from_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from omprov.catalog import CopiedRows
    from omprov.content import Progress
    from omprov.records import Digest
    from omprov.repository import CopyView

    from ._connection import Connection

_TRIES = 6
"""To go on with rows, since the last one that came."""
_ASKED_AT_ONCE = 5_000
_END = b"{}"


class RemoteView:
    """The state that a repository on a server had when it was asked; a `CopyView`.

    Attributes:
        state: which state.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        said = connection.get("/copy")
        self.state: CopyState = from_json(CopyState, said["state"])
        self._contents = Contents(
            *(tuple(map(parse_digest, said[name])) for name in ("needed", "spare"))
        )

    def contents(self) -> Contents:
        """Return the trees that the rows name."""
        return self._contents

    def bring_to(
        self, store: ContentStore, trees: Collection[Digest], progress: Progress | None
    ) -> set[Digest]:
        """Have trees in a store of this machine; return those that the server does not have."""

        def fetch(keys: list[Any]) -> bytes:
            body = {"objects": [show_key(key) for key in keys]}
            return self._connection.post_for_bytes("/copy/objects", body)

        absent = set()
        for tree in trees:
            try:
                store.bring(tree, fetch, progress)
            except NotFound:
                absent.add(tree)
        return absent

    @contextmanager
    def store(self, trees: Collection[Digest], progress: Progress | None) -> Iterator[ContentStore]:
        """Give a store on this machine with these trees; it goes at the end of the block."""
        with (
            TemporaryDirectory(prefix="omprov-copy-") as folder,
            ContentStore.create(Path(folder, "content")) as store,
        ):
            self.bring_to(store, trees, progress)
            yield store

    def rows(self, after: str) -> Iterator[CopiedRows]:
        """Give the rows behind a place; where the connection breaks, go on behind the last one.

        Raises:
            Conflict: something was recorded since the state that is copied.
        """
        place, tried = after, 0
        while True:
            try:
                for rows in self._rows_at_once(place):
                    yield rows
                    place, tried = rows.place, 0
            except Unavailable as error:
                tried += 1
                if tried >= _TRIES or type(error) not in {Unavailable, Busy}:
                    raise
            else:
                return
            self._connection.pause(tried)

    def _rows_at_once(self, after: str) -> Iterator[CopiedRows]:
        for line in self._connection.lines("/copy/rows", stamp=self.state.stamp, after=after):
            if line == _END:
                return
            yield _rows_in(line)
        raise Unavailable(f"the server {self._connection.url} stopped before the end")


class RemoteEnd:
    """A repository on a server that is copied, or becomes a copy; for owners of the server."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def copied(self, *, people: bool = False) -> Iterator[RemoteView]:
        """Give the state that the repository has now.

        Raises:
            InvalidInput: people are asked for.
        """
        _refuse_people(people=people)
        yield RemoteView(self._connection)

    def begin_copy(self, state: CopyState, *, people: bool = False) -> str:
        """Begin, or go on; see `CatalogWriter.begin_copy`."""
        _refuse_people(people=people)
        place: str = self._connection.send("POST", "/copy", asdict(state))["after"]
        return place

    def take_contents(
        self, view: CopyView, trees: Collection[Digest], progress: Progress | None
    ) -> set[Digest]:
        """Send the server what it lacks of the trees; return those that the source lacks.

        Raises:
            InvalidInput: something is kept by reference.
        """
        absent = set()
        lacking = self._lacking(trees)
        with view.store(lacking, progress) as store:
            for tree in lacking:
                try:
                    store.tree(tree)
                except NotFound:
                    absent.add(tree)
                else:
                    store.send(tree, self._ask, self._put, progress)
        return absent

    def add_copied(self, rows: CopiedRows, after: str) -> None:
        """Add rows; see `CatalogWriter.add_copied`."""
        self._connection.request(
            "POST",
            "/copy/rows",
            query={"after": after},
            body=rows.line().encode(),
        )

    def end_copy(self) -> None:
        """Count as the whole repository; see `CatalogWriter.end_copy`."""
        self._connection.send("POST", "/copy/end")

    def _lacking(self, trees: Collection[Digest]) -> list[Digest]:
        wanted = list(trees)
        lacking = set()
        for start in range(0, len(wanted), _ASKED_AT_ONCE):
            lacking |= self._ask(map(_key, wanted[start : start + _ASKED_AT_ONCE]))
        return [tree for tree in wanted if _key(tree) in lacking]

    def _ask(self, keys: Iterable[Any]) -> set[Any]:
        body = {"objects": [show_key(key) for key in keys]}
        answer = self._connection.send("POST", "/content/missing", body)
        return {parse_key(text) for text in answer["objects"]}

    def _put(self, name: str, data: bytes) -> None:
        self._connection.request("PUT", f"/content/packs/{name}", body=data)


def _key(tree: Digest) -> Any:
    return parse_key(f"tree:{tree}")


def _rows_in(line: bytes) -> CopiedRows:
    try:
        return read_line(line)
    except InvalidInput as error:
        raise Damaged(f"what the server sent cannot be read: {error}") from error


def _refuse_people(*, people: bool) -> None:
    """Keep what proves who somebody is off the wire."""
    if people:
        raise InvalidInput(
            "users and what they sign in with are copied between folders and databases only: "
            "name the server's own (postgresql://…, or its folder), or leave out --people"
        )
