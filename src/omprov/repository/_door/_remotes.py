"""Remotes: which there are, and moving content there and back."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from omprov.content import RemoteSettings
from omprov.errors import NotFound
from omprov.repository import _remotes
from omprov.repository._door._versions import Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from omprov.content import Moved, Progress, Remote
    from omprov.records import Digest, Version
    from omprov.repository._door._opened import AnyVersion

    Move = Callable[[Remote, Iterable[Digest], Progress | None], Moved]
    AnyRemote = str | RemoteSettings | None
    """A remote, its name or its URL; ``None`` is the default one."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a push or a pull did.

    Attributes:
        remote: which.
        packs: how many were placed.
        objects: how many objects were in them.
        bytes: of these packs.
        moved: the versions of which something was moved.
        complete: the versions that were there already.
        absent: the versions that where they should come from does not have.
    """

    remote: RemoteSettings
    packs: int
    objects: int
    bytes: int
    moved: tuple[Version, ...]
    complete: tuple[Version, ...]
    absent: tuple[Version, ...]


class Remotes(Versions):
    """Remotes: which there are, and moving content there and back.

    A remote holds content: the files of versions, named by digest. The catalog (which versions
    there are, what they inherit, runs) is not in it.
    """

    def list_remotes(self) -> list[RemoteSettings]:
        """Return the remotes; the first is the default."""
        return _remotes.list_remotes(self.config)

    def add_remote(self, name: str, url: str, *, options: Mapping[str, str] | None = None) -> bool:
        """Add a remote to the settings, once it was seen that it can be reached.

        The opened repository does not read from it; one that is opened later does.

        Returns:
            Whether there is a store already.

        Raises:
            AlreadyExists: one has this name.
            InvalidInput: name, URL or options cannot be right, or an option is a secret.
            SchemaMismatch: a newer release made the store there.
            Unavailable: it cannot be reached.
        """
        settings = RemoteSettings(name, url, dict(options or {}))
        _remotes.check_remote(self.config, settings)
        with closing(self.content.remote(settings)) as remote:
            exists = remote.exists()
        _remotes.add_remote(self.config, settings)
        return exists

    def remove_remote(self, name: str) -> None:
        """Take a remote out of the settings; what it holds stays.

        Raises:
            NotFound: there is none of this name.
        """
        _remotes.remove_remote(self.config, name)

    def push(
        self,
        references: Iterable[AnyVersion] = (),
        *,
        remote: AnyRemote = None,
        progress: Progress | None = None,
    ) -> Exchange:
        """Bring the content of versions to a remote; see `ContentStore.push`.

        Args:
            references: the versions; all where there are none.
            remote: its name or URL; the default one where left out.
            progress: told the packs and bytes.

        Raises:
            NotFound: there is no such version or remote, or it has no content here.
        """
        where = "It is not stored here"
        return self._exchange(self.content.push, references, remote, progress, where)

    def pull(
        self,
        references: Iterable[AnyVersion] = (),
        *,
        remote: AnyRemote = None,
        progress: Progress | None = None,
    ) -> Exchange:
        """Bring the content of versions here from a remote; see `ContentStore.pull`.

        Args:
            references: the versions; all where there are none.
            remote: its name or URL; the default one where left out.
            progress: told the packs and bytes.

        Raises:
            NotFound: there is no such version or remote, or the remote does not have its content.
        """
        where = "It is not in {}"
        return self._exchange(self.content.pull, references, remote, progress, where)

    def _exchange(
        self,
        move: Move,
        references: Iterable[AnyVersion],
        remote: AnyRemote,
        progress: Progress | None,
        where: str,
    ) -> Exchange:
        settings = (
            remote
            if isinstance(remote, RemoteSettings)
            else _remotes.get_remote(self.config, remote)
        )
        named = [self.get_version(reference) for reference in references]
        versions = self._by_digest(named)
        with closing(self.content.remote(settings)) as opened:
            moved = move(opened, versions, progress)
        if named and moved.absent:
            version = versions[moved.absent[0]][0]
            raise NotFound("content", version, hint=f"{where.format(settings.url)}.")
        return Exchange(
            settings,
            moved.packs,
            moved.objects,
            moved.bytes,
            *(
                tuple(version for digest in digests for version in versions[digest])
                for digests in (moved.moved, moved.complete, moved.absent)
            ),
        )

    def _by_digest(self, named: list[Version]) -> dict[Digest, list[Version]]:
        """Group versions by their content: those that are named, or all that have any."""
        if not named:
            with self._reading() as reader:
                keys = [key for _, key in reader.digests()]
                found = reader.get_versions(keys).values()
            named = [version for version in found if version.digest is not None]
        versions: defaultdict[Digest, list[Version]] = defaultdict(list)
        for version in named:
            if version.digest is None:
                raise NotFound("content", version, hint="Only the fact was recorded.")
            versions[version.digest].append(version)
        return versions
