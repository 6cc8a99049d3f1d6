"""What a repository keeps on this machine, wherever its catalog is."""

from __future__ import annotations

import os
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Self

from omprov.errors import InvalidInput
from omprov.repository._config import Config
from omprov.repository._copies import Copies
from omprov.repository._layout import CONFIG, COPIES, WORKSPACE, workspace_root
from omprov.repository._workspace import Workspace

if TYPE_CHECKING:
    from omprov.content import ContentStore


class Local:
    """The settings, the content store, the workspace and the local copies in one folder."""

    who: str
    project: str
    keeps_references: bool = True
    """Whether a version may be recorded without its bytes, by where they lie."""

    def __init__(self, path: Path, content: ContentStore) -> None:
        self.path = path
        self.content = content
        self.config = Config(path / CONFIG)
        self.workspace = Workspace(workspace_root(path), path / WORKSPACE)
        self._copies = Copies(path / COPIES, content)

    def close(self) -> None:
        """Release files; the repository is of no use afterwards."""
        self._copies.close()
        self.content.close()

    def view(self, *, who: str, project: str | None = None) -> Self:
        """Return this repository as another person works with it, in another project.

        Both share all parts: close this one, and not the view.

        Args:
            who: the name recorded with every change.
            project: the project of references that name none; the same where left out.
        """
        seen = copy(self)
        seen.who = who
        seen.project = project or self.project
        return seen

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _refuse_own(self, path: Path) -> None:
        """Keep what users read and write out of the repository's own folder."""
        own, real = os.path.realpath(self.path), Path(os.path.realpath(path))
        if real.is_relative_to(own) and not real.is_relative_to(Path(own, COPIES)):
            raise InvalidInput(f"{path} lies within the repository itself: take another folder")
