"""Files that say which others to leave out, by git's rules: ``.omprovignore``, ``.gitignore``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pathspec import GitIgnoreSpec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OWN = ".omprovignore"
GIT = ".gitignore"


class IgnoreFiles:
    """The rules of one folder and those in it; nearer files win, and later lines in a file.

    Args:
        top: the folder.
        names: the files to obey, in each folder.
    """

    def __init__(self, top: Path, names: Sequence[str]) -> None:
        self._top = top
        self._names = names
        self._specs: dict[str, list[GitIgnoreSpec]] = {}
        self._folders: dict[str, bool] = {"": False}

    def ignores(self, path: str) -> bool:
        """Say whether a file, or a folder (``a/``), is left out: itself or a folder it lies in.

        Args:
            path: from the top, ``/``-separated.
        """
        folder, _, _ = path.rstrip("/").rpartition("/")
        return self._ignores_folder(folder) or self._verdict(path)

    def _ignores_folder(self, folder: str) -> bool:
        known = self._folders.get(folder)
        if known is None:
            known = self._folders[folder] = self.ignores(folder + "/")
        return known

    def _verdict(self, path: str) -> bool:
        folder = path.rstrip("/").rpartition("/")[0]
        while True:
            below = path[len(folder) + 1 :] if folder else path
            for spec in self._rules(folder):
                verdict = spec.check_file(below).include
                if verdict is not None:
                    return bool(verdict)
            if not folder:
                return False
            folder = folder.rpartition("/")[0]

    def _rules(self, folder: str) -> list[GitIgnoreSpec]:
        found = self._specs.get(folder)
        if found is None:
            found = []
            for name in self._names:
                try:
                    raw = (self._top / folder / name).read_bytes()
                except OSError:
                    continue
                lines = raw.decode(errors="surrogateescape").splitlines()
                found.append(GitIgnoreSpec.from_lines(lines))
            self._specs[folder] = found
        return found
