"""The bucket of a shared repository: what versions name is there before they do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from omprov.errors import NotFound

from ._layout import SHARED

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from omprov.catalog import Catalog
    from omprov.content import ContentStore, RemoteSettings
    from omprov.records import Digest

_FRESH = 60.0
"""Seconds for which the bucket need not be asked again what it has before something is sent there:
at worst something is there twice then."""
_REMEMBERED = 10_000


class SharedBucket:
    """Brings contents to the bucket. Safe to use from several threads.

    Args:
        store: the stage, which has them first.
        settings: of the bucket.
    """

    def __init__(self, store: ContentStore, settings: RemoteSettings) -> None:
        self._store = store
        self._remote = store.remote(settings)
        self._brought: dict[Digest, None] = {}

    def close(self) -> None:
        """Let go of files."""
        self._remote.close()

    def bring(self, contents: Iterable[Digest | None]) -> None:
        """See to it that all this is in the bucket, whole.

        Raises:
            NotFound: something is neither here nor there.
            Unavailable: the bucket cannot be reached.
        """
        wanted = {one for one in contents if one is not None} - self._brought.keys()
        if not wanted:
            return
        moved = self._store.push(self._remote, sorted(wanted), fresh=_FRESH)
        for digest in moved.absent:
            if not self._has(digest):
                raise NotFound("content", digest, hint="Send it before what names it.")
        self._brought |= dict.fromkeys(wanted)
        for oldest in list(self._brought)[: max(0, len(self._brought) - _REMEMBERED)]:
            self._brought.pop(oldest, None)

    def not_there(self, contents: set[Digest]) -> set[Digest]:
        """Return those of these contents that are not in the bucket.

        Raises:
            Unavailable: it cannot be reached.
        """
        self._remote.refresh()
        return contents - self._remote.known_trees(contents)

    def take_over(self, path: Path, catalog: Catalog) -> None:
        """Bring all that lies in the folder since before it had this bucket.

        Raises:
            Unavailable: the bucket cannot be reached.
        """
        mark = path / SHARED
        known = json.loads(mark.read_text(encoding="utf-8"))
        if self._remote.url in known.get("buckets", ()):
            return
        with catalog.read() as reader:
            named = {digest for digest, _ in reader.digests()} | set(reader.run_file_digests())
        self._store.push(self._remote, sorted(named))
        known["buckets"] = [*known.get("buckets", ()), self._remote.url]
        write_mark(mark, known)

    def _has(self, digest: Digest) -> bool:
        if not self._remote.known_trees([digest]):
            self._remote.refresh()
        return bool(self._remote.known_trees([digest]))


def write_mark(file: Path, facts: object) -> None:
    """Write which catalog and buckets a folder belongs to, in one step."""
    fresh = file.with_name(file.name + ".new")
    fresh.write_text(json.dumps(facts), encoding="utf-8")
    fresh.replace(file)
