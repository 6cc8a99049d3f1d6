"""Finds the source files among those that no version knows: untracked ones, a folder without git.

The walk is bounded: folders that tools fill, data sets and repositories of their own are not
entered, and each is said once.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ._code import LeftOut
from ._files import SourceFile, read_source
from ._rules import CACHES, find_cache, is_binary, is_code, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ._rules import Limits

_MOST_SEEN = 20_000
"""Names that are looked at in all."""
_MARKS = frozenset({"pyvenv.cfg", "CACHEDIR.TAG", "conda-meta"})
"""A folder that holds one of these is filled by a tool."""
_MOST_SAID = 1_000


class NewFiles:
    """Takes new files one by one, until the limits are met.

    Attributes:
        files: what was taken, by path.
        left_out: what was not, with reasons.
    """

    def __init__(
        self,
        top: Path,
        limits: Limits,
        *,
        ignores: Callable[[str], bool],
        held: Mapping[str, str],
        tracks: Callable[[str], bool],
        named: frozenset[str] = frozenset(),
        used: int = 0,
    ) -> None:
        """Prepare.

        Args:
            top: what paths are relative to.
            limits: how much to take.
            ignores: says of a path (a folder's ends in ``/``) whether it is left out silently.
            held: path of a file or folder → why it is something else than code.
            tracks: says whether a folder holds a tracked file.
            named: paths that the command names.
            used: bytes that count for the limit in all already.
        """
        self.files: dict[str, SourceFile] = {}
        self.left_out: list[LeftOut] = []
        self._top, self._limits = top, limits
        self._ignores, self._held, self._tracks = ignores, held, tracks
        self._named = named
        self._used = used
        self._seen = 0
        self._said: set[str] = set()
        self._beside: dict[str, bool] = {}

    def take(self, paths: Iterable[str]) -> None:
        """Take files, and what is in folders (whose paths end in ``/``), by path."""
        for path in sorted(paths):
            cache = find_cache(path)
            if path in self._named or cache is None:
                is_folder = path.endswith("/") or not path
                self._take_folder(path) if is_folder else self._take_file(path)
            else:
                self._leave(cache, "tools fill it")

    def _take_folder(self, path: str) -> None:
        """Take what is in a folder, unless the folder as a whole is something else than source."""
        reason = self._why_not_entered(path)
        if reason is not None:
            self._leave(path, reason)
            return
        try:
            entries = sorted(os.scandir(self._top / path), key=lambda entry: entry.name)
        except OSError as error:
            self._leave(path, f"it cannot be read: {error.strerror}")
            return
        if _MARKS.intersection(entry.name for entry in entries):
            self._leave(path, "tools fill it")
            return
        for entry in entries:
            if self._seen >= _MOST_SEEN:
                self._leave(path, f"more than {_MOST_SEEN} new files: the rest was not looked at")
                return
            self._seen += 1
            if entry.is_dir(follow_symlinks=False):
                self._take_folder(f"{path}{entry.name}/")
            elif entry.name != ".git":
                self._take_file(path + entry.name)

    def _why_not_entered(self, path: str) -> str | None:
        name = path[:-1].rpartition("/")[2]
        if not path:
            return None
        if self._ignores(path) or name in {".git", ".hg", ".omprov"}:
            return ""
        if name in CACHES or name.endswith((".egg-info", ".dist-info")):
            return "tools fill it"
        if path in self._held:
            return self._held[path]
        if (self._top / path / ".git").exists():
            return "it is a git repository of its own"
        return None

    def _take_file(self, path: str) -> None:
        if path in self._held:
            self._leave(path, self._held[path])
            return
        try:
            size = (self._top / path).lstat().st_size
        except OSError:
            return  # it went
        reason = refusal(
            path,
            size,
            self._limits,
            beside_code=self._lies_beside_code(path.rpartition("/")[0]),
            named=path in self._named,
        )
        if reason is None and not self._ignores(path):
            reason = self._read(path, size)
        elif reason is not None and self._ignores(path):
            return
        if reason is not None:
            self._leave(path, reason)

    def _read(self, path: str, size: int) -> str | None:
        """Take a file; return why not, if it cannot be."""
        if len(self.files) >= self._limits.files:
            return f"there are more than {self._limits.files} new files"
        if self._used + size > self._limits.total:
            return f"together they are larger than {self._limits.total >> 20} MiB"
        try:
            file = read_source(self._top / path)
        except OSError as error:
            return f"it cannot be read: {error.strerror}"
        if file is None:
            return "it is no file"
        if is_binary(file.content):
            return "it is binary"
        self.files[path] = file
        self._used += size
        return None

    def _lies_beside_code(self, folder: str) -> bool:
        known = self._beside.get(folder)
        if known is None:
            known = self._tracks(folder) or _holds_code(self._top / folder)
            self._beside[folder] = known
        return known

    def _leave(self, path: str, reason: str) -> None:
        if reason and path not in self._said and len(self.left_out) < _MOST_SAID:
            self._said.add(path)
            self.left_out.append(LeftOut(path, reason))


def _holds_code(folder: Path) -> bool:
    """Say whether program text lies in a folder; settings alone are written by programs, too."""
    settings = {".yaml", ".yml", ".toml", ".ini", ".cfg", ".conf"}
    try:
        with os.scandir(folder) as entries:
            return any(
                is_code(entry.name) and Path(entry.name).suffix.lower() not in settings
                for entry in entries
            )
    except OSError:
        return False
