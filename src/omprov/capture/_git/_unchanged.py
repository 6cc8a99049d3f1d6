"""Importing a git history that has nothing new, without opening the repository or git's.

Opening both takes longer than to look at a few files. What the last import found is kept with the
state of git's references and the asset's tags that it left; while both are what they were, nothing
is new. The memory may be deleted at any time.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from omprov.repository import CACHE, glance_at_tags, memory_name, setup_of, write_memory

from ._state import find_git_folder, state_of
from ._synced import Synced

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from omprov.records import AssetName

_FORMAT = 1
TAGS = "git."
"""The tags of an asset that say what was imported begin so …"""
TIP = f"{TAGS}tip:"
"""… and those so that say from where."""
FOLDER = f"{TAGS}folder"
"""What was imported of the repository."""


class Asked(NamedTuple):
    """What was asked for; see `sync_git`."""

    path: str
    asset: str | None
    subfolder: str
    branches: Sequence[str]
    every: bool


class Memory:
    """The memory of one question to one repository.

    Args:
        repository: its ``.omprov`` folder.
        asked: the question.
    """

    def __init__(self, repository: Path, asked: Asked) -> None:
        self._repository = repository
        question = [_FORMAT, os.path.realpath(asked.path), *asked[1:]]
        self._file = repository / CACHE / "git" / memory_name(question)
        self._with_settings = asked.asset is None  # they say what the remote is called
        self._git_folder = find_git_folder(asked.path)
        self._before = self._state()

    def find(self) -> Synced | None:
        """Return what an import would bring, where that is known: nothing."""
        try:
            known = json.loads(self._file.read_text(encoding="ascii"))
            if self._before is None or known["state"] != self._before:
                return None
            tags = glance_at_tags(self._repository, *known["asset"])
            if tags is None or _own(tags) != known["tags"]:
                return None
            return Synced(known["name"], known["tips"], 0, 0, 0)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def keep(
        self,
        git_folder: str,
        asset: AssetName,
        tips: Mapping[str, str],
        tags: Mapping[str, str | None],
    ) -> None:
        """Remember what an import found that began when this was made.

        Args:
            git_folder: where libgit2 found git's books.
            asset: whose versions.
            tips: where it began.
            tags: of the asset, as the import left them; ``None`` for one that is gone.
        """
        own = _own(tags)
        if not self._is_sure(git_folder, own):
            return
        known = {
            "state": self._before,
            "asset": [asset.project, asset.kind, asset.name],
            "name": str(asset),
            "tips": dict(tips),
            "tags": own,
        }
        with suppress(OSError):
            write_memory(self._file, known)

    def _is_sure(self, git_folder: str, tags: Mapping[str, str]) -> bool:
        """Say whether all that the import looked at is in the state, and stayed as it was."""
        ours, before = self._git_folder, self._before
        if ours is None or before is None or before != self._state():
            return False
        references = [name.removeprefix(TIP) for name in tags if name.startswith(TIP)]
        return os.path.realpath(ours) == os.path.realpath(git_folder) and all(
            name == "HEAD" or name.startswith("refs/") for name in references
        )

    def _state(self) -> list[str] | None:
        if self._git_folder is None:
            return None
        state = state_of(self._git_folder, with_settings=self._with_settings)
        if state is None:
            return None
        return [str(self._git_folder), state, *setup_of(self._repository)]


def find_unchanged(repository: Path, asked: Asked) -> Synced | None:
    """Return what `sync_git` would, where it is known to bring nothing, without opening anything.

    Args:
        repository: its ``.omprov`` folder.
        asked: the question.
    """
    return Memory(repository, asked).find()


def _own(tags: Mapping[str, str | None]) -> dict[str, str]:
    return {
        name: value for name, value in tags.items() if value is not None and name.startswith(TAGS)
    }
