"""Requests that count once, however often they are sent."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Self

from omprov.repository._door._opened import Opened

if TYPE_CHECKING:
    from omprov.catalog import CatalogWriter, KeptRequest
    from omprov.records import Digest

KEPT_FOR = timedelta(hours=24)
"""How long a request is known again."""


class Requests(Opened):
    """Requests that count once."""

    def once(self, scope: str, key: str, body: Digest) -> Self:
        """Return a view whose first change is made once: its transaction keeps the key.

        The change raises `AlreadyExists`, and nothing is changed, where the key was kept before, by
        another process maybe. Use the view for one call of one thread.

        Args:
            scope: whose request it is, and to do what.
            key: what the client calls it.
            body: the digest of what it says.
        """

        def note(writer: CatalogWriter) -> None:
            writer.forget_requests(self._clock() - KEPT_FOR)
            writer.add_request(scope, key, body)

        seen = self.view(who=self.who)
        seen._at_first_write = note  # noqa: SLF001 one of ours
        return seen

    def find_request(self, scope: str, key: str) -> KeptRequest | None:
        """Return what is known of a request of the last 24 hours."""
        with self._reading() as reader:
            found = reader.find_request(scope, key)
        fresh = found is not None and found.time >= self._clock() - KEPT_FOR
        return found if fresh else None

    def keep_answer(
        self, scope: str, key: str, body: Digest, *, status: int, answer: bytes
    ) -> None:
        """Keep what a request was answered, whether or not it changed anything."""
        with self._writing() as writer:
            if writer.find_request(scope, key) is None:
                writer.add_request(scope, key, body)
            writer.set_answer(scope, key, status, answer)
