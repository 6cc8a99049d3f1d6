"""Files of versions: stored here and sent, brought here or read from afar, compared over there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import omprov.diff
from omprov.client._door._opened import path_of
from omprov.client._door._versions import Versions
from omprov.content import parse_key, show_key
from omprov.records import Difference
from omprov.repository import OnDisk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from omprov.content import Progress, StoredFile, StoredTree
    from omprov.records import Digest, Version
    from omprov.repository import AnyVersion


class Contents(Versions, OnDisk):
    """Files of versions: in the store of this machine, on disk, compared."""

    def diff(
        self, older: AnyVersion, newer: AnyVersion, *, measure: str | None = None
    ) -> Difference:
        """Measure by how much `newer` differs from `older`, with evidence."""
        if measure is not None:
            omprov.diff.get_measure(measure)
        old, new = self.get_version(older), self.get_version(newer)
        return self._get(Difference, "/diff", older=old.id, newer=new.id, measure=measure)

    def finer_diff(
        self, older: AnyVersion, newer: AnyVersion, *, besides: str = ""
    ) -> tuple[Difference, ...]:
        """Say more of the files that changed: rows of tables, records, cells, tensors."""
        old, new = self.get_version(older), self.get_version(newer)
        found = self._get(
            list[Difference],
            "/diff/finer",
            older=old.id,
            newer=new.id,
            besides=besides or None,
        )
        return tuple(found)

    def _upload(self, digest: Digest, progress: Progress | None = None) -> None:
        """Bring to the server what it lacks of a tree that is stored here."""

        def ask(keys: list[Any]) -> set[Any]:
            body = {"objects": [show_key(key) for key in keys]}
            answer = self.connection.send("POST", "/content/missing", body)
            return {parse_key(text) for text in answer["objects"]}

        def put(name: str, data: bytes) -> None:
            self.connection.request("PUT", path_of("content", "packs", name), body=data)

        self.content.send(digest, ask, put, progress)

    def _read_tree(self, version: Version, digest: Digest) -> StoredTree:
        """Return the files of a version; of what is not here only what is read is fetched."""
        if self.content.contains(digest):
            return self.content.tree(digest)
        return self.content.tree_elsewhere(digest, self._fetch_of(version))

    def _list_files(self, version: Version, digest: Digest) -> Iterator[StoredFile]:
        if self.content.contains(digest):
            return self.content.iter_files(digest)
        return self.content.iter_files_elsewhere(digest, self._fetch_of(version))

    def bring(self, version: Version, progress: Progress | None = None) -> None:
        """Have in the store of this machine whatever the content of a version needs."""
        if version.digest is not None:
            self.content.bring(version.digest, self._fetch_of(version), progress)

    def _fetch_of(self, version: Version) -> Callable[[list[Any]], bytes]:
        path = path_of("versions", version.id, "objects")

        def fetch(keys: list[Any]) -> bytes:
            body = {"objects": [show_key(key) for key in keys]}
            return self.connection.post_for_bytes(path, body)

        return fetch
