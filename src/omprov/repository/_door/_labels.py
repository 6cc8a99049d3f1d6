"""Aliases and tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omprov.errors import Conflict, InvalidInput, NotFound
from omprov.records import LATEST, Reference, check_name
from omprov.repository._door._runs import Runs
from omprov.repository._resolving import resolve_asset, resolve_version

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from omprov.records import Run, Version, VersionId
    from omprov.repository._door._opened import AnyAsset, AnyVersion


class Labels(Runs):
    """Aliases and tags."""

    def set_alias(self, reference: AnyVersion, alias: str) -> Version | None:
        """Point an alias at a version; return where it pointed before.

        Raises:
            InvalidInput: it reads as a version number or is ``latest``.
        """
        return self._point(reference, alias, lambda _: None)

    def move_alias(
        self, reference: AnyVersion, alias: str, *, previous: VersionId | None
    ) -> Version | None:
        """Point an alias at a version, if nobody else moved it meanwhile.

        Args:
            reference: which version.
            alias: its name.
            previous: where it has to point now; ``None`` where there must be no such alias.

        Raises:
            Conflict: it points elsewhere.
            InvalidInput: it reads as a version number or is ``latest``.
        """

        def check(before: Version | None) -> None:
            if (before and before.id) != previous:
                now = f"points to {before} now" if before else "is not there any more"
                raise Conflict(f"the alias {alias!r} {now}: somebody else moved it")

        return self._point(reference, alias, check)

    def _point(
        self, reference: AnyVersion, alias: str, check: Callable[[Version | None], None]
    ) -> Version | None:
        check_name(alias, "alias")
        if alias == LATEST or Reference("x", selector=alias).number is not None:
            raise InvalidInput(f"alias {alias!r} would hide a version; take another word")
        with self._writing() as writer:
            version = resolve_version(writer, reference, self.project)
            asset = resolve_asset(writer, version.asset, self.project)
            key = writer.set_alias(asset.id, alias, version.key)
            before = writer.get_versions([key])[key] if key is not None else None
            check(before)
            return before

    def remove_alias(self, asset: AnyAsset, alias: str) -> None:
        """Take an alias away.

        Raises:
            NotFound: the asset has no such alias.
        """
        with self._writing() as writer:
            found = resolve_asset(writer, asset, self.project)
            if writer.set_alias(found.id, alias, None) is None:
                raise NotFound("alias", alias, writer.aliases(found.name))

    def set_tags(self, reference: AnyVersion, tags: Mapping[str, str | None]) -> Version:
        """Set tags of a version; ``None`` takes one away."""
        with self._writing() as writer:
            version = resolve_version(writer, reference, self.project)
            writer.set_tags(version.id, tags)
            return writer.get_versions([version.key])[version.key]

    def set_run_tags(self, id: str, tags: Mapping[str, str | None]) -> Run:
        """Set tags of a run; ``None`` takes one away."""
        run = self.get_run(id)
        with self._writing() as writer:
            writer.set_tags(run.id, tags)
        return self.get_run(run.id)
