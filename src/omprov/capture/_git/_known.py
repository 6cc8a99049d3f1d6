"""Which commits are known, asked for one by one while they are few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from omprov.records import VersionKey

    from ._contraction import Home

_FEW = 64
"""After so many questions everything is asked for at once."""


class Homes(Protocol):
    """Commit → version; ``None`` where what is tracked was not there yet."""

    def __contains__(self, commit: str, /) -> bool: ...

    def __getitem__(self, commit: str, /) -> Home | None: ...

    def __setitem__(self, commit: str, home: Home | None, /) -> None: ...


class KnownCommits:
    """`Homes` of the commits that are recorded, and of those that are placed now."""

    def __init__(
        self, ask: Callable[[Iterable[str] | None], Mapping[str, VersionKey | None]]
    ) -> None:
        """Take what answers.

        Args:
            ask: returns the versions of commits, or of all that are recorded.
        """
        self._ask = ask
        self._homes: dict[str, Home | None] = {}
        self._unknown: set[str] = set()
        self._asked = 0

    def __contains__(self, commit: str, /) -> bool:
        if commit not in self._homes and commit not in self._unknown and self._asked <= _FEW:
            self._asked += 1
            found = self._ask(None if self._asked > _FEW else [commit])
            self._homes = {**found, **self._homes}
            self._unknown.add(commit)
        return commit in self._homes

    def __getitem__(self, commit: str, /) -> Home | None:
        return self._homes[commit]

    def __setitem__(self, commit: str, home: Home | None, /) -> None:
        self._homes[commit] = home
