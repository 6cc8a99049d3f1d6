"""Which commits are known, asked for one by one while they are few."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from omprov.records import VersionKey

    from ._contraction import Home

_FEW = 64
"""After so many questions everything is asked for at once."""


class KnownCommits(MutableMapping[str, "Home | None"]):
    """Commit → version, of those that are recorded and those that are placed now."""

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

    def _find(self, commit: str) -> None:
        """Ask about a commit that was neither asked about nor placed."""
        if commit in self._homes or commit in self._unknown or self._asked > _FEW:
            return
        self._asked += 1
        found = self._ask(None if self._asked > _FEW else [commit])
        self._homes = {**found, **self._homes}
        self._unknown.add(commit)

    def __getitem__(self, commit: str) -> Home | None:
        self._find(commit)
        return self._homes[commit]

    def __setitem__(self, commit: str, home: Home | None) -> None:
        self._homes[commit] = home

    def __contains__(self, commit: object) -> bool:
        assert isinstance(commit, str)
        self._find(commit)
        return commit in self._homes

    def __delitem__(self, commit: str) -> None:
        raise NotImplementedError("what is known stays known")

    def __iter__(self) -> Iterator[str]:
        return iter(self._homes)

    def __len__(self) -> int:
        return len(self._homes)
