"""Facts that take time to find out, kept in files beside what they were found out from."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from blake3 import blake3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_MOST = 50
"""Files that are kept."""


def stamps(paths: Iterable[str]) -> dict[str, int]:
    """Return when files and folders changed last; 0 where there is nothing."""
    return {path: _changed(path) for path in paths}


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - many, and quick
    except OSError:
        return 0


class FactCache:
    """A folder with a small file for each set of facts. Without a folder nothing is kept.

    A file that cannot be read counts as none; one that cannot be written is done without. Two
    processes may use it at once.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, what: str, key: object, find: Callable[[], tuple[Any, Iterable[str]]]) -> Any:
        """Return facts, found out now or before.

        Args:
            what: a word for the name of the file.
            key: what the facts depend on, as JSON data.
            find: returns the facts as JSON data, and the files and folders that they came from:
                where one of these changes, they are found out anew.
        """
        if self._folder is None:
            return find()[0]
        name = blake3(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]
        path = self._folder / f"{what}-{name}.json"
        with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
            kept = json.loads(path.read_bytes())
            if all(_changed(one) == time for one, time in kept["stamps"].items()):
                return kept["facts"]
        facts, paths = find()
        self._write(path, {"facts": facts, "stamps": stamps(paths)})
        return facts

    def _write(self, path: Path, kept: dict[str, Any]) -> None:
        partial = path.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(json.dumps(kept), encoding="utf-8")
            partial.replace(path)
            known = sorted(path.parent.glob("*.json"), key=lambda one: one.stat().st_mtime_ns)
            for old in known[:-_MOST]:
                old.unlink(missing_ok=True)
