"""Which names never enter a tree: built-in ones, and those that `.omprovignore` files tell.

A `.omprovignore` follows the rules of `.gitignore`, nested files included; it is itself recorded.
"""

from __future__ import annotations

import os
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omprov.content._format._nodes import check_entry_name

if TYPE_CHECKING:
    from typing import Self

IGNORE_FILE = b".omprovignore"
PARTIAL_FOLDER = b".omprov-partial"
"""Where `materialize` keeps files that are not complete yet."""
ALWAYS_IGNORED = frozenset({b".omprov", b".git", b".hg", PARTIAL_FOLDER})
"""Other books kept on the same folder: recording them would record ourselves."""


def may_hold(name: bytes) -> bool:
    """Say whether a folder of a tree may hold a file or folder of this name."""
    return check_entry_name(name) and name not in ALWAYS_IGNORED


class IgnoreRules:
    """The rules in force in one folder: its own before those of the folders above."""

    def __init__(self, spec: Any = None, above: IgnoreRules | None = None, base: int = 0) -> None:
        self._spec = spec
        self._above = above
        self._base = base

    def enter(self, folder: bytes) -> IgnoreRules:
        """Return the rules for a folder that holds a `.omprovignore`."""
        lines = Path(os.fsdecode(folder), os.fsdecode(IGNORE_FILE)).read_bytes().splitlines()
        spec = _load_spec().from_lines([os.fsdecode(line) for line in lines])
        return IgnoreRules(spec, self, len(folder) + 1)

    def kept(self, folder: bytes, names: list[bytes]) -> list[bytes]:
        """Return those of the names in a folder that stay in; those of folders end in ``/``."""
        if self._spec is None and self._above is None:
            return [name for name in names if name.rstrip(b"/") not in ALWAYS_IGNORED]
        return [
            name
            for name in names
            if not self.ignores(folder + b"/" + name.rstrip(b"/"), is_folder=name.endswith(b"/"))
        ]

    def ignores(self, path: bytes, *, is_folder: bool) -> bool:
        """Say whether the file or folder at `path` stays out.

        Args:
            path: as it is opened; its folder is the one these rules were made for, or below.
            is_folder: patterns that end in a slash match folders only.
        """
        if path.rpartition(b"/")[2] in ALWAYS_IGNORED:
            return True
        rules: IgnoreRules | None = self
        while rules is not None and rules._spec is not None:  # noqa: SLF001 - of its own class
            name = os.fsdecode(path[rules._base :]) + ("/" if is_folder else "")  # noqa: SLF001
            verdict = rules._spec.check_file(name).include  # noqa: SLF001
            if verdict is not None:
                return bool(verdict)
            rules = rules._above  # noqa: SLF001
        return False


class KeepAll(IgnoreRules):
    """The rules where `.omprovignore` does not count."""

    def enter(self, folder: bytes) -> Self:  # noqa: ARG002 - the same everywhere
        """Return the same rules."""
        return self


@cache
def _load_spec() -> Any:
    # Loaded on use: most folders have no such file.
    return import_module("pathspec").GitIgnoreSpec
