"""Which files git takes care of: those it tracks are part of an algorithm's version."""

# ruff: noqa: PTH118, PTH120
# Paths are text here, as they were opened; there may be millions.

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pygit2


class Tracked:
    """The git repositories around the files of a run, each opened once."""

    def __init__(self) -> None:
        self._repositories: dict[str, _Checkout | None] = {}

    def is_tracked(self, path: str) -> bool:
        """Say whether the checkout that holds a file tracks it."""
        checkout = self._around(os.path.dirname(path))
        return checkout is not None and checkout.relative(path) in checkout.tracked

    def is_ignored(self, path: str) -> bool:
        """Say whether git was told to leave a file alone, or there is no checkout."""
        checkout = self._around(os.path.dirname(path))
        return checkout is not None and checkout.is_ignored(path)

    def _around(self, folder: str) -> _Checkout | None:
        if folder not in self._repositories:
            above = os.path.dirname(folder)
            if os.path.lexists(os.path.join(folder, ".git")):
                self._repositories[folder] = _open(folder)
            elif above == folder:
                self._repositories[folder] = None
            else:
                self._repositories[folder] = self._around(above)
        return self._repositories[folder]


class _Checkout:
    def __init__(self, folder: str, repository: pygit2.Repository) -> None:
        self._base = folder.rstrip("/") + "/"
        self._repository = repository
        self.tracked = {entry.path for entry in repository.index}

    def relative(self, path: str) -> str:
        return path.removeprefix(self._base)

    def is_ignored(self, path: str) -> bool:
        try:
            return self._repository.path_is_ignored(self.relative(path))
        except (UnicodeEncodeError, ValueError):
            return False


def _open(folder: str) -> _Checkout | None:
    import pygit2  # loaded on use

    try:
        return _Checkout(folder, pygit2.Repository(folder))
    except (pygit2.GitError, KeyError, UnicodeDecodeError):
        return None
