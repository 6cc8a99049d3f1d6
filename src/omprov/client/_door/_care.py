"""What is done where the repository lies, and keeping small what is kept here."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NoReturn

from omprov.client._door._opened import Connected, not_here
from omprov.repository import GRACE, Freed, parse_duration, pinned_contents

if TYPE_CHECKING:
    from datetime import timedelta

    from omprov.content import Progress, RemoteSettings
    from omprov.records import Digest


class Care(Connected):
    """What is done where the repository lies, and keeping small what is kept here."""

    def collect(
        self,
        *,
        grace: timedelta | None = None,
        dry_run: bool = False,
        progress: Progress | None = None,
    ) -> Freed:
        """Free the space on this machine of what no folder holds and no run waits to record.

        What the server has stays there, and comes here again when it is needed.

        Args:
            grace: how long what was stored or brought here stays; the setting ``gc.grace``, or 24
                hours, where left out.
            dry_run: change nothing, and say what would be done.
            progress: called as content is dealt with.
        """
        length = parse_duration(self.config.get("gc.grace") or GRACE) if grace is None else grace
        copies = self._copies.clear(self._kept(), now=time.time(), grace=length, dry_run=dry_run)
        content = self.content.collect(self._kept, grace=length, dry_run=dry_run, progress=progress)
        return Freed(content, copies)

    def _kept(self) -> set[Digest]:
        return pinned_contents(self.path) | {held.digest for held in self.workspace.list()}

    def list_remotes(self) -> list[RemoteSettings]:
        """Return no remotes: the server knows its own."""
        return []

    def check(self, **_: Any) -> NoReturn:
        """Refuse: it is done where the repository lies."""
        raise not_here("verifying a repository")

    def repair(self, **_: Any) -> NoReturn:
        """Refuse: it is done where the repository lies."""
        raise not_here("mending a repository")

    def usage(self) -> NoReturn:
        """Refuse: it is done where the repository lies."""
        raise not_here("measuring what versions take up")

    def count_by_reference(self) -> NoReturn:
        """Refuse: it is done where the repository lies."""
        raise not_here("verifying a repository")

    def back_up(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: it is done where the repository lies."""
        raise not_here("backing a repository up")

    def check_remote(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: it is done where the repository lies."""
        raise not_here("verifying a remote")

    def add_remote(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: it is done where the repository lies."""
        raise not_here("naming remotes")

    def remove_remote(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: it is done where the repository lies."""
        raise not_here("naming remotes")

    def push(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: it is done where the repository lies."""
        raise not_here("pushing to a remote")

    def pull(self, *_: Any, **__: Any) -> NoReturn:
        """Refuse: it is done where the repository lies."""
        raise not_here("pulling from a remote")
